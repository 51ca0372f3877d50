"""Aggregation over series: `by`, `without`, and the operators.

Source: Prometheus documentation, "Operators", and `aggregation` in promql/engine.go.
"""

from __future__ import annotations

from collections.abc import Callable

from . import reduce, sql
from .model import Grid

_REDUCERS: dict[str, Callable[[], str]] = {
    "sum": lambda: reduce.total("arraySort(groupArray(x))"),
    "avg": lambda: reduce.mean("arraySort(groupArray(x))"),
    "stddev": lambda: reduce.deviation("arraySort(groupArray(x))"),
    "stdvar": lambda: reduce.variance("arraySort(groupArray(x))"),
    "min": lambda: reduce.smallest("groupArray(x)"),
    "max": lambda: reduce.largest("groupArray(x)"),
    "count": lambda: "toFloat64(count())",
    "group": lambda: "toFloat64(1)",
}
SIMPLE = frozenset(_REDUCERS)


def grouping(labels: str, *, by: bool, names: list[str]) -> str:
    """The label set of the group of a series. The name survives only in `by (__name__)`."""
    return sql.only(labels, names) if by else sql.without(labels, [*names, "__name__"])


def _points(source: str, group: str) -> str:
    return sql.scattered(source, f"{group} AS g, s.l AS l, s.d AS d")


def _laid_out(rows: str, grid: Grid) -> str:
    """Rows of (g, d, k, x) as a vector."""
    return f"SELECT g AS l, max(d) AS d, {sql.nullable(sql.collect(grid))} AS v FROM ({rows}) GROUP BY g"


def simple(operator: str, source: str, group: str, grid: Grid, level: str = "") -> str:
    """An operator that makes one value of a group; `level` is the array of levels over the grid for `quantile`.

    Values are sorted before they are added, so that the answer does not depend on the order of reading.
    """
    reducer = reduce.quantile(f"({level})[k + 1]", "groupArray(x)") if operator == "quantile" else _REDUCERS[operator]()
    rows = f"SELECT g, k, max(d) AS d, {reducer} AS x FROM ({_points(source, group)}) GROUP BY g, k"
    return _laid_out(rows, grid)


def extremes(operator: str, source: str, group: str, grid: Grid, counts: str) -> str:
    """`topk` and `bottomk`: the series themselves, at each grid point the `counts` best of each group.

    NaN comes after every number. Equal values are told apart by their labels, so that the answer is stable.
    """
    direction = "DESC" if operator == "topk" else "ASC"
    nan = sql.guard(f"arrayExists(c -> isNaN(c), {counts})", "Parameter value is NaN; give a number of series")
    huge = sql.guard(f"arrayExists(c -> abs(c) >= 9.2e18, {counts})", "Scalar value overflows int64; give less")
    checked = f"{nan} AND {huge}"
    order = f"isNaN(x), x {direction}, l"
    ranked = (
        f"SELECT *, row_number() OVER (PARTITION BY g, k ORDER BY {order}) AS place FROM ({_points(source, group)})"
    )
    rows = f"SELECT l, d, k, x FROM ({ranked}) WHERE place <= trunc(({counts})[k + 1]) AND {checked}"
    return f"SELECT l, d, {sql.nullable(sql.collect(grid))} AS v FROM ({rows}) GROUP BY l, d"


def count_values(label: str, source: str, group: str, grid: Grid) -> str:
    """How many series have each value, as a new label; values are written without an exponent, as Go's 'f' format."""
    points = _points(source, group)
    named = sql.with_label("g", label, "timeSeriesPrometheusValueToString(x)")
    rows = f"SELECT {named} AS h, k, max(d) AS d, toFloat64(count()) AS c FROM ({points}) GROUP BY h, k"
    return f"SELECT h AS l, max(d) AS d, {sql.nullable(sql.collect(grid, 'c'))} AS v FROM ({rows}) GROUP BY h"
