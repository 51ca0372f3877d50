"""The values that the compiler takes and gives: grid, limits, compiled statement, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .errors import PromQLError

ValueType = Literal["vector", "scalar", "string"]
Order = Literal["", "asc", "desc", "label", "label_desc"]
Run = Callable[[str, dict[str, int | str]], list[tuple[object, ...]]]


@dataclass(frozen=True)
class Grid:
    """The evaluation times: `start_ms`, then every `step_ms` up to `end_ms`, all in milliseconds since 1970."""

    start_ms: int
    end_ms: int
    step_ms: int
    instant: bool = False

    def __post_init__(self) -> None:
        if self.step_ms <= 0:
            raise PromQLError("the step must be at least one millisecond")
        if self.end_ms < self.start_ms:
            raise PromQLError("the end must not lie before the start")

    @property
    def count(self) -> int:
        """How many evaluation times there are, at least one."""
        return (self.end_ms - self.start_ms) // self.step_ms + 1

    @property
    def last_ms(self) -> int:
        """The last evaluation time, which is `end_ms` or up to one step before it."""
        return self.start_ms + (self.count - 1) * self.step_ms

    def shifted(self, offset_ms: int) -> Grid:
        """The same grid moved into the past by `offset_ms` (into the future when negative)."""
        return Grid(self.start_ms - offset_ms, self.end_ms - offset_ms, self.step_ms, self.instant)


@dataclass(frozen=True)
class Limits:
    """What one query may cost. Points are grid points a series, as in Prometheus (11,000)."""

    max_points: int = 11_000
    max_depth: int = 40
    max_length: int = 20_000
    max_statement: int = 2_000_000
    max_seconds: int = 60
    max_memory_bytes: int = 2_000_000_000


@dataclass(frozen=True)
class Tables:
    """Names of the two tables, with a database in front where there are several. Trusted, never user input."""

    series: str = "series"
    samples: str = "samples"


@dataclass(frozen=True)
class Compiled:
    """One statement that answers one expression.

    `sql` gives one row a result series: `labels` as an array of (name, value) and `values` as an array with one
    nullable float a grid point. For a string expression `text` holds the answer and there is no statement.
    """

    sql: str
    settings: dict[str, int | str]
    value_type: ValueType
    grid: Grid
    order: Order = ""
    order_labels: tuple[str, ...] = ()
    text: str | None = None


@dataclass(frozen=True)
class Series:
    """One result series: `values` has shape (points,), and where `present` is False there is no sample.

    A NaN in `values` where `present` is True is a sample whose value is NaN.
    """

    labels: Mapping[str, str]
    values: NDArray[np.float64]
    present: NDArray[np.bool_]

    @property
    def value(self) -> float:
        """The last value of the series; the only one in the answer to an instant query."""
        return float(self.values[-1])


@dataclass(frozen=True)
class Answer:
    """The answer to a query: `times_ms` has shape (points,); a scalar is one series without labels."""

    value_type: ValueType
    times_ms: NDArray[np.int64]
    series: tuple[Series, ...] = field(default=())
    text: str | None = None
