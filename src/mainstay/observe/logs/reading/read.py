"""From lines as they came to records that say when, how bad, and what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import polars as pl
import re2

from mainstay.observe.logs.frame import NO_ATTRIBUTES, both
from mainstay.observe.logs.lines import LEVELS
from mainstay.observe.logs.reading import headers, heads, joining, levels, structured, times, traces

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


def _known_tests() -> Mapping[str, tuple[str, bool]]:
    """For each format the expression that its lines fit, and whether a line's head is enough to tell."""
    of_data = {
        "json": (_LOOKS_LIKE_JSON, False),
        "access": (structured.ACCESS, False),
        "logfmt": (structured.LOGFMT, True),
    }
    return {**of_data, **{style.name: (style.bare, True) for style in headers.STYLES}}


_TESTS = _known_tests()


@cache
def _all_tests() -> re2.Set:
    """All tests in one automaton. Polars keeps few expressions compiled, and a sample is not worth compiling them."""
    options = re2.Options()
    options.log_errors, options.max_mem = False, 64 << 20
    tests = re2.Set.SearchSet(options)
    for expression, _ in _TESTS.values():
        tests.Add(expression)
    tests.Compile()
    return tests


def _most_in(sample: pl.Series, left: Sequence[str]) -> str:
    """The format, of those ``left``, that most lines of a sample fit; the first of several, and empty for none."""
    names, tests = list(_TESTS), _all_tests()
    # The middle of a long text tells nothing that its two ends do not.
    excerpts = (
        text if len(text) <= 2 * headers.HEAD else text[: headers.HEAD] + text[-headers.HEAD :] for text in sample
    )
    counted = Counter(names[place] for text in excerpts for place in tests.Match(text) or ())
    return max((name for name in left if counted[name]), key=lambda name: counted[name], default="")


def _recognise(bodies: pl.Series) -> pl.Series:
    """The format of each text (N): ``json``, ``logfmt``, ``access``, the name of a header's style, or ``raw``."""
    found = pl.repeat(RAW, bodies.len(), dtype=pl.String, eager=True)
    left = pl.int_range(bodies.len(), dtype=pl.UInt32, eager=True)
    names = list(_TESTS)
    # Most batches have one format or two: try what a sample shows, until a sample of the rest shows nothing.
    while left.len():
        texts = bodies.gather(left) if left.len() < bodies.len() else bodies
        best = _most_in(texts.gather_every(max(1, left.len() // _SAMPLE)), names)
        if not best:
            break
        names.remove(best)
        expression, by_head = _TESTS[best]
        good = (texts.str.slice(0, headers.HEAD) if by_head else texts).str.contains(expression)
        found = found.scatter(left.filter(good), best)
        left = left.filter(~good)
    return found


def _part(part: pl.DataFrame, name: str, now: datetime, source: Source) -> pl.DataFrame:
    """The records of one format."""
    if name == RAW:
        return part
    if name in {"json", "logfmt", "access"}:
        return _of_data(part, name, now, source)
    return _of_headers(part, headers.BY_NAME[name], now, source)


def _of_headers(part: pl.DataFrame, style: headers.Style, now: datetime, source: Source) -> pl.DataFrame:
    found = heads.apart(part["body"], style)
    of_kind = _said_of(found.kinds).select(pl.all().gather(found.kind))
    # Fields of a header that have no name are kept with it.
    header = of_kind.select(pl.when("more").then(found.head.str.strip_chars()).otherwise(pl.lit(""))).to_series()
    return _merged(
        part.with_columns(body=pl.col("body").str.slice(found.head.str.len_chars()).str.strip_chars_start()),
        moments_of(found.stamp, now, source),
        of_kind["level"],
        of_kind["own"],
        of_kind["program"],
    ).with_columns(header=header)


def _said_of(kinds: pl.DataFrame) -> pl.DataFrame:
    """What the named parts of headers say: ``level``, ``own`` attributes, ``program``; and if there is ``more``."""
    none = pl.repeat("", kinds.height, eager=True)
    named = pl.sum_horizontal(pl.col(name).str.len_chars().fill_null(0) for name in kinds.columns if name != "head")
    return kinds.select(
        _named_fields(kinds.columns),
        level=levels.named(kinds["level"]) if "level" in kinds.columns else none,
        program=kinds["logger"].fill_null("") if "host" in kinds.columns else none,
        more=(pl.col("head").str.len_chars() - named) > _SIGNS_IN_A_HEADER,
    )


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
    found = times.plainly(texts, source.offset)
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
    if not places.len():
        return records.with_columns(
            *(pl.lit(value, dtype=_TRACE[name]).alias(name) for name, value in _NO_TRACE.items())
        )
    bodies = records["body"].gather(places)
    found = [(text, one) for text in bodies.unique(maintain_order=True) if (one := traces.trace_of(text))]
    # The first row is that of lines without a trace; the others are looked up by the text that they were found in.
    known = pl.DataFrame([_NO_TRACE, *({name: getattr(one, name) for name in _TRACE} for _, one in found)], _TRACE)
    numbers = {text: number for number, (text, _) in enumerate(found, 1)}
    here = bodies.replace_strict(list(numbers), list(numbers.values()), default=0, return_dtype=pl.UInt32)
    row = pl.repeat(0, records.height, dtype=pl.UInt32, eager=True).scatter(places, here)
    return records.hstack(known.select(pl.all().gather(row))).with_columns(
        level=pl.when((pl.col("level") == "") & (row > 0)).then(pl.lit("error")).otherwise("level")
    )


_TRACE: Mapping[str, Any] = {
    "exception": pl.String,
    "frame": pl.String,
    "fingerprint": pl.UInt64,
    "causes": pl.List(pl.String),
}
_NO_TRACE: Mapping[str, Any] = {"exception": "", "frame": "", "fingerprint": 0, "causes": []}
