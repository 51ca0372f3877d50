"""Ranges of time as people write them: ``last 15m``, ``-2h to -1h``, two moments, or a day."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mainstay.core.problems import bad_request

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LENGTH = re.compile(r"(\d{1,6})\s*(min|[smhdw])", re.IGNORECASE)
_LAST = re.compile(r"(?:last\s+)?(\d{1,6}\s*(?:min|[smhdw]))\Z", re.IGNORECASE)
_BACK = re.compile(r"-\s*(\d{1,6}\s*(?:min|[smhdw]))\Z", re.IGNORECASE)
LONGEST = timedelta(days=3660)
_REMEDY = (
    "write 'last 15m', '-2h to -1h', or two moments with their offset such as "
    "'2026-11-23T06:00:00+01:00 to 2026-11-23T07:00:00+01:00'"
)


@dataclass(frozen=True)
class Range:
    """From ``start`` to before ``end``, both with their zone. ``text`` is how it was written."""

    start: datetime
    end: datetime
    text: str

    @property
    def relative(self) -> bool:
        """Whether it moves with the clock."""
        return "T" not in self.text

    @property
    def locked(self) -> str:
        """The same range as two moments, which mean the same for everybody and for good."""
        return f"{stamp(self.start)} to {stamp(self.end)}"

    @property
    def micros(self) -> tuple[int, int]:
        """Start and end in microseconds since 1970 UTC."""
        return to_micros(self.start), to_micros(self.end)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment, in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC, with as many digits of a second as there are."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _length(text: str) -> timedelta:
    found = _LENGTH.match(text)
    assert found  # noqa: S101 - the callers have matched it
    return timedelta(seconds=int(found[1]) * _UNITS[found[2].lower()])


def _moment(text: str, now: datetime) -> datetime:
    text = text.strip()
    if text.lower() == "now":
        return now
    back = _BACK.match(text)
    if back:
        return now - min(_length(back[1]), LONGEST)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f"{text!r} is no time; {_REMEDY}", "range") from None
    if found.tzinfo is None:
        raise bad_request(f"{text!r} lacks its offset; write it as {text}Z or {text}+01:00", "range")
    return found.astimezone(UTC)


def parse(text: str, now: datetime) -> Range:
    """The range that a text means at ``now``. Raises ``ProblemError`` that names the field ``range``."""
    text = " ".join(text.split())
    last = _LAST.match(text)
    if last:
        return Range(now - min(_length(last[1]), LONGEST), now, f"last {last[1].replace(' ', '').lower()}")
    start_text, separator, end_text = text.partition(" to ")
    if not separator:
        raise bad_request(f"{text!r} is no range of time; {_REMEDY}", "range")
    start, end = _moment(start_text, now), _moment(end_text, now)
    if start >= end:
        raise bad_request(f"the range ends ({stamp(end)}) before it begins ({stamp(start)}); swap its sides", "range")
    if end - start > LONGEST:
        raise bad_request("the range is longer than ten years; write a shorter one", "range")
    return Range(start, end, text)


def of(start: datetime, end: datetime) -> Range:
    """The range between two moments."""
    return Range(start, end, f"{stamp(start)} to {stamp(end)}")
