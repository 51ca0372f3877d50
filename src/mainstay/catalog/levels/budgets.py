"""Budgets of errors: what an objective allows, what was used of it, and how fast it burns. Pure.

Terms and the alerts over several windows and burn rates are those of the SRE workbook (Beyer and others, O'Reilly
2018), chapter 5, "Alerting on SLOs": the share of the budget that each alert is about, and a short window beside each
long one so that an alert ends soon after its cause.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from mainstay.catalog.calendar.civil import moment_of, wall, zone_of

MINUTE, HOUR, DAY = 60, 3600, 86_400
# Windows in which the burn rate is told, by name, and the grain of the tallies that each is added up from.
BURNS: Mapping[str, tuple[timedelta, int]] = {
    "5m": (timedelta(minutes=5), MINUTE),
    "30m": (timedelta(minutes=30), MINUTE),
    "1h": (timedelta(hours=1), MINUTE),
    "6h": (timedelta(hours=6), HOUR),
    "3d": (timedelta(days=3), HOUR),
}
# A rate of which less is known says nothing that somebody should be woken for.
ENOUGH = 0.5


class Severity(StrEnum):
    """Whether somebody must look now, or in working hours."""

    PAGE = "page"
    TICKET = "ticket"


# (severity, long window, short window, share of the budget that the long one may use).
_ALERTS = (
    (Severity.PAGE, "1h", "5m", 0.02),
    (Severity.PAGE, "6h", "30m", 0.05),
    (Severity.TICKET, "3d", "6h", 0.10),
)


@dataclass(frozen=True)
class Window:
    """The time over which an objective holds: rolling days, or with 0 days the calendar month of a zone."""

    days: int
    timezone: str = "UTC"

    def start(self, until: datetime) -> datetime:
        """Where the window that ends at a moment begins."""
        return until - timedelta(days=self.days) if self.days else self._month(until, 0)

    def renews(self, until: datetime) -> datetime | None:
        """When the budget is whole again by itself; of rolling days nobody knows."""
        return None if self.days else self._month(until, 1)

    def length(self, until: datetime) -> timedelta:
        """The whole length, the part of a month that is still to come too."""
        return timedelta(days=self.days) if self.days else self._month(until, 1) - self._month(until, 0)

    def _month(self, moment: datetime, later: int) -> datetime:
        zone = zone_of(self.timezone)
        civil = wall(moment, zone)
        whole = civil.year * 12 + civil.month - 1 + later
        return moment_of(datetime(whole // 12, whole % 12 + 1, 1), zone)  # noqa: DTZ001 - civil time

    def cell(self, grain: int, moment: datetime) -> tuple[datetime, datetime]:
        """The minute, hour or day of the zone that a moment lies in: from, to."""
        if grain == DAY:
            return _day(self.timezone, moment)
        start = moment - timedelta(seconds=moment.timestamp() % grain)
        return start, start + timedelta(seconds=grain)


@lru_cache(maxsize=4096)
def _day(timezone: str, moment: datetime) -> tuple[datetime, datetime]:
    zone = zone_of(timezone)
    civil = wall(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return moment_of(civil, zone), moment_of(civil + timedelta(days=1), zone)


@dataclass(frozen=True)
class Tallied:
    """What happened from ``start`` to ``end``: events that went well, all of them, and the seconds that are known."""

    start: datetime
    end: datetime
    good: float
    total: float
    seconds: float


def added(found: Iterable[Tallied], since: datetime, until: datetime) -> Tallied:
    """What happened between two moments. Of a cell that lies across the beginning so much counts as lies inside."""
    good = total = seconds = 0.0
    for one in found:
        end = min(one.end, until)
        if end <= since or one.start >= end:
            continue
        part = (end - max(one.start, since)) / (end - one.start)
        good, total, seconds = good + one.good * part, total + one.total * part, seconds + one.seconds * part
    return Tallied(since, until, good, total, seconds)


@dataclass(frozen=True)
class Burn:
    """How fast the budget burns: at 1 it is used up as the window ends.

    ``known`` is the share of time behind it, ``failed`` how many events did not go well in it.
    """

    rate: float
    known: float
    failed: float


def burn(target: float, found: Tallied) -> Burn | None:
    """The rate over a stretch of time; nothing when nothing is known of it, which is not the same as none."""
    if not found.seconds:
        return None
    failed = found.total - found.good
    share = failed / found.total if found.total else 0.0
    return Burn(share / (1 - target), min(found.seconds / (found.end - found.start).total_seconds(), 1.0), failed)


def left(target: float, found: Tallied, length: timedelta) -> float | None:
    """The share of the budget that is left, below zero when more was used; nothing when nothing is known.

    The budget is that of the whole window. What is not known of it, or still to come, is taken to have the traffic of
    what is known and to have used nothing, so that the first error of a new service does not use up a month.
    """
    rate = burn(target, found)
    return None if rate is None else 1 - rate.rate * found.seconds / length.total_seconds()


def verdict(
    severity: Severity, burns: Mapping[str, Burn | None], length: timedelta, least_failed: int = 0
) -> bool | None:
    """Whether an alert of a severity is due; nothing when too little is known to say so or to take it back.

    A rate must be exceeded in the long window and in the short one. It is what uses up the alert's share of the budget
    within the long window, and never below 1, at which the objective is kept. Where fewer events than ``least_failed``
    did not go well in the long window, the rate is chance.
    """
    unknown = False
    for kind, long, short, share in _ALERTS:
        if kind is not severity:
            continue
        threshold = max(share * (length / BURNS[long][0]), 1.0)
        found = [burns.get(long), burns.get(short)]
        if any(one is not None and one.known >= ENOUGH and one.rate <= threshold for one in found):
            continue
        whole, recent = found
        if whole is None or recent is None or min(whole.known, recent.known) < ENOUGH:
            unknown = True
        # Rates over a minute add up to whole events but for a little.
        elif whole.failed >= least_failed - 0.5:
            return True
    return None if unknown else False
