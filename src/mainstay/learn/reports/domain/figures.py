"""What a report is made of: sections of figures, each with the rows behind it and what it was before. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mainstay.learn.reports.domain.meaning import Meaning


class Of(StrEnum):
    """What kind of rows stand behind a figure."""

    INCIDENTS = "incidents"
    PAGES = "pages"
    RELEASES = "releases"
    REVIEWS = "reviews"
    PROBLEMS = "problems"
    ACTIONS = "actions"
    RULES = "rules"


class Unit(StrEnum):
    """How a value is written."""

    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"
    EACH = "each"
    POINTS = "points"


@dataclass(frozen=True)
class Figure:
    """One number. ``value`` is nothing where there is nothing to measure; ``rows`` name what it counts."""

    key: str
    label: str
    value: float | None
    unit: Unit
    of: Of
    rows: tuple[int, ...] = ()
    before: float | None = None
    meaning: Meaning = Meaning.NONE


@dataclass(frozen=True)
class Line:
    """One line of a table: whose it is, and its figures."""

    label: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Section:
    """One part of a report: how its figures are made (``how``), or why there are none (``note``)."""

    key: str
    title: str
    how: str
    figures: tuple[Figure, ...] = ()
    head: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    note: str = ""

    @property
    def every(self) -> tuple[Figure, ...]:
        """All figures of it."""
        return (*self.figures, *(one for line in self.lines for one in line.figures))

    @property
    def telling(self) -> tuple[Figure, ...]:
        """The figures, if any of them is more than nothing now or was before: a table of noughts tells nobody more."""
        return self.figures if any(one.value or one.before for one in self.figures) else ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is said below the figures, or in their place."""
        if self.telling or self.lines:
            return tuple(one for one in (self.note, self.how) if one)
        return (self.note or "Nothing in this time, and nothing in the one before it.",)


@dataclass(frozen=True)
class Case:
    """An incident as reports see it. ``alerts`` began in it; ``by_users`` says that people noticed it first,
    ``known`` that it is of a problem that is known.
    """

    number: int
    priority: int
    started: datetime
    opened: datetime
    acknowledged: datetime | None
    restored: datetime | None
    alerts: int = 0
    by_users: bool = False
    known: bool = False


@dataclass(frozen=True)
class Promise:
    """How a goal of an incident that is over was kept. ``at`` lies in the time in which it was resolved."""

    incident: int
    goal: str
    met: bool
    at: datetime


@dataclass(frozen=True)
class Paged:
    """A person was told of an incident. ``night`` and ``hour``, counted on, are by the person's own clock."""

    number: int
    person: str
    at: datetime
    night: bool
    hour: int


@dataclass(frozen=True)
class Shipped:
    """A release, when it began, and where it stands."""

    number: int
    at: datetime
    state: str


@dataclass(frozen=True)
class Reviewed:
    """A look at whether a service can be supported."""

    number: int
    service: str
    at: datetime
    score: int


@dataclass(frozen=True)
class Trouble:
    """A problem: since when it is one, until when, and whether it was solved then."""

    number: int
    made: datetime
    ended: datetime | None
    solved: bool


@dataclass(frozen=True)
class Owed:
    """An action that somebody owes: due before ``due``, and when it was done or dropped."""

    number: int
    due: datetime
    ended: datetime | None
    done: bool


@dataclass(frozen=True)
class Flapping:
    """A rule whose same alert began to fire so often in the time."""

    name: str
    times: int


@dataclass(frozen=True)
class Data:
    """Everything of a time and of the one before it. ``flapping`` is nothing where it cannot be told."""

    cases: Sequence[Case] = ()
    promises: Sequence[Promise] = ()
    pages: Sequence[Paged] = ()
    releases: Sequence[Shipped] = ()
    reviews: Sequence[Reviewed] = ()
    flapping: Sequence[Flapping] | None = ()
    problems: Sequence[Trouble] = ()
    actions: Sequence[Owed] = ()


def middle(values: Sequence[float]) -> float | None:
    """The median."""
    ordered = sorted(values)
    if not ordered:
        return None
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def ninety(values: Sequence[float]) -> float | None:
    """The nearest-rank 90th percentile: a value that was measured."""
    ordered = sorted(values)
    return ordered[-(-9 * len(ordered) // 10) - 1] if ordered else None


def seconds(length: timedelta) -> float:
    """A length in seconds, never below none: clocks of senders may be ahead."""
    return max(length.total_seconds(), 0.0)
