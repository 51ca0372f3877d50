"""Moments as logs write them, read from whole columns of text.

Each style is one regular expression with the parts of a moment as named groups. A moment without a zone is taken in the
zone of its source; one without a year is the latest that does not lie in the future.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from mainstay.observe.logs.reading.expressions import ascii_only

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2}):(?P<second>\d{1,2})"
_FRACTION = r"(?:[.,:](?P<fraction>\d{1,9}))?"
_ZONE = r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_MONTH = r"(?P<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? "
_STYLES: Mapping[str, str] = {
    "iso": rf"(?P<year>\d{{4}})[-/.](?P<month>\d\d)[-/.](?P<day>\d\d)[T _-](?P<hour>\d\d)[:.](?P<minute>\d\d)[:.]"
    rf"(?P<second>\d\d){_FRACTION}{_ZONE}",
    "compact": rf"(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)[-T _]{_CLOCK}{_FRACTION}{_ZONE}",
    "weekday": rf"{_WEEKDAY}{_MONTH} +(?P<day>\d{{1,2}}) {_CLOCK}{_FRACTION}(?: [A-Z]{{3,4}})? (?P<year>\d{{4}})",
    "web": rf"(?P<day>\d{{1,2}})[/ -]{_MONTH}[/ -](?P<year>\d{{4}})[: ]{_CLOCK}{_FRACTION}{_ZONE}",
    "syslog": rf"{_MONTH} +(?P<day>\d{{1,2}})(?: (?P<year>\d{{4}}))? {_CLOCK}{_FRACTION}",
    "short year": rf"(?P<short>\d\d)[-/.](?P<month>\d\d)[-/.](?P<day>\d\d)[ T]{_CLOCK}{_FRACTION}",
    "digits": r"(?P<short>\d\d)(?P<month>\d\d)(?P<day>\d\d) (?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)",
    "no year": rf"(?P<month>\d\d)[-/.](?P<day>\d\d) {_CLOCK}{_FRACTION}",
    "epoch ms": r"(?P<epoch_ms>1\d{12})",
    "epoch": r"(?P<epoch>1\d{9})(?:\.(?P<fraction>\d{1,9}))?",
}
# A moment of fixed width, which most programs write: a column of them is read without an expression.
_PLAIN = re.compile(
    r"[0-9]{4}([-/])[0-9]{2}\1[0-9]{2}([ T])[0-9]{2}:[0-9]{2}:[0-9]{2}(?:([.,])([0-9]{3}|[0-9]{6}))?(Z)?", re.ASCII
)
STYLES = {name: ascii_only(expression) for name, expression in _STYLES.items()}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECOND = 1_000_000
_YEAR_ONE = -62_135_596_800 * _SECOND


def pattern_of(style: str) -> str:
    """The expression of a style without its named groups, to stand inside of another."""
    parts = STYLES[style].split("(?P<")
    return parts[0] + "".join("(?:" + part.partition(">")[2] for part in parts[1:])


def moments(texts: pl.Series, style: str, now: datetime, offset: timedelta | str = timedelta()) -> pl.Series:
    """Microseconds since 1970 UTC of each text (N, Int64), null where there is none or no calendar has it.

    ``offset`` is what the clock of the source shows ahead of UTC, for moments that name no zone, or its IANA zone.
    """
    found = texts.str.extract_groups(STYLES[style]).struct.unnest()

    def part(name: str, missing: int = 0) -> pl.Series:
        if name not in found.columns:
            return pl.repeat(missing, texts.len(), dtype=pl.Int64, eager=True)
        return found[name].cast(pl.Int64, strict=False).fill_null(missing)

    fraction = (
        found["fraction"].str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64, strict=False).fill_null(0)
        if "fraction" in found.columns
        else part("fraction")
    )
    if style.startswith("epoch"):
        whole = part("epoch_ms") * 1000 if style == "epoch ms" else part("epoch") * _SECOND
        return _or_null(whole + fraction, texts.str.contains(STYLES[style]))
    month = found["name"].replace_strict(_MONTHS, range(1, 13), default=0) if "name" in found.columns else part("month")
    year = part("short") + 2000 if "short" in found.columns else part("year")
    guessed = year == 0
    said = pl.DataFrame(
        {
            "year": year.set(guessed, now.year),
            "month": month,
            "day": part("day"),
            "hour": part("hour"),
            "minute": part("minute"),
            "second": part("second"),
        }
    )
    latest = int((now + timedelta(days=1)).timestamp() * _SECOND)
    zones = found["zone"] if "zone" in found.columns else None
    this_year = _in_utc(_micros(said), zones, offset) + fraction
    if guessed.any():
        year_before = _in_utc(_micros(said.with_columns(year=pl.col("year") - 1)), zones, offset) + fraction
        late = guessed & ((this_year > latest) | this_year.is_null())
        this_year = pl.select(pl.when(late).then(year_before).otherwise(this_year)).to_series()
    return this_year


def plainly(texts: pl.Series, offset: timedelta | str = timedelta()) -> pl.Series:
    """Microseconds since 1970 UTC of texts (N, Int64) that are written as the first of them is; null for all others.

    Only layouts of fixed width are read so. What is null may still be a moment of another kind.
    """
    first = next(iter(texts.drop_nulls().head(1)), "")
    found = _PLAIN.fullmatch(first)
    if found is None:
        return pl.repeat(None, texts.len(), dtype=pl.Int64, eager=True)
    dash, between, dot, digits, zulu = found.groups("")
    fraction = f"{dot}%{len(digits)}f" if digits else ""
    read = by_format(texts, f"%Y{dash}%m{dash}%d{between}%H:%M:%S{fraction}{zulu}", timedelta() if zulu else offset)
    # A year of zeros stands for one that was not known; a shorter text lacks a digit that strptime does without.
    return _or_null(read, (read >= _YEAR_ONE) & (texts.str.len_bytes() == len(first)))


def by_format(texts: pl.Series, layout: str, offset: timedelta | str = timedelta()) -> pl.Series:
    """Microseconds since 1970 UTC of texts (N) in one layout, as strftime writes it; null where a text has another."""
    found = texts.str.to_datetime(layout, time_unit="us", strict=False)
    zoned = isinstance(found.dtype, pl.Datetime) and found.dtype.time_zone is not None
    local = found.dt.epoch("us")
    # What counts seconds since 1970 needs no zone either.
    return local if zoned or "%s" in layout else _in_utc(local, None, offset)


def _micros(parts: pl.DataFrame) -> pl.Series:
    """Microseconds of a calendar's parts, null where no calendar has them (30 February, hour 25).

    Days are counted as in Hinnant, "chrono-compatible low-level date algorithms": years begin in March.
    """
    year = pl.col("year") - (pl.col("month") <= 2).cast(pl.Int64)
    era, month = year // 400, (pl.col("month") + 9) % 12
    of_era = year - era * 400
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + (153 * month + 2) // 5 + pl.col("day") - 719_469
    leap = (pl.col("year") % 4 == 0) & ((pl.col("year") % 100 != 0) | (pl.col("year") % 400 == 0))
    length = 30 + (pl.col("month") + pl.col("month") // 8) % 2
    length = pl.when(pl.col("month") == 2).then(28 + leap.cast(pl.Int64)).otherwise(length)
    good = (
        pl.col("month").is_between(1, 12)
        & (pl.col("day") >= 1)
        & (pl.col("day") <= length)
        & (pl.col("hour") < 24)
        & (pl.col("minute") < 60)
        & (pl.col("second") <= 60)
    )
    seconds = days * 86_400 + pl.col("hour") * 3600 + pl.col("minute") * 60 + pl.col("second")
    return parts.select(pl.when(good).then(seconds * _SECOND)).to_series()


def _in_utc(local: pl.Series, zones: pl.Series | None, offset: timedelta | str) -> pl.Series:
    """Microseconds of UTC of those of a calendar (N), by the zones that they name or else by that of their source.

    Of an hour that comes twice it is the first; an hour that is left out is counted by the time before it.
    """
    fixed = offset if isinstance(offset, timedelta) else timedelta()
    if not isinstance(offset, str):
        return local - (_offsets(zones, fixed) if zones is not None else int(fixed.total_seconds() * _SECOND))
    hour = 3600 * _SECOND
    there = local.cast(pl.Datetime("us")).dt
    told = there.replace_time_zone(offset, ambiguous="earliest", non_existent="null").dt.epoch("us")
    before = (local - hour).cast(pl.Datetime("us")).dt
    skipped = before.replace_time_zone(offset, ambiguous="earliest", non_existent="null").dt.epoch("us") + hour
    unnamed = told.zip_with(told.is_not_null(), skipped)
    return unnamed if zones is None else (local - _offsets(zones, fixed)).zip_with(zones.is_not_null(), unnamed)


def _offsets(zones: pl.Series, offset: timedelta) -> pl.Series:
    """Microseconds ahead of UTC for each zone as text; what says none is in the zone of its source."""
    missing = int(offset.total_seconds() * _SECOND)
    known = {zone: _offset(zone, missing) for zone in zones.unique().to_list()}
    return zones.replace_strict(list(known), list(known.values()), return_dtype=pl.Int64)


def _offset(zone: str | None, missing: int) -> int:
    if zone is None:
        return missing
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return (-seconds if zone[0] == "-" else seconds) * _SECOND


def _or_null(numbers: pl.Series, good: pl.Series) -> pl.Series:
    return pl.select(pl.when(good).then(numbers)).to_series()
