"""All lines that match, as a file, however many: written piece by piece, so that memory stays the same."""

import io
import tempfile
from collections.abc import Iterator
from typing import Any

import polars as pl

from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.observe.logs.search.asking import Asked, Meter, ask_for, moment
from mainstay.observe.logs.search.times import Range
from mainstay.observe.telemetry import services as telemetry

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
# Lines in one piece. Some tens of MB for usual lines.
PIECE = 20_000
_COLUMNS = (
    "time, id, service, level, body, trace_id, span_id, stream, source, format, "
    "toJSONString(attributes) AS attributes, exception, frame, "
    "toString(pattern) AS pattern, toString(fingerprint) AS fingerprint, toJSONString(causes) AS causes"
)
# What a spreadsheet would take for a formula.
_FORMULA = r"^[=+\-@\t\r]"
_CHUNK = 1 << 18


def export(actor: Actor, query: str, within: Range, form: str) -> Iterator[bytes]:
    """The bytes of a file with every line that matches, the oldest first, without a limit.

    In CSV a cell that a spreadsheet would run as a formula begins with an apostrophe. Raises what ``search`` raises;
    when the store fails halfway the file ends early and the error is raised.
    """
    require(actor, Right.READ)
    if form not in FORMATS:
        raise bad_request(f"write one of {', '.join(FORMATS)}", "format")
    pieces = _pieces(ask_for(query, within))
    # The first piece is asked for here, so that what is wrong is known before an answer begins.
    first = next(pieces)
    return {"csv": _csv, "ndjson": _ndjson, "parquet": _parquet}[form](_all(first, pieces))


def _all(first: pl.DataFrame, rest: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield first
    yield from rest


def _slices(asked: Asked) -> Iterator[tuple[int, int]]:
    """The range in parts of about a piece each, by the counts of minutes, so that no part is sorted twice."""
    start, end = asked.range.micros
    answer = Meter().ask(
        "SELECT toInt64(toUnixTimestamp(minute)) * 1000000 AS micros, sum(lines) FROM log_minutes "
        f"WHERE minute >= toStartOfMinute(toDateTime({moment('start')})) AND minute <= toDateTime({moment('end')}) "
        "GROUP BY micros ORDER BY micros",
        {"start": start, "end": end},
    )
    begun, waiting = start, 0
    for micros, lines in answer.rows:
        if waiting and waiting + lines > PIECE * 5 and micros > begun:
            yield begun, micros
            begun, waiting = micros, 0
        waiting += int(lines)
    yield begun, end


def _pieces(asked: Asked) -> Iterator[pl.DataFrame]:
    """Frames of at most ``PIECE`` lines in order of time; at least one, which may be empty."""
    empty = True
    last: pl.DataFrame | None = None
    for start, end in _slices(asked):
        at, number = start, -1
        while True:
            frame = _piece(asked, start, end, at, number)
            last = frame
            if frame.height:
                empty = False
                yield frame
            if frame.height < PIECE:
                break
            at, number = int(frame["time"].to_physical()[-1]), int(frame["id"][-1])
    if empty and last is not None:
        yield last


def _piece(asked: Asked, start: int, end: int, at: int, number: int) -> pl.DataFrame:
    following = f" AND (time, id) > ({moment('at')}, {{number:UInt64}})" if number >= 0 else ""
    params: dict[str, Any] = {**asked.params, "start": max(start, at), "end": end, "at": at, "number": max(number, 0)}
    statement = (
        f"SELECT {_COLUMNS} FROM log_lines WHERE {asked.where}{following} ORDER BY time, id LIMIT {PIECE} "
        "SETTINGS output_format_arrow_string_as_string = 1, output_format_arrow_low_cardinality_as_dictionary = 0"
    )
    return pl.read_ipc_stream(io.BytesIO(telemetry.raw(statement, params, "ArrowStream")))


def _csv(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    header = True
    for frame in frames:
        safe = frame.with_columns(
            pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
            *(
                pl.when(pl.col(name).str.contains(_FORMULA))
                .then("'" + pl.col(name))
                .otherwise(pl.col(name))
                .alias(name)
                for name, kind in frame.schema.items()
                if kind == pl.String
            ),
        )
        yield safe.write_csv(include_header=header).encode()
        header = False


def _ndjson(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    for frame in frames:
        # Numbers of lines are larger than what JavaScript counts exactly, so they are text.
        clean = frame.with_columns(
            pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
            pl.col("id").cast(pl.String),
            pl.col("causes").str.json_decode(pl.List(pl.String)),
        )
        rows = clean.drop("attributes").write_ndjson().splitlines()
        said = clean["attributes"].to_list()
        lines = (f'{row[:-1]},"attributes":{own}}}' for row, own in zip(rows, said, strict=True))
        text = "\n".join(lines)
        yield f"{text}\n".encode() if text else b""


def _parquet(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """A Parquet file ends with its table of contents, so it is written to disk first."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile(prefix="mainstay-export-") as file:
        first = next(frames).to_arrow(compat_level=pl.CompatLevel.oldest())
        with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
            writer.write_table(first)
            for frame in frames:
                writer.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(first.schema))
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk
