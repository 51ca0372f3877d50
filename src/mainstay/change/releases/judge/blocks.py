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
    series, samples = _sorted(frames)
    spacing = _spacing(samples[0])
    seconds = max(spacing, min(ends - starts for starts, ends in spans[:2]) / _BLOCKS, 1.0)
    counter = _counters(samples, series)
    windows = []
    for number, (starts, ends) in enumerate(spans):
        # Of a window that is much longer than the other the part next to the release is taken.
        first = max(starts, ends - _MOST * seconds) if number == 0 else starts
        windows.append(_window(samples[number], counter, first, ends, seconds))
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


@dataclass(frozen=True)
class _Samples:
    """The samples of one window in the order of series and time. ``grown`` and ``passed`` are since the one before."""

    code: NDArray[np.int64]
    time: Floats
    value: Floats
    grown: Floats
    passed: Floats


def _sorted(frames: Sequence[pl.DataFrame]) -> tuple[list[Series], list[_Samples]]:
    """All series, and the samples of each window with the number of theirs."""
    names = [pl.concat([one[column].unique() for one in frames]).unique().sort() for column in COLUMNS[1:4]]
    kinds = [pl.Enum(one) for one in names]
    wide, deep = len(names[1]), len(names[2])
    keyed = []
    for frame in frames:
        service, instance, metric = (
            frame[column].cast(kind).to_physical().to_numpy().astype(np.int64)
            for column, kind in zip(COLUMNS[1:4], kinds, strict=True)
        )
        keyed.append((service * wide + instance) * deep + metric)
    known = np.unique(np.concatenate([np.unique(one) for one in keyed]))
    understood = [read(name) for name in names[2].to_list()]
    series = [
        Series(str(names[0][key // deep // wide]), str(names[1][key // deep % wide]), understood[key % deep])
        for key in known.tolist()
    ]
    samples = [_in_order(key, known, frame) for key, frame in zip(keyed, frames, strict=True)]
    return series, samples


def _in_order(key: NDArray[np.int64], known: NDArray[np.int64], frame: pl.DataFrame) -> _Samples:
    time = frame["time"].cast(pl.Float64).to_numpy()
    value = frame["value"].cast(pl.Float64).to_numpy()
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        key, time, value = key[order], time[order], value[order]
    if ((time[1:] < time[:-1]) & (key[1:] == key[:-1])).any():
        order = np.lexsort((time, key))
        key, time, value = key[order], time[order], value[order]
    same = np.concatenate([[False], key[1:] == key[:-1]]) if len(key) else np.zeros(0, dtype=np.bool_)
    grown, passed = (np.where(same, np.diff(row, prepend=row[:1]), np.nan) for row in (value, time))
    return _Samples(np.searchsorted(known, key), time, value, grown, passed)


def _spacing(samples: _Samples) -> float:
    """Seconds from one sample of a series to the next, as it mostly is."""
    some = samples.passed[:100_000]
    some = some[some > 0]
    return float(np.median(some)) if len(some) else 1.0


def _counters(samples: Sequence[_Samples], series: Sequence[Series]) -> NDArray[np.bool_]:
    """Which rows are counters: by their name unless the data speak against it, or because they never fall."""
    told = np.zeros((len(series), 3))
    for one in samples:
        for place, which in enumerate((one.grown < 0, one.grown > 0, np.isfinite(one.grown))):
            told[:, place] += np.bincount(one.code[which], minlength=len(series))
    by_metric: dict[str, Floats] = {}
    for number, of in enumerate(series):
        by_metric[of.metric.base] = by_metric.get(of.metric.base, np.zeros(3)) + told[number]

    def is_counter(metric: Metric) -> bool:
        falls, rises, steps = by_metric[metric.base].tolist()
        if metric.counts:
            return bool(falls <= max(_FALLS * steps, 1))
        unnamed = not metric.moment and metric.harm == 0 and steps >= 20
        return bool(unnamed and falls == 0 and rises >= 0.5 * steps)

    known = {of.metric.base: is_counter(of.metric) for of in series}
    return np.array([known[of.metric.base] for of in series], dtype=np.bool_)


def _window(samples: _Samples, counter: NDArray[np.bool_], starts: float, ends: float, seconds: float) -> Window:
    columns = max(1, int((ends - starts) // seconds) + 1)
    inside = samples.time >= starts
    code, time, value = samples.code[inside], samples.time[inside], samples.value[inside]
    grown, passed = samples.grown[inside], samples.passed[inside]
    block = np.minimum(((time - starts) // seconds).astype(np.int64), columns - 1)
    place, size = code * columns + block, len(counter) * columns

    def summed(weights: Floats | None) -> Floats:
        whole: Floats = np.bincount(place, weights, size).astype(np.float64).reshape(len(counter), columns)
        return whole

    def mean(total: Floats, of: Floats) -> Floats:
        found: Floats = np.divide(total, of, out=np.full_like(total, np.nan), where=of > 0)
        return found

    count = summed(None)
    # After a restart a counter begins at nought again, so all of it is new.
    amount = summed(np.nan_to_num(np.where(grown < 0, value, grown)))
    stretch = summed(np.nan_to_num(passed))
    level = np.where(counter[:, None], mean(amount, stretch), mean(summed(value), count))
    whole = np.where(counter[:, None] & (stretch > 0), amount, np.nan)
    return Window(starts, level, whole, mean(summed(time - value), count), ends)
