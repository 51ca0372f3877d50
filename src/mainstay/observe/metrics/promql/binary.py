"""Binary operators: arithmetic and comparison, between scalars, with a scalar, and between vectors; and set operators.

Source: Prometheus documentation, "Operators", and `VectorBinop` in promql/engine.go. Matching is decided anew at every
grid point: two series of one match group are an error only where both have a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import sql
from .errors import PromQLError
from .model import Grid

COMPARISONS = {"==": "=", "!=": "!=", ">": ">", "<": "<", ">=": ">=", "<=": "<="}
SETS = frozenset({"and", "or", "unless"})


@dataclass(frozen=True)
class Matching:
    """How two vectors are matched. `many` is the side that may have several series: '', 'left' or 'right'."""

    on: bool = False
    names: tuple[str, ...] = ()
    many: str = ""
    include: tuple[str, ...] = ()

    def key(self, labels: str) -> str:
        """The match group of a label set."""
        if self.on:
            return sql.only(labels, self.names)
        return sql.without(labels, [*self.names, "__name__"])


def _modulo(a: str, b: str) -> str:
    """The exact remainder of C's fmod. ClickHouse's own `%` rounds the quotient and gives 0 for 1 % 0.1.

    With q the truncated quotient, q * b is formed without rounding error (Dekker's product), so that a - q * b is
    exact; where the quotient was rounded up to the next integer the remainder comes out negative by less than b.
    """
    split = "(134217729. * {0} - (134217729. * {0} - {0}))"
    qh, bh = split.format("q"), split.format("m")
    low = f"(q - {qh}) * (m - {bh}) - (((q * m - {qh} * {bh}) - (q - {qh}) * {bh}) - {qh} * (m - {bh}))"
    rest = f"((n - q * m) - ({low}))"
    remainder = f"arrayMap(q -> arrayMap(r -> multiIf(r < 0, r + m, r >= m, r - m, r), [{rest}])[1], [trunc(n / m)])[1]"
    far = "isFinite(n) AND isFinite(m) AND m > 0 AND (n / m >= 9007199254740992. OR n > 1e290)"
    loud = sql.failing(far, "the remainder (%) of numbers this far apart is not evaluated")
    positive = f"if(n < m, n, {remainder}) + {loud}"
    exact = f"arrayMap((n, m) -> {positive}, [abs({a})], [abs({b})])[1]"
    special = f"isNaN({a}) OR isNaN({b}) OR isInfinite({a}) OR {b} = 0"
    return f"multiIf({special}, nan, isInfinite({b}), {a}, if({a} < 0, -({exact}), {exact}))"


def arithmetic(operator: str, a: str, b: str) -> str:
    """The value of an arithmetic operator on two Float64 expressions."""
    if operator == "%":
        return _modulo(a, b)
    if operator == "^":
        return f"pow({a}, {b})"
    if operator == "atan2":
        return f"atan2({a}, {b})"
    if operator in ("+", "-", "*", "/"):
        return f"({a} {operator} {b})"
    raise PromQLError(f"unknown operator {operator}")


def element(operator: str, a: str, b: str, *, is_bool: bool, keep: str) -> str:
    """The value of any operator on two elements; a comparison without `bool` gives `keep` or no sample."""
    if operator not in COMPARISONS:
        return arithmetic(operator, a, b)
    test = f"{a} {COMPARISONS[operator]} {b}"
    return f"toFloat64({test})" if is_bool else f"if({test}, {keep}, NULL)"


def with_scalar(operator: str, source: str, scalar: str, *, scalar_left: bool, is_bool: bool) -> str:
    """A vector with a scalar given as an array over the grid. Names are the caller's to drop."""
    a, b = ("c", "y") if scalar_left else ("y", "c")
    value = element(operator, a, b, is_bool=is_bool, keep="y")
    lifted = f"arrayMap((y, c) -> {value if _takes_null(operator) else _guarded(value)}, s.v, {scalar})"
    return f"SELECT s.l AS l, s.d AS d, {sql.nullable(lifted)} AS v FROM ({source}) AS s"


def _takes_null(operator: str) -> bool:
    """Whether the SQL of an operator gives NULL for NULL by itself."""
    return operator in COMPARISONS or operator in {"+", "-", "*", "/"}


def _guarded(value: str) -> str:
    """Bind y to its value without the NULL, because a lambda inside cannot take nullable arithmetic apart."""
    return f"if(isNull(y), NULL, arrayMap(y -> {value}, [assumeNotNull(y)])[1])"


def _sides(left: str, right: str, matching: Matching) -> str:
    """One row a match group: its key, and the series of both sides as arrays of (l, d, v)."""
    row = "SELECT toUInt8({0}) AS side, {1} AS g, s.l AS l, s.d AS d, s.v AS v FROM ({2}) AS s"
    key = matching.key("s.l")
    both = f"{row.format(0, key, left)} UNION ALL {row.format(1, key, right)}"
    return (
        "SELECT g, groupArrayIf((l, d, v), side = 0) AS ls, groupArrayIf((l, d, v), side = 1) AS rs "
        f"FROM ({both}) GROUP BY g"
    )


def _presence(side: str, grid: Grid) -> str:
    """How many series of a side have a sample, at each grid point."""
    return sql.padded(f"arrayReduce('countForEach', {side}.3)", grid)


def set_operation(operator: str, left: str, right: str, matching: Matching, grid: Grid) -> str:
    """`and`, `unless` and `or`."""
    groups = (
        f"SELECT *, {_presence('ls', grid)} AS lc, {_presence('rs', grid)} AS rc FROM ({_sides(left, right, matching)})"
    )

    def rows(side: str, values: str) -> str:
        return f"SELECT e.1 AS l, e.2 AS d, {sql.nullable(values)} AS v FROM ({groups}) ARRAY JOIN {side} AS e"

    if operator == "and":
        return rows("ls", "arrayMap((y, c) -> if(c > 0, y, NULL), e.3, rc)")
    if operator == "unless":
        return rows("ls", "arrayMap((y, c) -> if(c = 0, y, NULL), e.3, rc)")
    # A row of the left side keeps all of its samples, one of the right side those that nothing on the left covers.
    everything = (
        "arrayConcat(arrayMap(e -> (e.1, e.2, e.3, toUInt8(0)), ls), arrayMap(e -> (e.1, e.2, e.3, toUInt8(1)), rs))"
    )
    values = "if(e.4 = 0, e.3, arrayMap((y, c) -> if(c = 0, y, NULL), e.3, lc))"
    return f"SELECT e.1 AS l, e.2 AS d, {sql.nullable(values)} AS v FROM ({groups}) ARRAY JOIN {everything} AS e"


def _one_side_unique(name: str, *, exact: bool) -> str:
    """The guard against two series of one group on the side that must be unique.

    Prometheus looks only where the other side has any sample at all (`busy` counts those over all groups).
    """
    place = "arrayFirstIndex((c, n) -> c > 1 AND n > 0, oc, busy)"
    if not exact:
        return sql.short_guard(f"{place} > 0")
    here = f"arrayFilter(e -> isNotNull(e.3[{place}]), os)"
    two = f"arraySlice(arraySort(arrayMap(e -> {sql.shown('e.1')}, {here})), 1, 2)"
    message = (
        f"concat('found duplicate series for the match group ', {sql.shown('g')}, ' on the {name} hand-side of the "
        f"operation: [', arrayStringConcat({two}, ', '), ']', "
        "';many-to-many matching not allowed: matching labels must be unique on one side')"
    )
    return sql.explaining_guard(f"{place} > 0", message)


def _result_labels(operator: str, matching: Matching, *, short: bool = False) -> str:
    """Labels of a result from `m` (the side that gives them) and `o` (the unique side). Source: `resultMetric`."""
    labels = "m.l" if short else "m.1"
    if operator not in COMPARISONS:
        labels = sql.without(labels, ["__name__"])
    if not matching.many:
        return sql.only(labels, matching.names) if matching.on else sql.without(labels, matching.names)
    for name in matching.include:
        labels = sql.with_label(labels, name, sql.label("o.1", name))
    return labels


def _short_between(operator: str, left: str, right: str, matching: Matching, *, is_bool: bool) -> str:
    """One-to-one matching where a match group has one series on each side. More ask for the exact statement."""
    one = sql.short_guard("count() > 1")

    def side(source: str) -> str:
        columns = "any(s.l) AS l, any(s.d) AS d, any(s.v) AS v"
        return f"SELECT {matching.key('s.l')} AS g, {columns} FROM ({source}) AS s GROUP BY g HAVING {one}"

    value = element(operator, "y", "z", is_bool=is_bool, keep="y")
    if not _takes_null(operator):
        bare = f"arrayMap((y, z) -> {value}, [assumeNotNull(y)], [assumeNotNull(z)])[1]"
        value = f"if(isNull(y) OR isNull(z), NULL, {bare})"
    flag = "toUInt8(1)" if is_bool else "m.d"
    return (
        f"SELECT {_result_labels(operator, matching, short=True)} AS l, {flag} AS d, "
        f"{sql.nullable(f'arrayMap((y, z) -> {value}, m.v, o.v)')} AS v "
        f"FROM ({side(left)}) AS m INNER JOIN ({side(right)}) AS o ON m.g = o.g"
    )


def between(operator: str, left: str, right: str, matching: Matching, grid: Grid, *, is_bool: bool, exact: bool) -> str:
    """Arithmetic or comparison between two vectors."""
    if not exact and not matching.many:
        return _short_between(operator, left, right, matching, is_bool=is_bool)
    # 1. Group both sides by their match key, and call the side that may repeat `ms`, the unique one `os`.
    many, one = ("rs", "ls") if matching.many == "right" else ("ls", "rs")
    sides = f"SELECT g, {many} AS ms, {one} AS os FROM ({_sides(left, right, matching)})"
    counted = f"SELECT *, {_presence('ms', grid)} AS mc, {_presence('os', grid)} AS oc FROM ({sides})"
    groups = f"SELECT *, maxForEach(mc) OVER () AS busy FROM ({counted})"
    # 2. The unique side must be unique; without group_left or group_right the other side too, where they meet.
    checks = [_one_side_unique("left" if matching.many == "right" else "right", exact=exact)]
    if not matching.many:
        explicit = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        checks.append(sql.guard("arrayExists((c, n) -> c > 1 AND n > 0, mc, oc)", explicit))
    # 3. Pair the series of a group. `met` marks where a pair has samples on both sides, before any comparison.
    a, b = ("z", "y") if matching.many == "right" else ("y", "z")
    value = element(operator, a, b, is_bool=is_bool, keep=a)
    met = "arrayMap((y, z) -> if(isNull(y) OR isNull(z), NULL, toUInt8(1)), m.3, o.3)"
    bare = f"arrayMap((y, z) -> {value}, [assumeNotNull(y)], [assumeNotNull(z)])[1]"
    values = f"arrayMap((y, z) -> if(isNull(y) OR isNull(z), NULL, {bare}), m.3, o.3)"
    flag = "toUInt8(1)" if is_bool else "m.2"
    pairs = (
        f"SELECT g, {_result_labels(operator, matching)} AS l, {flag} AS d, "
        f"{sql.nullable(values)} AS v, {met} AS met "
        f"FROM (SELECT g, m, os FROM (SELECT * FROM ({groups}) WHERE {' AND '.join(checks)}) ARRAY JOIN ms AS m) "
        "ARRAY JOIN os AS o"
    )
    # 4. Pairs with equal labels are one series over time, and may not meet at one grid point.
    unique = sql.guard(
        "arrayExists(c -> c > 1, countForEach(met))",
        "multiple matches for labels: grouping labels must ensure unique matches",
    )
    return (
        f"SELECT p.l AS l, p.d AS d, {sql.nullable('anyForEach(p.v)')} AS v FROM ({pairs}) AS p "
        f"GROUP BY g, p.l, p.d HAVING {unique}"
    )
