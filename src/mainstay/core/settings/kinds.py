"""What a setting is, and the kinds of values that settings have."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class Spec:
    """One setting. ``parse`` turns text or a YAML value into the value, or raises ``ValueError`` with the remedy."""

    name: str
    default: Any
    help: str
    parse: Callable[[Any], Any]
    secret: bool = False

    @property
    def env(self) -> str:
        """The environment variable that sets it."""
        return "MAINSTAY_" + self.name.upper()


def text(value: Any) -> str:
    """Any text."""
    if isinstance(value, (dict, list)):
        raise ValueError("write one line of text")  # noqa: TRY004 - one error type for all bad values
    return "" if value is None else str(value)


def number(low: float, high: float) -> Callable[[Any], float]:
    """A number between two bounds, both included."""

    def parse(value: Any) -> float:
        try:
            found = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"write a number from {low:g} to {high:g}") from None
        if not low <= found <= high:
            raise ValueError(f"write a number from {low:g} to {high:g}")
        return found

    return parse


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number between two bounds, both included."""

    def parse(value: Any) -> int:
        try:
            found = int(str(value))
        except ValueError:
            raise ValueError(f"write a whole number from {low} to {high}") from None
        if not low <= found <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return found

    return parse


def flag(value: Any) -> bool:
    """Yes or no."""
    known = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise ValueError("write true or false")
    return found


def listen(value: Any) -> str:
    """HOST:PORT."""
    host, _, port = str(value).rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError("write HOST:PORT, for example 127.0.0.1:8000")
    return f"{host}:{port}"


def listen_or_off(value: Any) -> str:
    """HOST:PORT, or nothing for off."""
    return listen(value) if value else ""


def zone(value: Any) -> str:
    """A time zone by its name."""
    try:
        return ZoneInfo(str(value)).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("write the name of a time zone, for example Europe/Berlin") from None


def expressions(value: Any) -> tuple[str, ...]:
    """Regular expressions: a list, or text with one a line, since a comma may stand in one."""
    parts = value if isinstance(value, list) else str(value or "").splitlines()
    found = tuple(str(part).strip() for part in parts if str(part).strip())
    for one in found:
        try:
            re.compile(one)
        except re.error as error:
            raise ValueError(f"{one!r} is no regular expression: {error}") from None
    return found


def names(value: Any) -> tuple[str, ...]:
    """A list, or text with commas."""
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return tuple(str(part).strip() for part in parts if str(part).strip())
