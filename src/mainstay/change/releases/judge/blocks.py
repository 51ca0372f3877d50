"""Samples gathered into blocks of time: one row for each series, one column for each block, NaN where nothing came.

Blocks make windows of any spacing comparable, take most of the likeness of neighbours away, and bound the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainstay.change.releases.judge.kinds import Metric, read
from mainstay.change.releases.judge.statistics import Floats

COLUMNS = ("time", "service", "instance", "metric", "value")
# As many blocks as the shorter window has, and as the longer one may have.
_BLOCKS, _MOST = 40, 96
_DAY = 86_400.0
# A counter falls only when its process starts anew; what falls more often is none, whatever its name is.
_FALLS = 0.05


@dataclass(frozen=True)
class Series:
    """Whose samples a row holds."""

    service: str
    instance: str
    metric: Metric


@dataclass(frozen=True)
class Window:
    """One window. ``level`` is the mean of a gauge, or the increase of a counter per second, ``amount`` its increase,
    ``age`` how long before each sample the moment was that it names.
    """

    starts: float
    level: Floats
    amount: Floats
    age: Floats
    ends: float


@dataclass(frozen=True)
class Blocks:
    """All windows with the same rows and blocks of the same length in seconds."""

    series: Sequence[Series]
    counter: NDArray[np.bool_]
    seconds: float
    spacing: float
    before: Window
    after: Window
    seasons: Sequence[Window]


def gather(before: pl.DataFrame, after: pl.DataFrame, seasons: Sequence[pl.DataFrame]) -> Blocks:
    """Make blocks of the samples. Frames have ``COLUMNS``, with the time in seconds since 1970."""
    frames = [before, after, *(_same_hours(one, after) for one in seasons)]
    spans = [_span(one) for one in frames]
    coded, names = _coded(frames)
    spacing = _spacing(coded)
    shorter = min(spans[0][1] - spans[0][0], spans[1][1] - spans[1][0])
    seconds = max(spacing, shorter / _BLOCKS, 1.0)
    series = [Series(service, instance, metric) for service, instance, metric in names]
    counter = _counters(coded, series)
    windows = []
    for number, (starts, ends) in enumerate(spans):
        part = coded.filter(pl.col("window") == number)
        # Of a window that is much longer than the other the part next to the release is taken.
        first = max(starts, ends - _MOST * seconds) if number == 0 else starts
        windows.append(_window(part, counter, first, ends, seconds))
    return Blocks(series, counter, seconds, spacing, windows[0], windows[1], windows[2:])


def _span(frame: pl.DataFrame) -> tuple[float, float]:
    if not frame.height:
        return 0.0, 0.0
    low, high = frame.select(pl.col("time").min().alias("low"), pl.col("time").max().alias("high")).row(0)
    return float(low), float(high)


def _same_hours(season: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The rows of an earlier window at the hours of the day of ``after``; all, when it has none of them."""
    if not season.height or not after.height:
        return season
    starts, ends = _span(after)
    same = season.filter(((pl.col("time") - starts) % _DAY) <= ends - starts)
    return same if same.height else season


def _coded(frames: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, list[tuple[str, str, Metric]]]:
    """All samples with the number of their series and window, in the order of series, window and time."""
    every = pl.concat([one.select(COLUMNS).with_columns(window=pl.lit(n, pl.Int32)) for n, one in enumerate(frames)])
    every = every.with_columns(pl.col("service", "instance", "metric").cast(pl.Categorical))
    bare = [pl.col(name).to_physical().cast(pl.UInt64) for name in ("service", "instance", "metric")]
    every = every.with_columns(code=(bare[0] * 2**40 + bare[1] * 2**24 + bare[2]).rank("dense").cast(pl.Int64) - 1)
    first = every.unique("code", keep="any").sort("code").select("service", "instance", "metric")
    understood = {name: read(name) for name in first["metric"].cast(pl.String).unique().to_list()}
    rows = first.cast(pl.String).rows()
    every = every.select("code", "window", "time", "value").sort("code", "window", "time")
    grown = pl.col("value").diff()
    same = (pl.col("code").diff() == 0) & (pl.col("window").diff() == 0)
    every = every.with_columns(grown=pl.when(same).then(grown), passed=pl.when(same).then(pl.col("time").diff()))
    return every, [(service, instance, understood[metric]) for service, instance, metric in rows]


def _spacing(coded: pl.DataFrame) -> float:
    """Seconds from one sample of a series to the next, as it mostly is."""
    some = coded.head(100_000)["passed"].drop_nulls()
    found = some.filter(some > 0).median()
    return float(found) if isinstance(found, (int, float)) else 1.0


def _counters(coded: pl.DataFrame, series: Sequence[Series]) -> NDArray[np.bool_]:
    """Which rows are counters: by their name unless the data speak against it, or because they never fall."""
    told = coded.group_by("code").agg(
        falls=(pl.col("grown") < 0).sum(), rises=(pl.col("grown") > 0).sum(), steps=pl.col("grown").count()
    )
    by_metric: dict[str, NDArray[np.int64]] = {}
    for code, falls, rises, steps in told.iter_rows():
        name = series[code].metric.base
        by_metric[name] = by_metric.get(name, np.zeros(3, np.int64)) + np.array((falls, rises, steps))

    def is_counter(metric: Metric) -> bool:
        falls, rises, steps = by_metric[metric.base].tolist()
        if metric.counts:
            return bool(falls <= max(_FALLS * steps, 1))
        unnamed = not metric.moment and metric.harm == 0 and steps >= 20
        return bool(unnamed and falls == 0 and rises >= 0.5 * steps)

    known = {one.metric.base: is_counter(one.metric) for one in series}
    return np.array([known[one.metric.base] for one in series], dtype=np.bool_)


def _window(part: pl.DataFrame, counter: NDArray[np.bool_], starts: float, ends: float, seconds: float) -> Window:
    columns = max(1, int((ends - starts) // seconds) + 1)
    restarted = pl.when(pl.col("grown") < 0).then(pl.col("value")).otherwise(pl.col("grown"))
    sums = (
        part.filter(pl.col("time") >= starts)
        .with_columns(block=((pl.col("time") - starts) / seconds).floor().cast(pl.Int64))
        .group_by("code", "block")
        .agg(
            level=pl.col("value").mean(),
            amount=restarted.sum(),
            passed=pl.col("passed").sum(),
            age=(pl.col("time") - pl.col("value")).mean(),
        )
    )
    code, block = sums["code"].to_numpy(), np.minimum(sums["block"].to_numpy(), columns - 1)
    filled = {}
    for name in ("level", "amount", "passed", "age"):
        filled[name] = np.full((len(counter), columns), np.nan)
        filled[name][code, block] = sums[name].to_numpy()
    rate = np.divide(
        filled["amount"], filled["passed"], out=np.full_like(filled["level"], np.nan), where=filled["passed"] > 0
    )
    level = np.where(counter[:, None], rate, filled["level"])
    amount = np.where(counter[:, None], filled["amount"], np.nan)
    return Window(starts, level, amount, filled["age"], ends)
