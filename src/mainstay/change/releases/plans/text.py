"""Texts with places for values: ``${order}`` for what was taken, ``${secret:NAME}`` for a secret. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

_PLACE = re.compile(r"\$\{(secret:)?([A-Za-z0-9._-]+)\}")
# Where a value of an answer is taken from when it is no JSON pointer.
HEADER, TEXT = "header:", "text:"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class MissingError(ValueError):
    """There is nothing at a place of an answer."""


def names_in(text: str) -> set[str]:
    """The values that a text asks for."""
    return {name for secret, name in _PLACE.findall(text) if not secret}


def secrets_in(text: str) -> set[str]:
    """The secrets that it asks for."""
    return {name for secret, name in _PLACE.findall(text) if secret}


def fill(text: str, values: Mapping[str, str], secrets: Mapping[str, str], escape: Callable[[str], str]) -> str:
    """The text with its values. What is put in is not read for places again."""

    def put(found: re.Match[str]) -> str:
        return escape((secrets if found[1] else values)[found[2]])

    return _PLACE.sub(put, text)


def in_url(value: str) -> str:
    """A value as one part of an address."""
    return quote(value, safe="")


def in_json(value: str) -> str:
    """A value as it stands between the quotation marks of a JSON text."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def as_it_is(value: str) -> str:
    """A value for plain text."""
    return value


def in_header(value: str) -> str:
    """A value for a header, which it cannot break out of."""
    return "".join(sign for sign in value if sign.isprintable()).encode("latin-1", "replace").decode("latin-1")


def at(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to. Raises ``MissingError`` that names the part which is not there."""
    found = document
    for written in pointer.split("/")[1:]:
        part = written.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and _INDEX.fullmatch(part) and int(part) < len(found):
            found = found[int(part)]
        else:
            raise MissingError(f"there is no {pointer}")
    return found
