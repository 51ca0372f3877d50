"""Arithmetic of spans of time. Pure. Spans are half open, in order, and do not meet one another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from mainstay.catalog.calendar.civil import moment_of, wall, zone_of
from mainstay.catalog.domain import Hours

ZERO = timedelta()
_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Span:
    """From ``start`` up to and without ``end``, UTC."""

    start: datetime
    end: datetime


Spans = tuple[Span, ...]


def union(found: Iterable[Span]) -> Spans:
    """All time that lies in any of them; those that touch become one, empty ones nothing."""
    merged: list[Span] = []
    for one in sorted(found):
        if one.end <= one.start:
            continue
        if merged and one.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, one.end))
        else:
            merged.append(one)
    return tuple(merged)


def common(left: Sequence[Span], right: Sequence[Span]) -> Spans:
    """The time that lies in both."""
    found, here, there = [], 0, 0
    while here < len(left) and there < len(right):
        one, other = left[here], right[there]
        start, end = max(one.start, other.start), min(one.end, other.end)
        if start < end:
            found.append(Span(start, end))
        if one.end <= other.end:
            here += 1
        else:
            there += 1
    return tuple(found)


def without(spans: Sequence[Span], stops: Sequence[Span]) -> Spans:
    """The time of the first that lies in none of the second."""
    if not stops or not spans:
        return tuple(spans)
    edges = [spans[0].start, *(edge for one in stops for edge in (one.start, one.end)), spans[-1].end]
    gaps = (Span(edges[place], edges[place + 1]) for place in range(0, len(edges), 2))
    return common(spans, tuple(one for one in gaps if one.start < one.end))


def length(spans: Iterable[Span]) -> timedelta:
    """How much time lies in them."""
    return sum((one.end - one.start for one in spans), ZERO)


def moment_after(spans: Iterable[Span], amount: timedelta) -> datetime | None:
    """The first moment by which so much of their time has passed; nothing when they do not hold so much."""
    for one in spans:
        if one.end - one.start >= amount:
            return one.start + amount
        amount -= one.end - one.start
    return None


def open_spans(hours: Hours, after: datetime, before: datetime) -> Spans:
    """The support hours in [after, before). On days on which clocks are moved they are what the clocks show."""
    if not hours.windows:
        return union([Span(after, before)])
    zone = zone_of(hours.timezone)
    day, last = wall(after, zone).date() - _DAY, wall(before, zone).date()
    found = []
    while day <= last:
        for days, start, end in hours.windows:
            if day.weekday() in days:
                found.append(Span(moment_of(_civil(day, start), zone), moment_of(_end(day, end), zone)))
        day += _DAY
    return common(union(found), (Span(after, before),))


def _civil(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock)


def _end(day: date, clock: time) -> datetime:
    """00:00 ends a window with the day."""
    return _civil(day, clock) + (_DAY if clock == time() else ZERO)
