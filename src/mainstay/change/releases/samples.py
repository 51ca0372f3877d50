"""Samples from files: CSV with the columns time, service, instance, metric and value."""

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import polars as pl
from polars.exceptions import ComputeError, NoDataError, PolarsError

from mainstay.change.releases.judge.blocks import COLUMNS

# Numbers above these are milliseconds, microseconds and nanoseconds since 1970: as seconds they lie past the year 5138.
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
_HEADER = ",".join(COLUMNS)


class SamplesError(ValueError):
    """A file cannot be used. The message names the line and what to write there."""


def read(path: Path) -> pl.DataFrame:
    """The samples of a file, plain or gzipped, in any order. What is no number (NaN, infinite, empty) is left out."""
    raw = _raw(path)
    missing = [name for name in COLUMNS if name not in raw.columns]
    if missing:
        raise SamplesError(f"{path}, line 1: no column {missing[0]!r}; the first line must name {_HEADER}")
    raw = raw.select(COLUMNS).with_columns(pl.col("instance").fill_null(""))
    for name, what in (("service", "the key of a service"), ("metric", "the name of a metric")):
        _refuse(path, raw, pl.col(name).is_null() | (pl.col(name) == ""), f"no {name}: write {what}")
    text = pl.col("value").str.strip_chars()
    given = raw.with_columns(number=text.cast(pl.Float64, strict=False))
    wrong = pl.col("number").is_null() & pl.col("value").is_not_null() & (text != "") & ~_unreal(text)
    _refuse(path, given, wrong, "{value} is no number: write a value such as 0.25")
    timed = given.with_columns(seconds=_seconds(path, given))
    real = timed.filter(pl.col("number").is_finite())
    return real.select(
        pl.col("seconds").alias("time"), "service", "instance", "metric", pl.col("number").alias("value")
    )


def _unreal(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().is_in(["nan", "inf", "+inf", "-inf", "null", "none"])


def _raw(path: Path) -> pl.DataFrame:
    try:
        raw = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except FileNotFoundError as error:
        raise SamplesError(f"{path}: there is no such file") from error
    except OSError as error:
        raise SamplesError(f"{path} cannot be read: {error.strerror or error}") from error
    except NoDataError as error:
        raise SamplesError(f"{path} is empty; the first line must name {_HEADER}") from error
    except (ComputeError, PolarsError) as error:
        raise SamplesError(_first_wrong(path)) from error
    return raw.rename({name: name.strip().lstrip("\ufeff").lower() for name in raw.columns})


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    with path.open("rb") as probe:
        zipped = probe.read(2) == b"\x1f\x8b"
    with (gzip.open if zipped else open)(path, "rt", encoding="utf-8", newline="") as file:
        yield file


def _first_wrong(path: Path) -> str:
    """Where a file stops being a table."""
    try:
        with _opened(path) as file:
            rows = csv.reader(file, strict=True)
            width = len(next(rows, []))
            for row in rows:
                if row and len(row) != width:
                    return (
                        f"{path}, line {rows.line_num}: {len(row)} fields where the first line has {width}; "
                        "put values that hold a comma in double quotes"
                    )
    except UnicodeDecodeError as error:
        return f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
    except csv.Error as error:
        return f"{path}, line {rows.line_num}: {error}; close the quotes, and write a quote inside of them twice"
    return f"{path} cannot be read as CSV; the first line must name {_HEADER}"


def _refuse(path: Path, rows: pl.DataFrame, wrong: pl.Expr, text: str) -> None:
    places = rows.select(wrong.alias("wrong"))["wrong"].arg_true()
    if len(places):
        first = int(places[0])
        row = rows.row(first, named=True)
        raise SamplesError(f"{path}, line {first + 2}: {text.format(value=repr(row['value']), time=repr(row['time']))}")


def _seconds(path: Path, rows: pl.DataFrame) -> pl.Series:
    """The times as seconds since 1970: numbers by their size, else ISO 8601, which without an offset is UTC."""
    text = rows["time"].str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() == 0 and numbers.len():
        top = float(numbers.abs().sort()[-1])
        return numbers / next((factor for least, factor in _UNITS if top > least), 1.0)
    known: dict[str, float | None] = {one: _moment(one) for one in text.unique().drop_nulls().to_list()}
    found = text.replace_strict(known, default=None, return_dtype=pl.Float64)
    checked = rows.with_columns(seconds=found)
    _refuse(
        path,
        checked,
        pl.col("seconds").is_null(),
        "the time {time} cannot be read: write 2026-03-01T14:05:00Z or seconds since 1970",
    )
    return found


def _moment(text: str) -> float | None:
    try:
        read_as = datetime.fromisoformat(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None
    return (read_as if read_as.tzinfo else read_as.replace(tzinfo=UTC)).timestamp()
