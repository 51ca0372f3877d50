"""Formats laid over the records of a batch, column by column.

A pattern is tried on the first line of a record as it came, and where that does not fit on the message that was read
from it. What fits goes before what was guessed; what fits no format stays as it was.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from mainstay.observe.logs.formats.definition import COLUMNS, Format
from mainstay.observe.logs.formats.pattern import Field
from mainstay.observe.logs.frame import NO_ATTRIBUTES, both
from mainstay.observe.logs.reading import levels, times
from mainstay.observe.logs.reading.read import Source, moments_of

# The whole line, where the message is a part of it. The name is OpenTelemetry's.
ORIGINAL = "log.record.original"
_FIRST_LINE = r"\A([^\n]*)"
_WHOLE = "whole"


def with_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines with their text kept beside it (``line``), since reading takes the header off."""
    return lines.with_columns(line=pl.col("body").str.strip_chars_end("\r\n"))


def of_batch(lines: pl.DataFrame, formats: Sequence[Format]) -> Sequence[Format]:
    """Those formats that may be for some of the lines, by their services."""
    if not formats:
        return ()
    there = set(lines["service"].unique())
    # Of which service a line is may be said within it, which is not read yet.
    return [one for one in formats if not one.services or "" in there or one.services & there]


def begun(lines: pl.DataFrame, formats: Sequence[Format], most: int) -> pl.Series:
    """Which lines (N, Boolean) begin a record because a format knows them; ``most`` signs of each are looked at.

    A line that holds the text of a format begins one even where the rest does not fit: a format that no longer fits
    must not make lines grow into one another.
    """
    known = pl.repeat(value=False, n=lines.height, dtype=pl.Boolean, eager=True)
    for one in formats:
        open_ = _scoped(lines, one, "body", unnamed=True) & ~known
        rows = open_.arg_true()
        if rows.len():
            expression = r"\A\S" if one.contains else one.pattern.expression()
            hit = lines["body"].gather(rows).str.slice(0, most).str.contains(expression)
            known = known.scatter(rows.filter(hit), True)
    return known


def laid_over(
    records: pl.DataFrame, formats: Sequence[Format], now: datetime, source: Source, most: int
) -> pl.DataFrame:
    """Records with ``line``, with what the formats say of them, and ``missed`` in place of ``line``.

    ``missed`` are the keys of the formats that were tried in vain, with commas, of records that none fits.
    """
    left = pl.repeat(value=True, n=records.height, dtype=pl.Boolean, eager=True)
    tried = []
    for one in formats:
        scoped = _scoped(records, one, "line", "body")
        rows = (scoped & left).arg_true()
        if not rows.len():
            continue
        part = records[rows].with_columns(pl.col("line").str.extract(_FIRST_LINE).str.slice(0, most))
        found, fits = _found(part, one, most)
        hits = rows.filter(fits)
        tried.append((one.key, scoped))
        if hits.len():
            changed = _changed(part.filter(fits), found.filter(fits), one, now, source)
            records = records.with_columns(records[name].scatter(hits, changed[name]) for name in changed.columns)
            left = left.scatter(hits, False)
    return records.drop("line").with_columns(missed=_missed(tried, left))


def _scoped(frame: pl.DataFrame, one: Format, *texts: str, unnamed: bool = False) -> pl.Series:
    """Which rows (N, Boolean) a format is for: by their service, and by the text that one of ``texts`` must hold."""
    scoped = pl.lit(value=True)
    if one.services:
        scoped = pl.col("service").is_in([*one.services, *([""] if unnamed else [])])
    if one.contains:
        scoped &= pl.any_horizontal(pl.col(name).str.contains(one.contains, literal=True) for name in texts)
    return frame.select((scoped & (pl.len() > 0)).alias("scoped")).to_series().fill_null(value=False)


def _found(part: pl.DataFrame, one: Format, most: int) -> tuple[pl.DataFrame, pl.Series]:
    """The named parts of each record with ``whole`` (N), null where they are not, and which fit (N, Boolean)."""
    expression = one.pattern.expression(_WHOLE)
    found = part["line"].str.extract_groups(expression).struct.unnest()
    again = (found[_WHOLE].is_null() & (part["line"] != part["body"])).arg_true()
    if again.len():
        heads = part["body"].gather(again).str.extract(_FIRST_LINE).str.slice(0, most)
        message = heads.str.extract_groups(expression).struct.unnest()
        found = found.with_columns(found[name].scatter(again, message[name]) for name in found.columns)
    return found, found[_WHOLE].is_not_null()


