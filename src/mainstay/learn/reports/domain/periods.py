"""Shifts, weeks and months in a team's own time zone, one after the other without gaps. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from mainstay.catalog.calendar.civil import moment_of


class Kind(StrEnum):
    """What a report is of."""

    SHIFT = "shift"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """From ``start`` up to and without ``end``, both in UTC. ``label`` names it in the zone."""

    kind: Kind
    start: datetime
    end: datetime
    zone: str
    label: str

    def holds(self, at: datetime | None) -> bool:
        """Whether a moment lies in it."""
        return at is not None and self.start <= at < self.end

    @property
    def length(self) -> timedelta:
        """How long it is; a week with a change of the clocks is an hour off."""
        return self.end - self.start


@dataclass(frozen=True)
class Calendar:
    """A zone, and the times of day at which shifts begin."""

    zone: ZoneInfo
    shifts: tuple[time, ...] = (time(6), time(14), time(22))

    def containing(self, kind: Kind, at: datetime) -> Period:
        """The shift, week or month that a moment lies in."""
        today = at.astimezone(self.zone).date()
        edges = sorted({self._moment(day, clock) for day, clock in self._edges(kind, today)})
        start, end = next(pair for pair in pairwise(edges) if pair[0] <= at < pair[1])
        return Period(kind, start, end, self.zone.key, self._label(kind, start))

    def before(self, period: Period) -> Period:
        """The one before."""
        return self.containing(period.kind, period.start - timedelta(microseconds=1))

    def ended(self, kind: Kind, now: datetime) -> Period:
        """The last one that is over."""
        return self.before(self.containing(kind, now))

    def _edges(self, kind: Kind, today: date) -> Sequence[tuple[date, time]]:
        """Days and times at which one ends and the next begins, around a day."""
        midnight = time()
        if kind is Kind.SHIFT:
            days = [today + timedelta(days=one) for one in range(-2, 3)]
            return [(day, clock) for day in days for clock in self.shifts]
        if kind is Kind.WEEK:
            monday = today - timedelta(days=today.weekday())
            return [(monday + timedelta(weeks=one), midnight) for one in range(-1, 3)]
        first = today.replace(day=1)
        months = [(first.year * 12 + first.month - 1 + one) for one in range(-1, 3)]
        return [(date(one // 12, one % 12 + 1, 1), midnight) for one in months]

    def _moment(self, day: date, clock: time) -> datetime:
        return moment_of(datetime.combine(day, clock), self.zone).astimezone(UTC)

    def _label(self, kind: Kind, start: datetime) -> str:
        local = start.astimezone(self.zone)
        if kind is Kind.SHIFT:
            return f"shift from {local:%Y-%m-%d %H:%M}"
        if kind is Kind.WEEK:
            year, week, _ = local.isocalendar()
            return f"week {week} of {year}"
        return f"{local:%B %Y}"
