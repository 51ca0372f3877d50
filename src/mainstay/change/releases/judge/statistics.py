"""Rank statistics over many pairs of samples at once: rows are series, columns blocks of time, NaN is no data.

Sources: N. Cliff, "Dominance statistics", Psychological Bulletin 114 (1993), for delta and its variance from
placements, which is the variance of E. Brunner and U. Munzel, "The nonparametric Behrens-Fisher problem", Biometrical
Journal 42 (2000), and right with ties and unequal spread; H. B. Mann and D. R. Whitney (1947) for the exact floor of p;
Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995); G. V. Bayley and J. M.
Hammersley, "The 'effective' number of independent observations in an autocorrelated time series", JRSS 8 (1946).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# So many comparisons are held in memory at once.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Compared:
    """For each row: Cliff's delta of after over before, and the chance of such a delta or a larger one without harm."""

    delta: Floats
    p: Floats


def compare(before: Floats, after: Floats, inflation: Floats) -> Compared:
    """Compare rows. ``inflation`` is by how much neighbours that resemble each other blow the variance up."""
    rows = len(before)
    delta, variance = np.zeros(rows), np.ones(rows)
    step = max(1, _AT_ONCE // max(1, before.shape[1] * after.shape[1]))
    for start in range(0, rows, step):
        part = slice(start, start + step)
        delta[part], variance[part] = _dominance(before[part], after[part])
    nb, na = np.isfinite(before).sum(axis=1), np.isfinite(after).sum(axis=1)
    enough = (nb > 1) & (na > 1)
    z = np.where(enough, delta / np.sqrt(np.maximum(variance * inflation, 1e-12)), 0.0)
    p = np.maximum(upper_tail(z), _least_p(nb / inflation, na / inflation))
    return Compared(delta, np.where(enough, np.minimum(p, 1.0), 1.0))


def _dominance(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    one, other = after[:, None, :], before[:, :, None]
    signs = (one > other).astype(np.int8) - (one < other).astype(np.int8)
    has_b, has_a = np.isfinite(before), np.isfinite(after)
    nb, na = np.maximum(has_b.sum(axis=1), 1), np.maximum(has_a.sum(axis=1), 1)
    of_a = signs.sum(axis=1, dtype=np.float64) / nb[:, None]
    of_b = signs.sum(axis=2, dtype=np.float64) / na[:, None]
    delta = of_a.sum(axis=1) / na
    spread_a = (np.where(has_a, of_a - delta[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(na - 1, 1)
    spread_b = (np.where(has_b, of_b - delta[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(nb - 1, 1)
    # Samples that hardly overlap have next to no spread of placements; a part of the spread without harm is the floor.
    floor = 0.1 * (na + nb + 1) / (3.0 * na * nb)
    return delta, np.maximum(spread_a / na + spread_b / nb, floor)


def _least_p(nb: Floats, na: Floats) -> Floats:
    """One over the number of ways to part so many independent values: no test can be surer than that."""
    nb, na = np.maximum(nb, 1.0), np.maximum(na, 1.0)
    return np.exp(_log_factorial(nb) + _log_factorial(na) - _log_factorial(nb + na))


def _log_factorial(values: Floats) -> Floats:
    return np.array([math.lgamma(one + 1.0) for one in values.tolist()])


def upper_tail(z: Floats) -> Floats:
    """The chance that a standard normal value is larger."""
    return np.array([0.5 * math.erfc(one / math.sqrt(2.0)) for one in z.tolist()])


def inflation(rows: Floats) -> Floats:
    """How much less than its number of blocks a row is worth, from how much neighbours resemble each other."""
    has = np.isfinite(rows)
    count = np.maximum(has.sum(axis=1), 1)
    mean = np.where(has, rows, 0.0).sum(axis=1) / count
    off = np.where(has, rows - mean[:, None], 0.0)
    power = (off**2).sum(axis=1)
    lagged = (off[:, 1:] * off[:, :-1]).sum(axis=1)
    likeness = np.divide(lagged, power, out=np.zeros(len(rows)), where=power > 0)
    # The estimate is low by about (1 + 3 r) / n in short series (M. G. Kendall, 1954).
    likeness = np.clip(likeness + (1 + 3 * np.maximum(likeness, 0)) / count, 0.0, 0.9)
    found: Floats = (1 + likeness) / (1 - likeness)
    return found


def middle(rows: Floats) -> Floats:
    """Median of each row, NaN where there is none."""
    found = np.full(len(rows), np.nan)
    some = np.isfinite(rows).any(axis=1)
    if some.any():
        found[some] = np.nanmedian(rows[some], axis=1)
    return found


def average(rows: Floats) -> Floats:
    """Mean of each row, NaN where there is none."""
    has = np.isfinite(rows)
    count = has.sum(axis=1)
    mean: Floats = np.divide(
        np.where(has, rows, 0.0).sum(axis=1), count, out=np.full(len(rows), np.nan), where=count > 0
    )
    return mean


def wander(rows: Floats, parts: int = 4) -> Floats:
    """How far the medians of the quarters of a row lie apart: it moves as much by itself.

    Where each is above the one before, or each below, it is on its way and goes on for another window: twice as far.
    """
    middles = np.stack([middle(part) for part in np.array_split(rows, parts, axis=1)], axis=1)
    some = np.isfinite(middles).any(axis=1)
    found = np.zeros(len(rows))
    found[some] = np.nanmax(middles[some], axis=1) - np.nanmin(middles[some], axis=1)
    steps = np.diff(middles, axis=1)
    on_its_way = (steps > 0).all(axis=1) | (steps < 0).all(axis=1)
    return np.where(on_its_way, 2.0, 1.0) * found


def discoveries(p: Floats) -> Floats:
    """Benjamini and Hochberg's adjusted p of each row."""
    count = len(p)
    if not count:
        return p
    order = np.argsort(p)
    scaled = p[order] * count / np.arange(1, count + 1)
    adjusted = np.minimum.accumulate(scaled[::-1])[::-1]
    found = np.empty(count)
    found[order] = np.minimum(adjusted, 1.0)
    return found
