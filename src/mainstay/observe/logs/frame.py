"""Lines as the columns of the table ``log_lines``."""

import threading
from collections.abc import Mapping

import polars as pl

from mainstay.observe.logs.lines import LEVELS, Lines

PAIRS = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "time": pl.Int64,
    "id": pl.UInt64,
    "received": pl.Int64,
    "keep_days": pl.UInt16,
    "service": pl.String,
    "level": pl.String,
    "pattern": pl.UInt64,
    "body": pl.String,
    "trace_id": pl.String,
    "span_id": pl.String,
    "stream": pl.String,
    "source": pl.String,
    "format": pl.String,
    "attributes": PAIRS,
    "exception": pl.String,
    "frame": pl.String,
    "fingerprint": pl.UInt64,
    "causes": pl.List(pl.String),
}


class _Numbers:
    """Numbers for lines: unique, and in the order of arrival. Milliseconds in the upper 42 bits, a count below."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int, now_ms: int) -> int:
        """The first of ``count`` numbers in a row."""
        with self._lock:
            first = max(now_ms << 22, self._last + 1)
            self._last = first + count - 1
            return first


_numbers = _Numbers()


def _pairs(attributes: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in (attributes or {}).items()]


def from_lines(lines: Lines, now_ms: int) -> pl.DataFrame:
    """A frame of what was said, one row a line, with empty columns for what was not. ``id`` is not given yet."""
    origins = pl.DataFrame(
        {
            "which": range(len(lines.origins)),
            "service": [one.service for one in lines.origins],
            "stream": [one.stream for one in lines.origins],
            "source": [one.source for one in lines.origins],
            "shared": [_pairs(one.attributes) for one in lines.origins],
        },
        schema={"which": pl.Int64, "service": pl.String, "stream": pl.String, "source": pl.String, "shared": PAIRS},
    )
    count = len(lines.bodies)
    said: dict[str, pl.Series] = {
        "which": pl.Series(lines.which, dtype=pl.Int64),
        "body": pl.Series(lines.bodies, dtype=pl.String),
        "time": pl.Series(lines.times or [0] * count, dtype=pl.Int64),
        "level": pl.Series(lines.levels or [""] * count, dtype=pl.String),
        "trace_id": pl.Series(lines.trace_ids or [""] * count, dtype=pl.String),
        "span_id": pl.Series(lines.span_ids or [""] * count, dtype=pl.String),
    }
    frame = pl.DataFrame(said).join(origins, on="which", how="left", maintain_order="left")
    attributes = pl.col("shared")
    if any(lines.attributes):
        frame = frame.with_columns(own=pl.Series(list(map(_pairs, lines.attributes)), dtype=PAIRS))
        attributes = pl.concat_list("shared", "own")
    return frame.with_columns(
        attributes=attributes,
        level=pl.when(pl.col("level").is_in(LEVELS)).then("level").otherwise(pl.lit("")),
        time=pl.when(pl.col("time") == 0).then(pl.lit(now_ms * 1000)).otherwise("time"),
    )


def complete(frame: pl.DataFrame, now_ms: int, keep_days: int) -> pl.DataFrame:
    """The frame with every column of the table in order, numbered, with neutral values where nothing is known."""
    neutral = {
        "keep_days": pl.lit(keep_days, dtype=pl.UInt16),
        "received": pl.lit(now_ms // 1000, dtype=pl.Int64),
        "causes": pl.lit([], dtype=pl.List(pl.String)),
    }
    first = _numbers.take(frame.height, now_ms)
    frame = frame.with_columns(id=pl.int_range(first, first + frame.height, dtype=pl.UInt64))
    missing = {
        name: neutral.get(name, pl.lit("" if kind == pl.String else 0).cast(kind))
        for name, kind in COLUMNS.items()
        if name not in frame.columns
    }
    return frame.with_columns(**missing).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
