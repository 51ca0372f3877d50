"""What an entry of the calendar means: when it comes true, and which services it covers. Pure."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from heapq import merge

from mainstay.catalog.calendar.civil import is_skipped, moment_of, read_civil, read_clock, wall, zone_of
from mainstay.catalog.calendar.recurrence import Rule, check_ever, civil_starts, complete, parse_rule

WINDOW, FREEZE, EVENT = "window", "freeze", "event"
KINDS = {WINDOW: "maintenance window", FREEZE: "freeze", EVENT: "business event"}
REACHES = ("alone", "dependents", "dependencies", "both")
CHANGES = ("correction", "job", "runbook", "release", "other")
LONGEST = timedelta(days=366)
# How far ahead the next window or freeze is looked for.
HORIZON = timedelta(days=400)
MAX_DATES = 200
# Clocks were moved by a day at most, ever; a little wider what is wanted is looked for in civil time.
_SLACK = timedelta(hours=26)


class CalendarError(ValueError):
    """An entry cannot be understood. ``field`` names the place, the text what to write."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field, self.text = field, text


@dataclass(frozen=True)
class Raw:
    """An entry as forms, files and tables hold it: civil times and rules are text."""

    key: str
    kind: str
    name: str
    timezone: str
    start: str
    lasts: int | None = None
    to: str = ""
    days_later: int = 0
    rrule: str = ""
    rdate: tuple[str, ...] = ()
    exdate: tuple[str, ...] = ()
    until: str = ""
    services: frozenset[str] = frozenset()
    reach: str = "alone"
    changes: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def scope(self) -> str:
        """The services that it names, as people read them."""
        return ", ".join(sorted(self.services)) or "everything"


