"""Lines as the columns of the table ``log_lines``."""

import threading
from collections.abc import Mapping

import orjson
import polars as pl

from mainstay.observe.logs.lines import Lines, Origin

# Attributes travel as the text of a JSON object: columns of text are many times faster to make than lists of pairs.
NO_ATTRIBUTES = "{}"
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
    "attributes": pl.String,
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


def as_json(attributes: Mapping[str, str] | None) -> str:
    """Attributes as they travel."""
    return orjson.dumps(dict(attributes)).decode("utf-8", "replace") if attributes else NO_ATTRIBUTES


def both(first: str, second: str) -> pl.Expr:
    """Two columns of attributes as one; where both name the same, both are kept, and a look-up finds the first."""
    one, other = pl.col(first), pl.col(second)
    joined = pl.concat_str(one.str.head(-1), pl.lit(","), other.str.slice(1))
    return pl.when(one == NO_ATTRIBUTES).then(other).when(other == NO_ATTRIBUTES).then(one).otherwise(joined)


def of_texts(texts: pl.Series, origin: Origin) -> pl.DataFrame:
    """A frame of lines of text (N) of one origin, as ``from_lines`` makes it."""
    return (
        texts.alias("body")
        .to_frame()
        .select(
            pl.lit(0, dtype=pl.Int64).alias("which"),
            "body",
            pl.lit(None, dtype=pl.Int64).alias("time"),
            *(pl.lit("").alias(name) for name in ("level", "trace_id", "span_id")),
            service=pl.lit(origin.service),
            stream=pl.lit(origin.stream),
            source=pl.lit(origin.source),
            attributes=pl.lit(as_json(origin.attributes)),
        )
    )


def from_lines(lines: Lines) -> pl.DataFrame:
    """A frame of what was said, one row a line: empty text for what was not said, null for a moment that was not."""
    origins = pl.DataFrame(
        {
            "which": range(len(lines.origins)),
            "service": [one.service for one in lines.origins],
            "stream": [one.stream for one in lines.origins],
            "source": [one.source for one in lines.origins],
            "attributes": [as_json(one.attributes) for one in lines.origins],
        },
        schema={"which": pl.Int64, **dict.fromkeys(("service", "stream", "source", "attributes"), pl.String)},
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
    if any(lines.attributes):
        frame = (
            frame.with_columns(own=pl.Series(list(map(as_json, lines.attributes)), dtype=pl.String))
            .with_columns(attributes=both("own", "attributes"))
            .drop("own")
        )
    return frame.with_columns(pl.when(pl.col("time") != 0).then("time"))


def _with_header(frame: pl.DataFrame) -> pl.DataFrame:
    """The rest of a line's header, where it has no better name, among the attributes."""
    header = pl.struct(pl.when(pl.col("header") != "").then("header").alias("log.header")).struct.json_encode()
    return frame.with_columns(
        header=pl.when(pl.col("header").fill_null("") != "").then(header).otherwise(pl.lit(NO_ATTRIBUTES))
    ).with_columns(attributes=both("attributes", "header"))


def complete(frame: pl.DataFrame, now_ms: int, keep_days: int) -> pl.DataFrame:
    """The frame with every column of the table in order, numbered, with neutral values where nothing is known."""
    neutral = {
        "keep_days": pl.lit(keep_days, dtype=pl.UInt16),
        "received": pl.lit(now_ms // 1000, dtype=pl.Int64),
        "causes": pl.lit([], dtype=pl.List(pl.String)),
        "attributes": pl.lit(NO_ATTRIBUTES),
    }
    first = _numbers.take(frame.height, now_ms)
    if "header" in frame.columns:
        frame = _with_header(frame)
    frame = frame.with_columns(
        id=pl.int_range(first, first + frame.height, dtype=pl.UInt64), time=pl.col("time").fill_null(now_ms * 1000)
    )
    missing = {
        name: neutral.get(name, pl.lit("" if kind == pl.String else 0).cast(kind))
        for name, kind in COLUMNS.items()
        if name not in frame.columns
    }
    return frame.with_columns(**missing).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
