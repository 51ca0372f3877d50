"""The calendar as iCalendar (RFC 5545), for the calendars that people look at anyway.

Every occurrence is an event of its own with its moments in UTC: what the clocks do to an entry is worked out here, by
the same code that the gate uses, and not again by each reader.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from mainstay.catalog.calendar.entries import KINDS, Entry, Occurrence

_LONGEST = 73


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


def render(found: Iterable[tuple[datetime, Entry, Occurrence]], now: datetime, url: str) -> str:
    """Occurrences as one document. ``url`` is the address of the calendar's screen."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Mainstay//calendar//EN", "X-WR-CALNAME:Changes of production"]
    for _, entry, one in found:
        raw = entry.raw
        told = f"{KINDS[raw.kind]} for {raw.scope}" + (f": {raw.reason}" if raw.reason else "")
        lines += [
            "BEGIN:VEVENT",
            f"UID:{raw.key}-{_moment(one.start)}@mainstay",
            f"DTSTAMP:{_moment(now)}",
            f"DTSTART:{_moment(one.start)}",
            f"DTEND:{_moment(one.end)}",
            f"SUMMARY:{_escaped(f'{raw.name} ({KINDS[raw.kind]})')}",
            f"DESCRIPTION:{_escaped(told)}",
            f"CATEGORIES:{_escaped(KINDS[raw.kind])}",
            f"URL:{url}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    return "\r\n".join(map(_folded, [*lines, "END:VCALENDAR", ""]))
