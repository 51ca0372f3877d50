"""Functions over range vectors: which run on ClickHouse's grid functions, and which on windows of samples.

The grid functions were compared with the rules of Prometheus on random samples. Most agree on every sample. Three
agree on ordinary series only, and the other series (`CAREFUL`) are evaluated window by window:
`timeSeriesRateToGrid` and `timeSeriesIncreaseToGrid` keep a running sum of counter resets over the whole series, so
that after a reset from a large value, or past an infinity, later windows lose digits that Prometheus keeps;
`timeSeriesAvgToGrid` overflows where Prometheus goes over to an incremental mean. The regression functions sum without
compensation and are not used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import reduce, sql

GRID_FUNCTIONS = {
    "delta": "timeSeriesDeltaToGrid",
    "irate": "timeSeriesInstantRateToGrid",
    "idelta": "timeSeriesInstantDeltaToGrid",
    "min_over_time": "timeSeriesMinToGrid",
    "max_over_time": "timeSeriesMaxToGrid",
    "sum_over_time": "timeSeriesSumToGrid",
    "present_over_time": "timeSeriesCountToGrid",
    "count_over_time": "timeSeriesCountToGrid",
    "last_over_time": "timeSeriesLastToGrid",
    "changes": "timeSeriesChangesToGrid",
    "resets": "timeSeriesResetsToGrid",
}

_WHOLE = "toFloat64(countIf(value != trunc(value))) = 0 AND max(abs(value)) * count() < 9007199254740992."
_FINITE = "countIf(NOT isFinite(value)) = 0"

# A grid function, and the condition over all samples of a series on which it agrees with Prometheus. `{resets}` is
# the number of counter resets. Resets of whole numbers below 2^53 are added up without error.
CAREFUL = {
    "rate": ("timeSeriesRateToGrid", f"{_FINITE} AND ({{resets}} = 0 OR ({_WHOLE}))"),
    "increase": ("timeSeriesIncreaseToGrid", f"{_FINITE} AND ({{resets}} = 0 OR ({_WHOLE}))"),
    "avg_over_time": ("timeSeriesAvgToGrid", "maxIf(abs(value), isFinite(value)) < 1e300"),
}

# These give samples of the series themselves, so the name stays.
KEEP_NAME = frozenset({"last_over_time", "first_over_time"})


@dataclass(frozen=True)
class Window:
    """A reduction of one window `w` (see `selectors.windowed`), and the number of samples that it needs."""

    build: Callable[[int, list[str]], str]
    least: int = 1


_VALUES = "w.2"


def _let(name: str, value: str, body: str) -> str:
    """Give an expression a name inside another one."""
    return f"arrayMap({name} -> {body}, [{value}])[1]"


def _rate(*, per_second: bool) -> Callable[[int, list[str]], str]:
    """Rate or increase of a counter, extrapolated to the window. Source: `extrapolatedRate`, promql/functions.go."""

    def build(range_ms: int, _: list[str]) -> str:
        grown = (
            "(w[-1].2 - w[1].2) + arraySum((a, b) -> if(b < a, a, toFloat64(0)), arrayPopBack(w.2), arrayPopFront(w.2))"
        )
        # r: (growth, sampled interval, mean gap, gap to the start, gap to the end, first value), times in seconds.
        sampled = "(w[-1].1 - w[1].1) / 1000"
        facts = (
            f"({grown}, {sampled}, {sampled} / (length(w) - 1), "
            f"(w[1].1 - (ts - {range_ms})) / 1000, (ts - w[-1].1) / 1000, w[1].2)"
        )
        near_start = "if(r.4 >= r.3 * 1.1, r.3 / 2, r.4)"
        near_end = "if(r.5 >= r.3 * 1.1, r.3 / 2, r.5)"
        # A counter does not go below zero, so it is not extended past the moment when it would have been zero.
        to_zero = "r.2 * (r.6 / r.1)"
        start = f"if(r.1 > 0 AND r.6 >= 0 AND {to_zero} < {near_start}, {to_zero}, {near_start})"
        factor = f"(r.2 + {start} + {near_end}) / r.2"
        return _let("r", facts, f"r.1 * ({factor}{f' / {range_ms / 1000!r}' if per_second else ''})")

    return build


def _regression(origin: str, body: str) -> Callable[[int, list[str]], str]:
    """Least squares over the window, with `g` = (slope, intercept at `origin`). Source: `linearRegression`."""

    def build(_: int, arguments: list[str]) -> str:
        x = f"(p.1 - {origin}) / 1000"
        sums = ", ".join(
            _let("f", reduce.kahan(f"arrayMap(p -> toFloat64({term}), w)"), "f.1 + f.2")
            for term in (x, "p.2", f"({x}) * p.2", f"({x}) * ({x})")
        )
        slope = "((c.3 - c.1 * c.2 / c.5) / (c.4 - c.1 * c.1 / c.5))"
        line = _let("c", f"({sums}, toFloat64(length(w)))", f"({slope}, c.2 / c.5 - {slope} * c.1 / c.5)")
        flat = "if(isInfinite(w[1].2), (nan, nan), (toFloat64(0), w[1].2))"
        fitted = f"if(arrayAll(p -> p.2 = w[1].2, w), {flat}, {line})"
        return _let("g", fitted, body.replace("$1", arguments[0] if arguments else ""))

    return build


def _smoothing(_: int, arguments: list[str]) -> str:
    """Holt's linear method. Source: `funcDoubleExponentialSmoothing`. Accumulator: (s0, s1, b, index)."""
    level, trend = arguments
    bad = " OR ".join(f"NOT ({factor} > 0 AND {factor} < 1)" for factor in arguments)
    checked = sql.failing(bad, "invalid smoothing or trend factor; give a number between 0 and 1, not 0 or 1 itself")
    slope = f"if(a.4 = 0, a.3, {trend} * (a.2 - a.1) + (1 - {trend}) * a.3)"
    step = f"(a.2, {level} * y + (1 - {level}) * (a.2 + {slope}), {slope}, a.4 + 1)"
    start = "(toFloat64(0), w[1].2, w[2].2 - w[1].2, toFloat64(0))"
    return f"arrayFold((a, y) -> {step}, arrayPopFront(w.2), {start}).2 + {checked}"


