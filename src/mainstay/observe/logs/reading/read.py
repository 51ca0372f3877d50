"""From lines as they came to records that say when, how bad, and what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mainstay.observe.logs.frame import NO_ATTRIBUTES, both
from mainstay.observe.logs.lines import LEVELS
from mainstay.observe.logs.reading import headers, joining, levels, structured, times, traces

_SAMPLE = 256
_LOOKS_LIKE_JSON = r"\A\s*\{.*\}\s*\z"
_HAS_TRACE = r"(?m)^\s+at |^\s*Traceback \(most|^goroutine \d+ \["
RAW = "raw"


@dataclass(frozen=True)
class Source:
    """What is known of where lines come from: the offset of its zone, and by how much its clock is wrong.

    ``offset`` is what its clock shows ahead of UTC where a moment names no zone, or the IANA name of that zone;
    ``correction`` is added to every moment that a line tells of.
    """

    offset: timedelta | str = timedelta()
    correction: timedelta = timedelta()
    most_lines: int = 1000


def read(
    frame: pl.DataFrame, now: datetime, source: Source, *, whole: bool, begun: pl.Series | None = None
) -> pl.DataFrame:
    """Records of lines.

    ``frame`` has ``which``, ``body``, ``time`` (µs, null where nobody said), ``level`` and what else is known. Back
    comes a row a record, with the same columns, and ``format``, ``header``, ``exception``, ``causes``, ``frame``,
    ``fingerprint``, ``lines``, ``host`` and ``attributes`` extended by what was found. ``body`` is the message.
    ``begun`` (N, Boolean) are further lines that begin a record for certain.
    """
    frame = frame.with_columns(pl.col("body").str.strip_chars_end("\r\n"))
    told = _recognise(frame["body"])
    if not whole:
        continues = joining.continuations(frame, told != RAW, begun)
        if continues.any():
            frame = joining.joined(frame.with_columns(told=told), continues, source.most_lines)
            # Only what has grown can have become something else.
            grown = (frame["lines"] > 1).arg_true()
            told = frame["told"].scatter(grown, _recognise(frame["body"].gather(grown)))
            frame = frame.drop("told")
    if "lines" not in frame.columns:
        frame = frame.with_columns(lines=pl.lit(1, dtype=pl.UInt32))
    frame = frame.with_columns(format=told).with_row_index("row")
    parts = [
        _part(frame.filter(pl.col("format") == name), name, now, source) for name in told.unique(maintain_order=True)
    ]
    records = pl.concat(parts or [frame], how="diagonal").sort("row").drop("row")
    return _with_traces(_with_levels(records))


def _recognise(bodies: pl.Series) -> pl.Series:
    """The format of each text (N): ``json``, ``logfmt``, ``access``, the name of a header's style, or ``raw``."""
    heads = bodies.str.slice(0, headers.HEAD)
    found = pl.repeat(RAW, bodies.len(), dtype=pl.String, eager=True)
    tests = [
        ("json", _LOOKS_LIKE_JSON, bodies),
        ("access", structured.ACCESS, bodies),
        ("logfmt", structured.LOGFMT, heads),
    ]
    tests += [(style.name, style.expression, heads) for style in headers.STYLES]
    left = pl.Series(range(bodies.len()), dtype=pl.UInt32)
    # Most batches have one format or two: try what a sample shows, until a sample of the rest shows nothing.
    while left.len():
        sample = left.gather_every(max(1, left.len() // _SAMPLE))
        hits = [(texts.gather(sample).str.contains(test).sum(), (name, test, texts)) for name, test, texts in tests]
        best = next((one for count, one in sorted(hits, key=lambda hit: -hit[0]) if count), None)
        if best is None:
            break
        name, test, texts = best
        good = texts.gather(left).str.contains(test)
        found = found.scatter(left.filter(good), name)
        left = left.filter(~good)
        tests.remove(best)
    return found


def _part(part: pl.DataFrame, name: str, now: datetime, source: Source) -> pl.DataFrame:
    """The records of one format."""
    if name == RAW:
        return part
    if name in {"json", "logfmt", "access"}:
        return _of_data(part, name, now, source)
    return _of_headers(part, headers.BY_NAME[name], now, source)


def _of_headers(part: pl.DataFrame, style: headers.Style, now: datetime, source: Source) -> pl.DataFrame:
    found = part["body"].str.slice(0, headers.HEAD).str.extract_groups(style.expression).struct.unnest()
    said = found.select(_named_fields(found.columns)).to_series()
    kept = found.select(
        length=pl.sum_horizontal(pl.col(n).str.len_chars().fill_null(0) for n in found.columns if n != "head")
    )
    # Fields of a header that have no name are kept with it.
    more = (found["head"].str.len_chars() - kept["length"]) > _SIGNS_IN_A_HEADER
    header = pl.select(pl.when(more).then(found["head"].str.strip_chars()).otherwise(pl.lit(""))).to_series()
    level = levels.named(found["level"]) if "level" in found.columns else pl.repeat("", part.height, eager=True)
    stamp = found["stamp"] if "stamp" in found.columns else pl.repeat(None, part.height, dtype=pl.String, eager=True)
    program = found["logger"] if "host" in found.columns else pl.repeat("", part.height, eager=True)
    return _merged(
        part.with_columns(body=pl.col("body").str.slice(found["head"].str.len_chars()).str.strip_chars_start()),
        moments_of(stamp, now, source),
        level,
        said,
        program.fill_null(""),
    ).with_columns(header=header)


def _named_fields(columns: Sequence[str]) -> pl.Expr:
    """Those named parts of a header that are attributes."""
    named = [pl.col(name).alias(_FIELD_NAMES[name]) for name in columns if name in _FIELD_NAMES]
    if not named:
        return pl.repeat(NO_ATTRIBUTES, pl.len()).alias("own")
    return pl.struct(named).struct.json_encode().alias("own")


_SIGNS_IN_A_HEADER = 14
_FIELD_NAMES = {
    "host": "host.name",
    "logger": "logger",
    "thread": "thread.name",
    "pid": "process.pid",
    "module": "module",
}


def _of_data(part: pl.DataFrame, name: str, now: datetime, source: Source) -> pl.DataFrame:
    if name == "access":
        found = structured.from_access(part["body"])
        none = pl.repeat("", part.height, eager=True)
        return _merged(part, moments_of(found["stamp"], now, source), found["level"], found["own"], none)
    found = structured.from_json(part["body"]) if name == "json" else structured.from_pairs(part["body"])
    message = pl.when(pl.col("message") != "").then("message").otherwise("body")
    stack = pl.when(pl.col("stack") != "").then(pl.concat_str(pl.lit("\n"), "stack")).otherwise(pl.lit(""))
    part = part.hstack(found.select("message", "stack", "trace", "span", "good"))
    part = part.with_columns(
        body=pl.when("good").then(pl.concat_str(message, stack)).otherwise("body"),
        format=pl.when("good").then("format").otherwise(pl.lit(RAW)),
        trace_id=pl.when(pl.col("trace_id") == "").then("trace").otherwise("trace_id"),
        span_id=pl.when(pl.col("span_id") == "").then("span").otherwise("span_id"),
    ).drop("message", "stack", "trace", "span", "good")
    times_said = moments_of(found["time"], now, source)
    return _merged(part, times_said, levels.named(found["level"]), found["own"], found["service"])


def _merged(
    part: pl.DataFrame, moments: pl.Series, level: pl.Series, own: pl.Series, service: pl.Series
) -> pl.DataFrame:
    """What the sender said goes before what the line says."""
    said = pl.DataFrame({"m": moments, "l": level, "o": own, "s": service})
    return (
        part.hstack(said)
        .with_columns(
            time=pl.coalesce("time", "m"),
            level=pl.when(pl.col("level") == "").then("l").otherwise("level"),
            service=pl.when(pl.col("service") == "").then("s").otherwise("service"),
            attributes=both("attributes", "o"),
        )
        .drop("m", "l", "o", "s")
    )


def moments_of(texts: pl.Series, now: datetime, source: Source) -> pl.Series:
    """Microseconds of texts in whatever styles they are (N, Int64), corrected; null where no moment is found."""
    found = pl.repeat(None, texts.len(), dtype=pl.Int64, eager=True)
    for style in times.STYLES:
        missing = found.is_null() & texts.is_not_null() & (texts != "")
        if not missing.any():
            break
        where = missing.arg_true()
        left = texts.gather(where)
        if (
            not left.gather_every(max(1, left.len() // _SAMPLE))
            .str.contains(rf"\A\W*(?:{times.pattern_of(style)})")
            .any()
        ):
            continue
        hit = left.str.contains(rf"\A\W*(?:{times.pattern_of(style)})")
        read_ = times.moments(left.filter(hit), style, now, source.offset)
        found = found.scatter(where.filter(hit), read_)
    return found + int(source.correction.total_seconds() * 1_000_000)


def _with_levels(records: pl.DataFrame) -> pl.DataFrame:
    """A record that still has no level has the one that its text names in capitals."""
    records = records.with_columns(level=pl.when(pl.col("level").is_in(LEVELS)).then("level").otherwise(pl.lit("")))
    missing = (records["level"] == "").arg_true()
    if not missing.len():
        return records
    named = levels.in_text(records["body"].gather(missing))
    return records.with_columns(level=records["level"].scatter(missing, named))


def _with_traces(records: pl.DataFrame) -> pl.DataFrame:
    """Stack traces become objects. A trace is not taken apart twice: what repeats in a batch is done once."""
    several = records["body"].str.contains("\n", literal=True).arg_true()
    places = several.filter(records["body"].gather(several).str.contains(_HAS_TRACE))
    empty = records.with_columns(
        exception=pl.lit(""),
        frame=pl.lit(""),
        fingerprint=pl.lit(0, dtype=pl.UInt64),
        causes=pl.lit([], dtype=pl.List(pl.String)),
    )
    if not places.len():
        return empty
    bodies = records["body"].gather(places)
    found = [(text, one) for text in bodies.unique() if (one := traces.trace_of(text))]
    known = pl.DataFrame(
        {
            "body": [text for text, _ in found],
            "exception": [one.exception for _, one in found],
            "frame": [one.frame for _, one in found],
            "fingerprint": [one.fingerprint for _, one in found],
            "causes": [list(one.causes) for _, one in found],
        },
        schema={
            "body": pl.String,
            "exception": pl.String,
            "frame": pl.String,
            "fingerprint": pl.UInt64,
            "causes": pl.List(pl.String),
        },
    )
    # Texts are compared among the traces alone, and all lines by their place.
    here = pl.DataFrame({"row": places, "body": bodies}).join(known, on="body").drop("body")
    joined = records.with_row_index("row").join(here, on="row", how="left", maintain_order="left").drop("row")
    return joined.with_columns(
        pl.col("exception", "frame").fill_null(""),
        pl.col("fingerprint").fill_null(0),
        pl.col("causes").fill_null([]),
        level=pl.when((pl.col("level") == "") & pl.col("exception").is_not_null())
        .then(pl.lit("error"))
        .otherwise("level"),
    )
