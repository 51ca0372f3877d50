"""Read fields of decoded JSON, with an error that names the field and the remedy."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from mainstay.core.problems import ProblemError, bad_request


def parse_json(body: bytes) -> Any:
    """The body as JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {error}") from error


def an_object(value: Any, field: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise bad_request("write an object", field)
    return value


def string_map(value: Any, field: str) -> dict[str, str]:
    """An object of text to text; absent is empty."""
    found = an_object({} if value is None else value, field)
    for name, text in found.items():
        if not isinstance(text, str):
            raise bad_request("write text", f"{field}.{name}")
        if "\x00" in text or "\x00" in name:
            raise bad_request("write text without NUL characters", f"{field}.{name}")
    return dict(found)


def a_text(value: Any, field: str, limit: int, *, required: bool = False) -> str:
    """Text up to a length; absent is empty unless it is required."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise bad_request("write text", field)
    if required and not value.strip():
        raise bad_request("this field is required", field)
    if "\x00" in value:
        raise bad_request("write text without NUL characters", field)
    if len(value) > limit:
        raise bad_request(f"write at most {limit} characters", field)
    return value


def a_time(value: Any, field: str) -> datetime | None:
    """An RFC 3339 time with its offset; absent and Go's zero time are nothing."""
    if value in (None, "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"):
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            found = found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise bad_request("write an RFC 3339 time such as 2026-01-31T03:04:05Z", field) from None
    if found.tzinfo is None:
        raise bad_request("write the time with its offset, for example Z", field)
    return found


def several(problems: list[ProblemError]) -> ProblemError:
    """One problem for many: it names the first field and lists the rest."""
    first = problems[0]
    rest = [{"field": one.field, "detail": one.detail} for one in problems[:50]]
    return ProblemError(400, first.title, first.detail, first.field, errors=rest)
