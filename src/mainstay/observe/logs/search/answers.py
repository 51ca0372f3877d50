"""What a search gives back. Every answer carries a ``Scan``: what was looked through, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mainstay.core.problems import bad_request
from mainstay.observe.logs.search import times


@dataclass(frozen=True)
class Cursor:
    """A line's place: lines are ordered by time, then by number. Written ``MICROSECONDS.NUMBER``."""

    micros: int
    id: int

    def __str__(self) -> str:
        return f"{self.micros}.{self.id}"

    @classmethod
    def parse(cls, text: str, name: str = "cursor") -> "Cursor":
        """The place that a text names. Raises ``ProblemError``."""
        micros, _, number = text.partition(".")
        if micros.isascii() and micros.isdigit() and number.isascii() and number.isdigit() and len(text) < 42:
            return cls(int(micros), int(number))
        raise bad_request(f"{text[:60]!r} is no place of a line; take it from an answer", name)


@dataclass(frozen=True)
class Line:
    """One line with everything that is known of it."""

    time: datetime
    id: int
    service: str
    level: str
    pattern: int
    body: str
    trace_id: str
    span_id: str
    stream: str
    source: str
    format: str
    attributes: Mapping[str, str]
    exception: str
    frame: str
    fingerprint: int
    causes: tuple[str, ...]

    @property
    def cursor(self) -> Cursor:
        """Its place."""
        return Cursor(times.to_micros(self.time), self.id)


@dataclass(frozen=True)
class Scan:
    """What was looked through.

    ``start`` and ``end`` bound the range in UTC. ``matched`` lines match: exactly so many where ``exact``,
    else at least so many. ``cut`` says that more match than are given. Nothing is ever sampled.
    """

    start: datetime
    end: datetime
    read_lines: int
    read_bytes: int
    elapsed_ms: float
    matched: int
    exact: bool = True
    cut: bool = False
    sampled: bool = False


@dataclass(frozen=True)
class Page:
    """Lines, the newest first. ``older`` and ``newer`` are where the next page in each direction begins, if any."""

    lines: tuple[Line, ...]
    scan: Scan
    sql: str
    older: Cursor | None = None
    newer: Cursor | None = None


@dataclass(frozen=True)
class Histogram:
    """How many lines of each level fall in each bucket. ``counts[level][place]`` belongs to ``starts[place]``."""

    starts: tuple[datetime, ...]
    step: timedelta
    counts: Mapping[str, tuple[int, ...]]
    scan: Scan


@dataclass(frozen=True)
class Facet:
    """The most frequent values of a field. ``other_values`` more, with ``other_lines`` lines, are not listed."""

    field: str
    values: tuple[tuple[str, int], ...]
    other_values: int
    other_lines: int


@dataclass(frozen=True)
class Facets:
    """The facets of a query."""

    facets: tuple[Facet, ...]
    scan: Scan


@dataclass(frozen=True)
class Surroundings:
    """A line between those that came before and after it, in order of time."""

    before: tuple[Line, ...]
    line: Line
    after: tuple[Line, ...]
    scope: str


@dataclass(frozen=True)
class Stop:
    """One line of a journey. ``gap`` is the time since the line before, ``long`` whether that is unusual."""

    line: Line
    gap: timedelta
    long: bool = False
    first_error: bool = False


@dataclass(frozen=True)
class Journey:
    """The lines of all services that hold a key, in order of time."""

    key: str
    stops: tuple[Stop, ...]
    services: tuple[str, ...]
    scan: Scan


@dataclass(frozen=True)
class Rows:
    """What a statement of a person gave. ``cut`` says that more rows were left out."""

    names: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    cut: bool
    read_lines: int
    read_bytes: int
    elapsed_ms: float
    sql: str = field(default="")