@dataclass(frozen=True)
class Occurrence:
    """One time that an entry comes true: from ``start`` up to and without ``end``, UTC."""

    start: datetime
    end: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is so at a moment."""
        return self.start <= now < self.end


@dataclass(frozen=True)
class Entry:
    """An entry whose parts have been read."""

    raw: Raw
    start: datetime
    until: datetime | None
    to: time | None
    rule: Rule | None
    more: tuple[datetime, ...]
    without: frozenset[datetime]
    _found: list[tuple[datetime, datetime, Occurrence | None, Occurrence | None]] = field(
        default_factory=list, compare=False, repr=False
    )

    def occurrence(self, civil: datetime) -> Occurrence:
        """The occurrence that begins at a civil time.

        A length is real time that passes. An end on the clock is what the clock shows, however long that takes; only
        where the clocks skip the whole of it, it keeps its length and begins after the gap.
        """
        zone = zone_of(self.raw.timezone)
        start = moment_of(civil, zone)
        if self.to is None:
            return Occurrence(start, start + timedelta(seconds=self.raw.lasts or 0))
        ends = datetime.combine(civil.date(), self.to) + timedelta(days=self.raw.days_later)
        ends += timedelta(days=ends <= civil)
        end = moment_of(ends, zone)
        return Occurrence(start, end if end > start else start + (ends - civil))

    @property
    def longest(self) -> timedelta:
        """A length that no occurrence exceeds."""
        if self.to is None:
            return timedelta(seconds=self.raw.lasts or 0)
        return timedelta(days=self.raw.days_later + 2)

    def civil_starts(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """Civil starts in [after, before), in order, each once, without those that are left out."""
        if self.until is not None:
            before = min(before, self.until + timedelta(minutes=1))
        ruled = (
            civil_starts(self.rule, self.start, after, before)
            if self.rule
            else (one for one in (self.start,) if after <= one < before)
        )
        last = None
        for civil in merge(ruled, (one for one in self.more if after <= one < before)):
            if civil != last and civil not in self.without:
                yield civil
            last = civil

    def between(self, after: datetime, before: datetime) -> Iterator[Occurrence]:
        """Occurrences that have any of their time in [after, before), in the order of their starts."""
        zone = zone_of(self.raw.timezone)
        first, last = wall(after, zone) - self.longest - _SLACK, wall(before, zone) + _SLACK
        for civil in self.civil_starts(first, last):
            found = self.occurrence(civil)
            if found.end > after and found.start < before:
                yield found

    def now_and_next(self, now: datetime) -> tuple[Occurrence | None, Occurrence | None]:
        """The occurrence that holds now (the one that ends last), and the next that begins after now.

        What was found stands until that one ends or that next one begins, so it is remembered: the gate asks again and
        again for about the same moment.
        """
        for since, before, *found in self._found:
            if since <= now < before:
                return found[0], found[1]
        current, following = self._look(now)
        if following:
            before = min(following.start, current.end) if current else following.start
            self._found[:] = [(now, before, current, following)]
        return current, following

    def _look(self, now: datetime) -> tuple[Occurrence | None, Occurrence | None]:
        current: Occurrence | None = None
        for found in self.between(now, now + HORIZON):
            if found.start > now:
                return current, found
            if current is None or found.end > current.end:
                current = found
        return current, None

    def ends(self) -> datetime | None:
        """The moment after which it never comes true again; nothing where there is none or it is far."""
        if self.rule and not self.rule.count and not self.rule.until and self.until is None:
            return None
        bound = self.until or (self.rule.until if self.rule else None)
        last = max([bound or self.start, self.start, *self.more])
        if self.rule and self.rule.count:
            last = max([last, *civil_starts(self.rule, self.start, self.start, datetime(9990, 1, 1))])
        return moment_of(last, zone_of(self.raw.timezone)) + self.longest + _SLACK

    def covers(self, asked: str, needs: Collection[str], needed_by: Collection[str]) -> bool:
        """Whether a service is in its scope, given what that service needs and what needs it, near and far."""
        named, reach = self.raw.services, self.raw.reach
        if not named or asked in named:
            return True
        if reach in {"dependents", "both"} and not named.isdisjoint(needs):
            return True
        return reach in {"dependencies", "both"} and not named.isdisjoint(needed_by)


@lru_cache(maxsize=4096)
def entry_from(raw: Raw) -> Entry:
    """Read the parts of an entry. Raises ``CalendarError`` that names the field."""
    for name, value, known in (("kind", raw.kind, tuple(KINDS)), ("reach", raw.reach, REACHES)):
        if value not in known:
            raise CalendarError(name, f"write one of {', '.join(known)}")
    unknown = sorted(raw.changes - set(CHANGES))
    if unknown:
        raise CalendarError("changes", f"{unknown[0]!r} is not one of {', '.join(CHANGES)}")
    with _named("timezone"):
        zone = zone_of(raw.timezone)
    with _named("start"):
        start = read_civil(raw.start)
    to = _length(raw)
    with _named("until"):
        until = read_civil(raw.until) if raw.until else None
    if until and until < start:
        raise CalendarError("until", "it lies before start")
    if len(raw.rdate) + len(raw.exdate) > MAX_DATES:
        raise CalendarError("rdate", f"write at most {MAX_DATES} dates in rdate and exdate together")
    with _named("rdate"):
        more = tuple(sorted(read_civil(one) for one in raw.rdate))
    if more and more[0] < start:
        raise CalendarError("rdate", f"{more[0]:%Y-%m-%dT%H:%M} lies before start")
    with _named("exdate"):
        without = frozenset(read_civil(one) for one in raw.exdate)
    rule = None
    if raw.rrule:
        with _named("rrule"):
            rule = complete(parse_rule(raw.rrule, zone), start)
            check_ever(rule, start)
    return Entry(raw, start, until, to, rule, more, without)


@contextmanager
def _named(field: str) -> Iterator[None]:
    """Turns a ``ValueError`` of a block into one that names a field."""
    try:
        yield
    except CalendarError:
        raise
    except ValueError as error:
        raise CalendarError(field, str(error)) from error


def _length(raw: Raw) -> time | None:
    """The end on the clock; nothing where the entry lasts a length of time."""
    if (raw.lasts is None) == (not raw.to):
        raise CalendarError("lasts", "write either lasts, such as 2h, or to, such as '04:00'")
    if raw.lasts is not None:
        if not 60 <= raw.lasts <= LONGEST.total_seconds():
            raise CalendarError("lasts", f"write from 1m to {LONGEST.days}d")
        if raw.days_later:
            raise CalendarError("days_later", "it goes with to, not with lasts")
        return None
    if not 0 <= raw.days_later < LONGEST.days:
        raise CalendarError("days_later", f"write from 0 to {LONGEST.days - 1}")
    with _named("to"):
        return read_clock(raw.to)


def notes(entry: Entry, found: Occurrence) -> str:
    """What the clocks do to an occurrence, as a sentence; nothing on most days."""
    zone = zone_of(entry.raw.timezone)
    begins = entry.civil_starts(wall(found.start, zone) - _SLACK, wall(found.start, zone) + _SLACK)
    civil = next((one for one in begins if entry.occurrence(one) == found), None)
    if civil is not None and is_skipped(civil, zone):
        return f"the clocks skip {civil:%H:%M} on that day, it begins when they have been put forward"
    passed, shown = found.end - found.start, wall(found.end, zone) - wall(found.start, zone)
    if passed == shown:
        return ""
    return f"the clocks are changed meanwhile, {round(passed.total_seconds() / 60)} minutes pass"


def happenings(entries: Iterable[Entry], after: datetime, before: datetime) -> list[tuple[datetime, Entry, Occurrence]]:
    """Everything that happens in a span, by start. Occurrences that began before the span come first."""
    found = [(one.start, entry, one) for entry in entries for one in entry.between(after, before)]
    return sorted(found, key=lambda row: (row[0], row[1].raw.key))
