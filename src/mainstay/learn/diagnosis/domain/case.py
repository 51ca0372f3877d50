"""What a diagnosis looks at: an alert with two spans of time, and whatever is known of them. Pure.

Any part may be missing; a diagnosis then says which, and does with the rest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import polars as pl

# The columns of each part. Times are seconds since 1970, UTC.
METRICS: Final = {"time": pl.Float64, "service": pl.String, "metric": pl.String, "value": pl.Float64}
LOGS: Final = {"time": pl.Float64, "service": pl.String, "level": pl.String, "message": pl.String}
# What a line may tell besides.
TRACED: Final = {"trace_id": pl.String, "span_id": pl.String}
SPANS: Final = {
    "trace_id": pl.String,
    "span_id": pl.String,
    "parent_id": pl.String,
    "service": pl.String,
    "operation": pl.String,
    "start": pl.Float64,
    "end": pl.Float64,
}


@dataclass(frozen=True)
class Window:
    """From ``start`` up to and without ``end``."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def of(self, frame: pl.DataFrame, column: str = "time") -> pl.DataFrame:
        """The rows of it."""
        return frame.filter((pl.col(column) >= self.start) & (pl.col(column) < self.end))


def longest_without(whole: Window, troubles: Iterable[Window]) -> Window:
    """The longest part of a window in which none of the troubles was; the whole of it where there is no such part."""
    parts, start = [], whole.start
    for one in sorted(troubles, key=lambda each: each.start):
        if one.start > start:
            parts.append(Window(start, min(one.start, whole.end)))
        start = max(start, one.end)
        if start >= whole.end:
            break
    if start < whole.end:
        parts.append(Window(start, whole.end))
    return max((one for one in parts if one.seconds > 0), key=lambda one: one.seconds, default=whole)


@dataclass(frozen=True)
class Alert:
    """What was noticed: where, when, and by which metric if it was one."""

    service: str
    time: float
    metric: str = ""


@dataclass(frozen=True)
class Change:
    """Something that somebody changed. ``diff`` is a patch, or empty where it is not known."""

    time: float
    service: str
    kind: str
    id: str
    summary: str = ""
    diff: str = ""


@dataclass(frozen=True)
class Case:
    """One disturbance. ``normal`` is a span before it without harm, ``problem`` the span in which it was."""

    alert: Alert
    normal: Window
    problem: Window
    metrics: pl.DataFrame | None = None
    logs: pl.DataFrame | None = None
    spans: pl.DataFrame | None = None
    calls: tuple[tuple[str, str], ...] | None = None
    changes: tuple[Change, ...] | None = field(default=None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that are not there."""
        parts = ("metrics", "logs", "spans", "calls", "changes")
        return tuple(one for one in parts if getattr(self, one) is None)
