"""The calendar as iCalendar (RFC 5545), for the calendars that people look at anyway.

Every occurrence of an entry is an event of its own with its moments in UTC: what the clocks do to it is worked out
here, by the same code that the gate uses, and not again by each reader.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_LONGEST = 73


@dataclass(frozen=True)
class Event:
    """Something that happens from ``start`` to ``end``. ``key`` with the start names it for ever."""

    key: str
    start: datetime
    end: datetime
    kind: str
    name: str
    told: str
    url: str


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\r\n", "\n").replace("\n", "\\n").replace("\r", "\\n")


def _folded(line: str) -> str:
    """A line in pieces of at most 75 octets, none of which splits a character."""
    pieces, piece, size = [], "", 0
    for sign in line:
        width = len(sign.encode())
        if size + width > _LONGEST:
            pieces.append(piece)
            piece, size = "", 1
        piece, size = piece + sign, size + width
    return "\r\n ".join([*pieces, piece])


def render(found: Iterable[Event], now: datetime) -> str:
    """Events as one document."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Mainstay//calendar//EN", "X-WR-CALNAME:Changes of production"]
    for one in found:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{one.key}-{_moment(one.start)}@mainstay",
            f"DTSTAMP:{_moment(now)}",
            f"DTSTART:{_moment(one.start)}",
            f"DTEND:{_moment(one.end)}",
            f"SUMMARY:{_escaped(f'{one.name} ({one.kind})')}",
            f"DESCRIPTION:{_escaped(one.told)}",
            f"CATEGORIES:{_escaped(one.kind)}",
            f"URL:{one.url}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    return "\r\n".join(map(_folded, [*lines, "END:VCALENDAR", ""]))
