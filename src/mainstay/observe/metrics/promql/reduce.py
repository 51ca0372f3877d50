"""Reductions of one array of floats to one float, in SQL, with the arithmetic of Prometheus.

Used over time (the samples of a window) and over series (the samples of a group). Sums use the Kahan-Neumaier
compensation of Prometheus (promql/functions.go, `kahanSumInc`), because a plain sum, and ClickHouse's own
`sumKahan` (no Neumaier branch, NaN after an infinity), give other digits. An argument may be any array expression.
"""

from __future__ import annotations

_ZEROES = "(toFloat64(0), toFloat64(0))"


def _inc(total: str, compensation: str, value: str) -> str:
    """One compensated addition: a tuple of the new sum and the new compensation."""
    after = f"({total} + {value})"
    kept = f"if(abs({total}) >= abs({value}), ({total} - {after}) + {value}, ({value} - {after}) + {total})"
    return f"({after}, if(isInfinite({after}), toFloat64(0), {compensation} + {kept}))"


def kahan(values: str) -> str:
    """A tuple (sum, compensation) of an array."""
    return f"arrayFold((a, y) -> {_inc('a.1', 'a.2', 'y')}, {values}, {_ZEROES})"


def total(values: str) -> str:
    """The sum; the compensation is meaningless once the sum is infinite."""
    return f"arrayMap(f -> if(isInfinite(f.1), f.1, f.1 + f.2), [{kahan(values)}])[1]"


def mean(values: str) -> str:
    """The mean: a compensated sum over the count, or an incremental mean from where the sum overflows.

    Source: `funcAvgOverTime`. The accumulator is (sum or mean, compensation, count, incremental).
    """
    after = "(a.1 + y)"
    count = "(a.3 + 1)"
    direct = _inc("a.1", "a.2", "y")
    # At the overflow the sum so far becomes a mean over a.3 samples, and so does its compensation.
    so_far = "if(a.4 = 1, a.1, a.1 / a.3)"
    lost = "if(a.4 = 1, a.2, a.2 / a.3)"
    share = f"(a.3 / {count})"
    moving = _inc(f"({share} * {so_far})", f"({share} * {lost})", f"(y / {count})")
    step = (
        f"if(a.4 = 0 AND NOT isInfinite({after}), ({direct}.1, {direct}.2, {count}, toUInt8(0)), "
        f"({moving}.1, {moving}.2, {count}, toUInt8(1)))"
    )
    # The first sample is taken as it is, even when it is infinite.
    start = "(q[1], toFloat64(0), toFloat64(1), toUInt8(0))"
    fold = f"arrayFold((a, y) -> {step}, arrayPopFront(q), {start})"
    return f"arrayMap(q -> arrayMap(f -> if(f.4 = 1, f.1 + f.2, f.1 / f.3 + f.2 / f.3), [{fold}])[1], [{values}])[1]"


def variance(values: str) -> str:
    """The population variance by Welford's method with compensated sums. Source: `varianceOverTime`.

    The accumulator is (count, mean, its compensation, squares, its compensation).
    """
    delta = "(y - (a.2 + a.3))"
    new_mean = _inc("a.2", "a.3", f"({delta} / (a.1 + 1))")
    rest = f"(y - ({new_mean}.1 + {new_mean}.2))"
    squares = _inc("a.4", "a.5", f"({delta} * {rest})")
    step = f"(a.1 + 1, {new_mean}.1, {new_mean}.2, {squares}.1, {squares}.2)"
    zero = "toFloat64(0)"
    fold = f"arrayFold((a, y) -> {step}, {values}, ({zero}, {zero}, {zero}, {zero}, {zero}))"
    return f"arrayMap(f -> (f.4 + f.5) / f.1, [{fold}])[1]"


def deviation(values: str) -> str:
    """The population standard deviation."""
    return f"sqrt({variance(values)})"


def ascending(values: str) -> str:
    """The values sorted with NaN first, as Prometheus sorts them for quantiles."""
    return f"arraySort(y -> (NOT isNaN(y), y), {values})"


def quantile(level: str, values: str) -> str:
    """The quantile with linear interpolation. Source: `quantile` in promql/quantile.go. The array is not empty."""
    count = "toFloat64(length(o))"
    rank = f"(h * ({count} - 1))"
    low = f"toUInt64(greatest(0, floor({rank})))"
    high = f"toUInt64(least({count} - 1, floor({rank}) + 1))"
    weight = f"({rank} - floor({rank}))"
    inner = f"o[{low} + 1] * (1 - {weight}) + o[{high} + 1] * {weight}"
    # The level is bound to a name, since it may be a whole subquery.
    inside = f"arrayMap(o -> {inner}, [{ascending(values)}])[1]"
    return f"arrayMap(h -> multiIf(isNaN(h), nan, h < 0, -inf, h > 1, inf, {inside}), [toFloat64({level})])[1]"


def smallest(values: str) -> str:
    """The minimum, NaN only when every value is NaN."""
    return f"arrayMap(o -> if(empty(o), nan, arrayMin(o)), [arrayFilter(y -> NOT isNaN(y), {values})])[1]"


def largest(values: str) -> str:
    """The maximum, NaN only when every value is NaN."""
    return f"arrayMap(o -> if(empty(o), nan, arrayMax(o)), [arrayFilter(y -> NOT isNaN(y), {values})])[1]"