def _changed(part: pl.DataFrame, found: pl.DataFrame, one: Format, now: datetime, source: Source) -> pl.DataFrame:
    """The columns of records that fit, as the format has them."""
    moments = _moments(_text(found, one.named(one.time)), one, now, source)
    level = _level(_text(found, one.named(one.level)), one)
    message = _text(found, one.named(one.message))
    own = [_typed(found, fields).alias(name) for name, fields in one.attributes().items()]
    # What cannot be read as a moment or a level stays as it was written.
    for name, read in ((one.time, moments), (one.level, level)):
        if name:
            own.append(pl.select(pl.when(read.is_null()).then(_text(found, one.named(name)))).to_series().alias(name))
    if one.keep_line and one.message:
        whole = part["line"]
        own.append(
            pl.select(pl.when((message != whole).fill_null(value=False)).then(whole)).to_series().alias(ORIGINAL)
        )
    said = pl.DataFrame(own).to_struct().struct.json_encode() if own else pl.lit(NO_ATTRIBUTES)
    changed = part.with_columns(moments.alias("m"), level.alias("l"), message.alias("b"), said.alias("o"))
    rest = pl.col("body").str.replace(_FIRST_LINE, "")
    return changed.select(
        time=pl.coalesce("m", "time"),
        level=pl.coalesce("l", "level"),
        body=pl.when(pl.col("b").is_null()).then("body").otherwise(pl.concat_str("b", rest)),
        format=pl.lit(one.key),
        attributes=both("o", "attributes"),
        **{name: _column(found, one, name) for name in COLUMNS},
    )


def _column(found: pl.DataFrame, one: Format, name: str) -> pl.Expr:
    said = _text(found, one.named(name))
    return pl.when((said != "").fill_null(value=False)).then(said).otherwise(pl.col(name))


def _text(found: pl.DataFrame, fields: Sequence[Field]) -> pl.Series:
    """The text of a part (N), null where it is not; of several the first that is there."""
    if not fields:
        return pl.repeat(None, found.height, dtype=pl.String, eager=True)
    return found.select(pl.coalesce(one.group for one in fields)).to_series()


def _typed(found: pl.DataFrame, fields: Sequence[Field]) -> pl.Series:
    """The text of a part, written the usual way where it is a number as it should be."""
    text = _text(found, fields)
    if fields[0].type == "text":
        return text
    number = text.cast(pl.Int64 if fields[0].type == "int" else pl.Float64, strict=False)
    good = number.is_finite() if fields[0].type == "float" else number.is_not_null()
    return number.cast(pl.String).zip_with(good.fill_null(value=False), text)


def _level(words: pl.Series, one: Format) -> pl.Series:
    """The level of each word (N), null where there is none."""
    usual = levels.named(words)
    if one.levels:
        own = words.str.strip_chars().str.to_lowercase()
        known = own.replace_strict(list(one.levels), list(one.levels.values()), default=None, return_dtype=pl.String)
        usual = known.zip_with(known.is_not_null(), usual)
    return usual.replace("", None)


def _moments(texts: pl.Series, one: Format, now: datetime, source: Source) -> pl.Series:
    """Microseconds of texts (N), null where no moment is found; corrected as the source is."""
    offset = source.offset if one.zone is None else one.zone
    if not one.time:
        return pl.repeat(None, texts.len(), dtype=pl.Int64, eager=True)
    if not one.time_format:
        return moments_of(texts, now, Source(offset, source.correction))
    return times.by_format(texts, one.time_format, offset) + _micros(source.correction)


def _micros(length: timedelta) -> int:
    return int(length.total_seconds() * 1_000_000)


def _missed(tried: Sequence[tuple[str, pl.Series]], left: pl.Series) -> pl.Series:
    """The keys of the formats that were tried, of those rows (N) that are left."""
    if not tried:
        return pl.repeat("", left.len(), dtype=pl.String, eager=True)
    keys = [pl.when(scoped & left).then(pl.lit(key)) for key, scoped in tried]
    return pl.select(pl.concat_str(keys, separator=",", ignore_nulls=True)).to_series()