def _mad(_: int, __: list[str]) -> str:
    """Median of the distances to the median; NaN as soon as one sample is NaN."""
    median = reduce.quantile("0.5", "w.2")
    spread = _let("e", median, reduce.quantile("0.5", "arrayMap(y -> abs(y - e), w.2)"))
    return f"if(arrayExists(y -> isNaN(y), w.2), nan, {spread})"


def _plain(expression: Callable[[str], str]) -> Window:
    return Window(lambda _, __: expression(_VALUES))


def _extreme_time(better: str) -> Window:
    """The time of an extreme value: the last one among equals; a NaN gives way to any number.

    Source: `compareOverTime` as called by `funcTsOfMaxOverTime`. The accumulator is (value, time).
    """
    step = f"if(p.2 {better} a.1 OR isNaN(a.1), (p.2, p.1), a)"
    return Window(lambda _, __: f"arrayFold((a, p) -> {step}, w, (w[1].2, w[1].1)).2 / 1000")


WINDOW_FUNCTIONS = {
    "rate": Window(_rate(per_second=True), 2),
    "increase": Window(_rate(per_second=False), 2),
    "stddev_over_time": _plain(reduce.deviation),
    "stdvar_over_time": _plain(reduce.variance),
    "quantile_over_time": Window(lambda _, arguments: reduce.quantile(arguments[0], _VALUES)),
    "mad_over_time": Window(_mad),
    "avg_over_time": _plain(reduce.mean),
    "first_over_time": Window(lambda _, __: "w[1].2"),
    "ts_of_first_over_time": Window(lambda _, __: "w[1].1 / 1000"),
    "ts_of_last_over_time": Window(lambda _, __: "w[-1].1 / 1000"),
    "ts_of_max_over_time": _extreme_time(">="),
    "ts_of_min_over_time": _extreme_time("<="),
    "deriv": Window(_regression("w[1].1", "g.1"), 2),
    # The line is read at the evaluation time, which the caller hands in as `now`, plus the argument in seconds.
    "predict_linear": Window(_regression("now", "g.1 * $1 + g.2"), 2),
    "double_exponential_smoothing": Window(_smoothing, 2),
}
