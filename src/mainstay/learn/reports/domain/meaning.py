"""Whether two figures differ by more than chance makes them differ. Small numbers say that they are small. Pure.

Counts: given their sum, one of two Poisson counts is binomial (Przyborowski and Wilenski, 1940). Shares: two
proportions with a pooled variance. Lengths of time: Cliff's delta, as releases are judged by. All are two-sided at one
in twenty.
"""

from collections.abc import Sequence
from enum import StrEnum
from math import sqrt
from typing import Final

import numpy as np

from mainstay.change.releases.judge import statistics

_LEAST_COUNT: Final = 10
_LEAST_TIMES: Final = 8
_MOST_TIMES: Final = 300
_SURE: Final = 1.96


class Meaning(StrEnum):
    """What a difference says."""

    MORE = "more than chance"
    LESS = "less than chance"
    SAME = "within chance"
    FEW = "too few to tell"
    NONE = ""


def of_counts(now: int, before: int, lengths: tuple[float, float] = (1.0, 1.0)) -> Meaning:
    """Whether a count is more or less than before. ``lengths`` are of both times."""
    total = now + before
    if total < _LEAST_COUNT:
        return Meaning.FEW
    share = lengths[0] / (lengths[0] + lengths[1])
    expected = total * share
    spread = sqrt(total * share * (1 - share))
    return _judged(now - expected, max(abs(now - expected) - 0.5, 0.0) / spread)


def of_shares(now: tuple[int, int], before: tuple[int, int]) -> Meaning:
    """Whether a share, as (part, whole), is more or less than before."""
    if min(now[1], before[1]) < _LEAST_COUNT:
        return Meaning.FEW
    pooled = (now[0] + before[0]) / (now[1] + before[1])
    spread = sqrt(pooled * (1 - pooled) * (1 / now[1] + 1 / before[1]))
    far = now[0] / now[1] - before[0] / before[1]
    return _judged(far, abs(far) / spread) if spread else Meaning.SAME


def of_times(now: Sequence[float], before: Sequence[float]) -> Meaning:
    """Whether lengths of time are longer or shorter than before."""
    if min(len(now), len(before)) < _LEAST_TIMES:
        return Meaning.FEW
    rows = [np.array([_some(one)]) for one in (before, now)]
    one = np.ones(1)
    longer, shorter = statistics.compare(rows[0], rows[1], one), statistics.compare(rows[1], rows[0], one)
    p, way = min((float(longer.p[0]), 1.0), (float(shorter.p[0]), -1.0))
    return _judged(way, _SURE + 1 if p < 0.025 else 0.0)


def _some(values: Sequence[float]) -> list[float]:
    """At most so many of them, evenly over their order."""
    ordered = sorted(values)
    if len(ordered) <= _MOST_TIMES:
        return ordered
    return [ordered[round(place * (len(ordered) - 1) / (_MOST_TIMES - 1))] for place in range(_MOST_TIMES)]


def _judged(way: float, far: float) -> Meaning:
    if far <= _SURE:
        return Meaning.SAME
    return Meaning.MORE if way > 0 else Meaning.LESS
