"""`histogram_quantile` and `histogram_fraction` on classic histograms (series with an `le` label).

Source: `BucketQuantile` and `BucketFraction` in promql/quantile.go.
"""

from __future__ import annotations

from . import sql
from .model import Grid

# What ClickHouse and Go both read as the same number; anything else is no bucket for Prometheus.
_BOUND = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
_INFINITE = "^(?i)[+]?inf(inity)?$"


def _bound(label: str) -> str:
    """The upper bound in an `le` label as a nullable float, NULL when it is none."""
    return (
        f"multiIf(match({label}, {sql.text(_BOUND)}), toFloat64OrNull(trimLeft({label}, '+')), "
        f"match({label}, {sql.text(_INFINITE)}), inf, NULL)"
    )


def _buckets(source: str) -> str:
    """One row a histogram and grid point: `b`, the buckets by bound as (bound, count), equal bounds added up."""
    # The name still tells histograms apart here. Where it is all that does, dropping it later is an error.
    group = sql.without("s.l", ["le"])
    points = sql.scattered(source, f"{group} AS g, s.d AS d, {_bound(sql.label('s.l', 'le'))} AS le")
    summed = (
        "SELECT g, k, assumeNotNull(le) AS bound, sum(x) AS c, max(d) AS d "
        f"FROM ({points}) WHERE isNotNull(le) GROUP BY g, k, bound"
    )
    return f"SELECT g, k, max(d) AS d, arraySort(e -> e.1, groupArray((bound, c))) AS b FROM ({summed}) GROUP BY g, k"


def _almost_equal(a: str, b: str) -> str:
    """Whether two bucket counts differ by no more than arithmetic noise (1e-12). Source: util/almost."""
    return (
        f"({a} = {b} OR (isNaN({a}) AND isNaN({b})) OR ({a} != 0 AND {b} != 0 AND "
        f"abs({a} - {b}) / least(abs({a}) + abs({b}), 1.7976931348623157e308) < 1e-12))"
    )


def _monotonic(buckets: str) -> str:
    """The counts made non-decreasing: noise and decreases take the count before. Source: `ensureMonotonic…`."""
    previous = "a[-1]"
    step = f"arrayPushBack(a, if({_almost_equal(previous, 'y')} OR y < {previous}, {previous}, y))"
    return f"arrayFold((a, y) -> {step}, arrayPopFront({buckets}.2), [{buckets}[1].2])"


def _laid_out(rows: str, grid: Grid) -> str:
    return f"SELECT g AS l, max(d) AS d, {sql.nullable(sql.collect(grid))} AS v FROM ({rows}) GROUP BY g"


def quantile(source: str, level: str, grid: Grid) -> str:
    """The quantile at `level` (an array over the grid), interpolated linearly within its bucket."""
    q = "h"  # the level at this grid point
    # c: the corrected counts; u: the bounds; i: the first bucket that reaches the rank, never beyond the last.
    rank = f"({q} * c[-1])"
    inside = f"u[i - 1] + (u[i] - u[i - 1]) * (({rank} - c[i - 1]) / (c[i] - c[i - 1]))"
    lowest = f"if(u[1] <= 0, u[1], toFloat64(0) + u[1] * ({rank} / c[1]))"
    found = f"multiIf(i = length(u), u[-2], i = 1, {lowest}, {inside})"
    index = f"arrayMap(j -> if(j = 0, length(c), j), [arrayFirstIndex(y -> y >= {rank}, arrayPopBack(c))])[1]"
    value = f"if(length(u) < 2 OR c[-1] = 0, nan, arrayMap(i -> {found}, [{index}])[1])"
    whole = f"arrayMap((u, c) -> {value}, [b.1], [{_monotonic('b')}])[1]"
    x = f"multiIf(isNaN({q}), nan, {q} < 0, -inf, {q} > 1, inf, b[-1].1 != inf, nan, {whole})"
    bound = f"arrayMap(h -> {x}, [({level})[k + 1]])[1]"
    return _laid_out(f"SELECT g, k, d, {bound} AS x FROM ({_buckets(source)})", grid)


def _rank_at(edge: str) -> str:
    """How many observations lie below `edge`, from bounds `u` and counts `c`, interpolated; infinite buckets are not.

    i is the first bucket whose upper bound is above the edge (0 when there is none).
    """
    low = "if(i > 1, u[i - 1], if(u[1] > 0, toFloat64(0), -inf))"
    below = "if(i > 1, c[i - 1], toFloat64(0))"
    share = f"({edge} - ({low})) / (u[i] - ({low}))"
    within = f"if(isInfinite(u[i]), {below}, {below} + (c[i] - {below}) * {share})"
    # Nor is a first bucket without a lower bound: all of it counts as below an edge within it.
    unbounded = f"if({edge} = -inf, toFloat64(0), c[i])"
    value = f"multiIf(i = 0, c[-1], isInfinite({low}), {unbounded}, {low} >= {edge}, {below}, {within})"
    return f"least(arrayMap(i -> {value}, [arrayFirstIndex(y -> y > {edge}, u)])[1], c[-1])"


def fraction(source: str, lower: str, upper: str, grid: Grid) -> str:
    """The share of observations between two values (arrays over the grid)."""
    low, high = "h.1", "h.2"  # the two values at this grid point
    share = f"({_rank_at(high)} - {_rank_at(low)}) / c[-1]"
    value = f"multiIf(c[-1] = 0 OR isNaN({low}) OR isNaN({high}), nan, {low} >= {high}, toFloat64(0), {share})"
    whole = f"arrayMap((u, c) -> {value}, [b.1], [b.2])[1]"
    x = f"if(b[-1].1 != inf, nan, {whole})"
    bound = f"arrayMap(h -> {x}, [(({lower})[k + 1], ({upper})[k + 1])])[1]"
    return _laid_out(f"SELECT g, k, d, {bound} AS x FROM ({_buckets(source)})", grid)
