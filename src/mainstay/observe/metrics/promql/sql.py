"""Small pieces of ClickHouse SQL: literals that cannot be escaped from, label sets, guards.

A vector travels through the statement as a subquery with three columns, one row a series:
`l` its label set, Array(Tuple(String, String)) sorted by name and with `__name__` among them;
`d` whether its name is to be dropped at the end (see `names` in the compiler);
`v` Array(Nullable(Float64)), one element a grid point, NULL where the series has no sample.
"""

from __future__ import annotations

import math

from .errors import MARK, MARK_END, NEEDS_EXACT
from .model import Grid

LABELS_TYPE = "Array(Tuple(String, String))"
NO_LABELS = f"CAST([], '{LABELS_TYPE}')"
STALE_BITS = 0x7FF0000000000002


def text(value: str) -> str:
    """A string literal. Everything outside plain printable ASCII is written as its bytes in hexadecimal."""
    if value.isascii() and value.isprintable():
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "unhex('" + value.encode("utf-8", "surrogateescape").hex() + "')"


def texts(values: list[str] | tuple[str, ...]) -> str:
    """An array of string literals."""
    return f"CAST([{', '.join(text(value) for value in values)}], 'Array(String)')"


def number(value: float) -> str:
    """A Float64 literal that reads back as the same double."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "(-inf)"
    return f"({value!r})" if math.copysign(1, value) < 0 else repr(float(value))


def moment(ms: int) -> str:
    """A DateTime64(3) literal from milliseconds since 1970."""
    return f"fromUnixTimestamp64Milli(toInt64({ms}), 'UTC')"


def seconds(ms: int) -> str:
    """A duration in exact decimal seconds, as the grid functions want it."""
    return f"toDecimal64('{ms // 1000}.{ms % 1000:03d}', 3)"


def to_grid(function: str, grid: Grid, window_ms: int, arguments: str) -> str:
    """A call of a `timeSeries…ToGrid` function; its windows are open on the left as in Prometheus 3."""
    parameters = f"{moment(grid.start_ms)}, {moment(grid.last_ms)}, {seconds(grid.step_ms)}, {seconds(window_ms)}"
    return f"{function}({parameters})({arguments})"


def guard(condition: str, message: str) -> str:
    """A condition for WHERE or HAVING that is true, or ends the query with an error of this text."""
    return f"{failing(condition, message)} = 0"


def failing(condition: str, message: str) -> str:
    """An expression that is 0, or ends the query with an error of this text where the condition is true."""
    return f"throwIf({condition}, {text(MARK + message + MARK_END)})"


def short_guard(condition: str) -> str:
    """As `guard`, in a short statement: the condition sends the evaluation to the long one."""
    return guard(condition, NEEDS_EXACT)


def explaining_guard(condition: str, message: str) -> str:
    """As `guard`, with an SQL expression for the message, which must depend on columns.

    ClickHouse raises errors of a fixed text only, except where it quotes what it could not convert; so the message is
    converted to a number on purpose.
    """
    loud = f"CAST(concat('{MARK}', {message}, '{MARK_END}') AS UInt8)"
    return f"if({condition}, {loud}, toUInt8(0)) = 0"


def without(labels: str, names: list[str] | tuple[str, ...]) -> str:
    """The label set without some names."""
    return f"arrayFilter(t -> NOT has({texts(names)}, t.1), {labels})"


def only(labels: str, names: list[str] | tuple[str, ...]) -> str:
    """The label set with no other than some names."""
    return f"arrayFilter(t -> has({texts(names)}, t.1), {labels})"


def label(labels: str, name: str) -> str:
    """The value of one label, empty when it is absent."""
    return f"arrayFirst(t -> t.1 = {text(name)}, {labels}).2"


def with_label(labels: str, name: str, value: str) -> str:
    """The label set with one label set to an SQL string expression; an empty value removes the label."""
    added = f"arrayConcat({without(labels, [name])}, [({text(name)}, {value})])"
    return f"arraySort(arrayFilter(t -> t.2 != '', {added}))"


def shown(labels: str) -> str:
    """A label set as Prometheus writes it in messages."""
    pairs = f"arrayMap(t -> concat(t.1, '=\"', t.2, '\"'), {labels})"
    return f"concat('{{', arrayStringConcat({pairs}, ', '), '}}')"


def nullable(values: str) -> str:
    """An array of floats typed as the values of a vector."""
    return f"CAST({values}, 'Array(Nullable(Float64))')"


def collect(grid: Grid, value: str = "x", position: str = "k") -> str:
    """Aggregate rows of (position from 0, value) into one array over the grid, NULL where there was no row."""
    has = f"groupArrayInsertAt(toUInt8(0), {grid.count})(toUInt8(1), {position})"
    values = f"groupArrayInsertAt(toFloat64(0), {grid.count})({value}, {position})"
    return f"arrayMap((h, y) -> if(h = 1, y, NULL), {has}, {values})"


def padded(array: str, grid: Grid) -> str:
    """An array of counts over the grid, with zeros where an aggregation over no rows gave nothing."""
    return f"arrayResize({array}, {grid.count}, toUInt64(0))"


def scattered(source: str, columns: str) -> str:
    """One row a sample: the given columns (qualified by `s`), `k` the grid position from 0, `x` the value."""
    return (
        f"SELECT {columns}, toUInt32(p - 1) AS k, assumeNotNull(y) AS x FROM ({source}) AS s "
        "ARRAY JOIN s.v AS y, arrayEnumerate(s.v) AS p WHERE isNotNull(y)"
    )


SAME_LABELSET = "vector cannot contain metrics with the same labelset"


def merged(source: str) -> str:
    """Unite series with equal labels; an error where two of them have a sample at the same time."""
    twice = guard("arrayExists(c -> c > 1, countForEach(s.v))", SAME_LABELSET)
    return (
        f"SELECT s.l AS l, s.d AS d, {nullable('anyForEach(s.v)')} AS v FROM ({source}) AS s "
        f"GROUP BY s.l, s.d HAVING {twice}"
    )
