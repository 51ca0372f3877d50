"""What is agreed on incidents of a service: how soon, in which hours, and what stops the clock. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from mainstay.catalog.calendar.entries import Entry
from mainstay.catalog.domain import Hours, covered
from mainstay.catalog.levels.spans import Span, Spans, common, open_spans, union, without

CUSTOMER, THIRD_PARTY, DEVELOPERS = "customer", "third_party", "developers"
WAITS: Mapping[str, str] = {
    CUSTOMER: "waiting for the customer",
    THIRD_PARTY: "waiting for a third party",
    DEVELOPERS: "waiting for the developers",
}


@dataclass(frozen=True)
class Target:
    """What is agreed for one priority. ``in_hours`` counts support hours alone, else all time that passes."""

    acknowledge: timedelta | None
    restore: timedelta | None
    in_hours: bool


@dataclass(frozen=True)
class Opening:
    """When support is open: weekly hours, or the occurrences of an entry, both without those of other entries."""

    hours: Hours = field(default_factory=Hours)
    during: Entry | None = None
    closed: tuple[Entry, ...] = ()

    @property
    def is_always(self) -> bool:
        """Whether it never closes."""
        return not (self.hours.windows or self.during or self.closed)

    def between(self, after: datetime, before: datetime) -> Spans:
        """The time in [after, before) in which support is open."""
        if self.is_always:
            return union([Span(after, before)])
        first = after.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        last = before.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return common(_opened(self, first, last), union([Span(after, before)]))


@lru_cache(maxsize=2048)
def _opened(opening: Opening, after: datetime, before: datetime) -> Spans:
    """Whole days, so that the clocks of many incidents share what was worked out."""
    found = open_spans(opening.hours, after, before)
    if opening.during is not None:
        found = common(found, _times_of(opening.during, after, before))
    return without(found, union(one for entry in opening.closed for one in _times_of(entry, after, before)))


def _times_of(entry: Entry, after: datetime, before: datetime) -> Spans:
    return union(Span(one.start, one.end) for one in entry.between(after, before))


@dataclass(frozen=True)
class Agreement:
    """An agreement as clocks need it. ``services`` is nothing when it is about everything."""

    key: str
    name: str
    targets: Mapping[int, Target]
    opening: Opening = field(default_factory=Opening)
    services: frozenset[str] = frozenset()
    team: str | None = None
    tiers: frozenset[int] = frozenset()
    of_everything: bool = False
    stops_for: frozenset[str] = frozenset()
    stops_in_maintenance: bool = False
    stops_in_windows: bool = False
    # Why its hours cannot be told. A deadline is never guessed, so there is none.
    trouble: str = ""

    def target(self, priority: int) -> Target:
        """What is agreed for a priority. Where nothing is, time still counts, for when the priority changes."""
        return self.targets.get(priority) or Target(None, None, not self.opening.is_always)

    def closeness(self, service: str | None, team: str | None, tier: int | None) -> int:
        """How closely it names a service: itself 4, its team 3, its tier 2, everything 1, not at all 0."""
        if service is not None and service in self.services:
            return 4
        if team is not None and team == self.team:
            return 3
        if tier in self.tiers:
            return 2
        return 1 if self.of_everything else 0


def choose(
    agreements: Iterable[Agreement], service: str | None, team: str | None, tier: int | None
) -> Agreement | None:
    """The agreement that names a service the closest; of two that do so alike, the first by key."""
    found = [(one.closeness(service, team, tier), one) for one in agreements]
    best = sorted((pair for pair in found if pair[0]), key=lambda pair: (-pair[0], pair[1].key))
    return best[0][1] if best else None


def covering(entries: Iterable[Entry], service: str, dependencies: Sequence[tuple[str, str]]) -> tuple[Entry, ...]:
    """Those of the entries that cover a service."""
    return tuple(
        one
        for one in entries
        if not one.raw.services or service in covered(one.raw.services, one.raw.reach, dependencies)
    )
