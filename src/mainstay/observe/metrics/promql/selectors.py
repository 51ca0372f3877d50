"""Selectors: which series, which samples, and what an instant or a range selector sees at each grid point.

Source of the rules: Prometheus documentation, "Querying basics", as of version 3: a window is open on the left and
closed on the right; a staleness marker ends a series for instant selectors and is no sample of a range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import promql_parser as pp

from . import sql
from .errors import PromQLError, Unsupported
from .model import Grid, Tables

_NOT_STALE = f"reinterpretAsUInt64(value) != {sql.STALE_BITS}"


@dataclass(frozen=True)
class Selector:
    """A vector selector made of plain values; times in milliseconds. `range_ms` is 0 for an instant selector."""

    matchers: tuple[tuple[str, str, str], ...]
    offset_ms: int
    range_ms: int = 0
    at: int | Literal["start", "end"] | None = None

    def seen(self, grid: Grid) -> Grid:
        """The times that the selector looks at: the grid, or the one time of an @ modifier, less the offset."""
        if self.at is not None:
            at = {"start": grid.start_ms, "end": grid.end_ms}[self.at] if isinstance(self.at, str) else self.at
            grid = Grid(at, at, 1, instant=True)
        return grid.shifted(self.offset_ms)


def read(node: pp.VectorSelector, range_ms: int = 0) -> Selector:
    """Take a selector out of the syntax tree, refusing what is not evaluated."""
    if node.matchers.or_matchers:
        raise Unsupported("'or' between label matchers")
    matchers = [(_OPERATORS[str(m.op).rsplit(".", 1)[-1]], m.name, m.value) for m in node.matchers.matchers]
    if node.name is not None:
        matchers.insert(0, ("=", "__name__", node.name))
    for operator, name, value in matchers:
        if operator in ("=~", "!~"):
            check_regex(value, f"the matcher on label {name!r}")
    offset = node.offset
    return Selector(tuple(matchers), 0 if offset is None else milliseconds(offset), range_ms, _at(node))


_AT = re.compile(r" @ (\d+)\.(\d{3})(?: offset \S+)?$")


def _at(node: pp.VectorSelector) -> int | Literal["start", "end"] | None:
    """The time of an @ modifier in milliseconds since 1970, or the end of the query that it names."""
    if node.at is None:
        return None
    if node.at.type == pp.AtModifierType.Start:
        return "start"
    if node.at.type == pp.AtModifierType.End:
        return "end"
    # The text has whole milliseconds, while the attribute of the parser fails for some times.
    written = _AT.search(str(node))
    if written is None:
        raise Unsupported(f"the @ modifier in {node}")
    return int(written[1]) * 1000 + int(written[2])


_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def milliseconds(duration: object) -> int:
    """Whole milliseconds of a duration from the parser."""
    from datetime import timedelta

    assert isinstance(duration, timedelta)  # noqa: S101 - the parser gives nothing else; tells the type checker
    return duration // timedelta(milliseconds=1)


def check_regex(pattern: str, where: str) -> None:
    """Refuse a pattern whose brackets do not close by themselves.

    Patterns are anchored by writing a group around them, so `a)|(b` would silently mean something else.
    """
    depth = 0
    in_class = False
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            if pattern[position + 1 : position + 2] == "Q":
                raise Unsupported(f"\\Q…\\E in {where}", "escape the characters one by one")
            position += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            # A bracket that stands first in a class is a plain character.
            following = pattern[position + 1 :]
            position += 2 if following.startswith("^]") else 1 if following.startswith(("]", "^")) else 0
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                break
        position += 1
    if depth != 0 or in_class:
        raise PromQLError(
            f"the regular expression {pattern!r} in {where} has an unbalanced bracket; close or escape it"
        )


def anchored(pattern: str) -> str:
    """The pattern as an SQL literal that matches whole values; a dot matches a line break, as in Prometheus."""
    return sql.text(f"^(?s:{pattern})$")


def _condition(subject: str, operator: str, value: str) -> str:
    if operator in ("=", "!="):
        return f"{subject} {operator} {sql.text(value)}"
    return f"{'NOT ' if operator == '!~' else ''}match({subject}, {anchored(value)})"


def series_filter(selector: Selector) -> str:
    """The WHERE condition on the series table; a missing label compares as empty. The name comes first."""
    names = [m for m in selector.matchers if m[1] == "__name__"]
    names.sort(key=lambda m: m[0] != "=")
    labels = [m for m in selector.matchers if m[1] != "__name__"]
    conditions = [_condition("name", operator, value) for operator, _, value in names]
    conditions += [_condition(f"labels[{sql.text(name)}]", operator, value) for operator, name, value in labels]
    return " AND ".join(conditions)


def _series(selector: Selector, tables: Tables) -> str:
    """One row a series: `id` and its label set. Duplicate rows of an id are folded into one."""
    pairs = f"CAST(CAST(any(labels), 'Map(String, String)'), '{sql.LABELS_TYPE}')"
    named = f"arrayConcat([('__name__', toString(any(name)))], {pairs})"
    # The stored map need not be sorted, and an empty value means that the label is absent.
    labels = f"arraySort(arrayFilter(t -> t.2 != '', {named}))"
    return f"SELECT id, {labels} AS ls FROM {tables.series} WHERE {series_filter(selector)} GROUP BY id"


def _samples(selector: Selector, tables: Tables, after_ms: int, until_ms: int) -> str:
    """The FROM and WHERE of the samples of a selector in the window (after, until]."""
    ids = f"SELECT id FROM {tables.series} WHERE {series_filter(selector)}"
    window = f"time > {sql.moment(after_ms)} AND time <= {sql.moment(until_ms)}"
    return f"FROM {tables.samples} WHERE series_id IN ({ids}) AND {window}"


def _labelled(selector: Selector, tables: Tables, grid: Grid, values: str) -> str:
    """Put labels to rows of (series_id, v), and repeat what was seen at a fixed time over the grid."""
    v = "s.v" if selector.at is None else f"arrayMap(i -> s.v[1], range({grid.count}))"
    return (
        f"SELECT m.ls AS l, toUInt8(0) AS d, {sql.nullable(v)} AS v FROM ({values}) AS s "
        f"INNER JOIN ({_series(selector, tables)}) AS m ON s.series_id = m.id"
    )


def instant(selector: Selector, tables: Tables, grid: Grid, lookback_ms: int, *, times: bool = False) -> str:
    """The vector of an instant selector: the newest sample within the lookback, unless that is a staleness marker.

    With `times` the values are the times of the samples in seconds (for the function `timestamp`).
    """
    moved = selector.seen(grid)
    is_stale = f"reinterpretAsUInt64(value) = {sql.STALE_BITS}"
    value = "value"
    if times:
        value = f"if({is_stale}, value, toUnixTimestamp64Milli(time) / 1000)"
    newest = sql.to_grid("timeSeriesLastToGrid", moved, lookback_ms, f"time, {value}")
    alive = f"arrayMap(y -> if(reinterpretAsUInt64(assumeNotNull(y)) = {sql.STALE_BITS}, NULL, y), {newest})"
    rows = _samples(selector, tables, moved.start_ms - lookback_ms, moved.last_ms)
    return _labelled(selector, tables, grid, f"SELECT series_id, {alive} AS v {rows} GROUP BY series_id")


def _range_samples(selector: Selector, tables: Tables, moved: Grid) -> str:
    rows = _samples(selector, tables, moved.start_ms - selector.range_ms, moved.last_ms)
    return f"{rows} AND {_NOT_STALE}"


def gridded(selector: Selector, tables: Tables, grid: Grid, function: str) -> str:
    """The vector of a range function that ClickHouse computes over the grid by itself."""
    moved = selector.seen(grid)
    call = sql.to_grid(function, moved, selector.range_ms, "time, value")
    rows = _range_samples(selector, tables, moved)
    return _labelled(selector, tables, grid, f"SELECT series_id, {call} AS v {rows} GROUP BY series_id")


def careful(
    selector: Selector, tables: Tables, grid: Grid, fast: tuple[str, str], reduce: str, *, least: int, exact: bool
) -> str:
    """`fast` is a grid function and the condition of the series it is used for; the others go by `windowed`.

    Without `exact` there is no code for the others, and the first of them asks for the exact statement.
    """
    function, ordinary = fast
    moved = selector.seen(grid)
    rows = _range_samples(selector, tables, moved)
    whole = Grid(moved.last_ms, moved.last_ms, 1)
    span = moved.last_ms - moved.start_ms + selector.range_ms
    resets = f"ifNull({sql.to_grid('timeSeriesResetsToGrid', whole, span, 'time, value')}[1], 0)"
    condition = ordinary.format(resets=resets)
    call = sql.to_grid(function, moved, selector.range_ms, "time, value")
    if not exact:
        ordinary_only = sql.short_guard(f"NOT ({condition})")
        return _labelled(
            selector, tables, grid, f"SELECT series_id, {call} AS v {rows} GROUP BY series_id HAVING {ordinary_only}"
        )
    gridded_rows = f"SELECT series_id, {call} AS v {rows} GROUP BY series_id HAVING {condition}"
    others = f"SELECT series_id {rows} GROUP BY series_id HAVING NOT ({condition})"
    windows = _windows(selector, f"{rows} AND series_id IN ({others})", grid, reduce, least)
    return _labelled(selector, tables, grid, f"{gridded_rows} UNION ALL {windows}")


def windowed(selector: Selector, tables: Tables, grid: Grid, reduce: str, least: int = 1) -> str:
    """The vector of a range function given as an SQL expression over one window.

    In `reduce`, `w` is the window, Array(Tuple(Int64, Float64)) of (time in milliseconds, value) by time; `ts` is its
    end, which is the evaluation time `now` less the offset; `k` is the grid position from 0. A window with fewer than
    `least` samples gives no sample.
    """
    moved = selector.seen(grid)
    rows = _range_samples(selector, tables, moved)
    return _labelled(selector, tables, grid, _windows(selector, rows, grid, reduce, least))


def _windows(selector: Selector, rows: str, grid: Grid, reduce: str, least: int) -> str:
    """Rows of (series_id, v) reduced from the samples in `rows`, window by window."""
    moved = selector.seen(grid)
    start, step, length = moved.start_ms, moved.step_ms, selector.range_ms
    now = f"ts + ({selector.offset_ms})" if selector.at is None else str(grid.start_ms)
    # 1. Every sample goes to each grid point whose window holds it: position p with
    #    start + p * step - range < time <= start + p * step.
    at = "toUnixTimestamp64Milli(time)"
    first = f"if({at} <= {start}, 0, intDiv({at} - ({start}) + {step - 1}, {step}))"
    last = f"least({moved.count - 1}, intDiv({at} + {length - 1} - ({start}), {step}))"
    points = (
        f"SELECT series_id, {at} AS t, value, arrayJoin(range(toUInt32({first}), toUInt32({last} + 1))) AS k {rows}"
    )
    # 2. The samples of a grid point become its window; a time counts once. Should it have several values, then the
    #    greatest is taken, and NaN last, because that is what the grid functions do.
    gathered = "arrayCompact(p -> p.1, arraySort(p -> (p.1, isNaN(p.2), -p.2), groupArray((t, value))))"
    windows = (
        f"SELECT series_id, k, {gathered} AS w, {start} + k * {step} AS ts, {now} AS now "
        f"FROM ({points}) GROUP BY series_id, k"
    )
    # 3. Each window is reduced, and the results of a series are laid out over the grid.
    reduced = f"SELECT series_id, k, toFloat64({reduce}) AS x FROM ({windows}) WHERE length(w) >= {least}"
    return f"SELECT series_id, {sql.collect(moved)} AS v FROM ({reduced}) GROUP BY series_id"
