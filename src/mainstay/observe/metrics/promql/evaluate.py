"""Run an expression and give its answer as plain values."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from .compiler import compile_query
from .errors import NEEDS_EXACT, PromQLError, from_database
from .model import Answer, Compiled, Limits, Run, Series, Tables


def evaluate_instant(
    run: Run,
    expr: str,
    time_ms: int,
    *,
    lookback_ms: int = 300_000,
    limits: Limits | None = None,
    tables: Tables | None = None,
    delayed_names: bool = False,
) -> Answer:
    """Evaluate at one time (milliseconds since 1970); every series of the answer has one value.

    Raises PromQLError when the expression is wrong or fails on the data, Unsupported when it is outside of what is
    evaluated; what `run` raises of its own passes through.
    """
    compiler = functools.partial(
        compile_query,
        expr,
        start_ms=time_ms,
        end_ms=time_ms,
        step_ms=1,
        lookback_ms=lookback_ms,
        limits=limits,
        tables=tables,
        delayed_names=delayed_names,
    )
    return _evaluate(run, compiler)


def evaluate_range(
    run: Run,
    expr: str,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    *,
    lookback_ms: int = 300_000,
    limits: Limits | None = None,
    tables: Tables | None = None,
    delayed_names: bool = False,
) -> Answer:
    """Evaluate at every step of a range (milliseconds); errors as in `evaluate_instant`.

    A scalar expression gives one series without labels.
    """
    compiler = functools.partial(
        compile_query,
        expr,
        start_ms=start_ms,
        end_ms=end_ms,
        step_ms=step_ms,
        lookback_ms=lookback_ms,
        limits=limits,
        tables=tables,
        delayed_names=delayed_names,
        instant=False,
    )
    return _evaluate(run, compiler)


def _evaluate(run: Run, compiler: Callable[..., Compiled]) -> Answer:
    """Run the short statement, and the exact one where the data asks for it."""
    try:
        return _answer(run, compiler(exact=False))
    except PromQLError as error:
        if str(error) != NEEDS_EXACT:
            raise
    return _answer(run, compiler(exact=True))


def _answer(run: Run, compiled: Compiled) -> Answer:
    grid = compiled.grid
    times = np.arange(grid.count, dtype=np.int64) * grid.step_ms + grid.start_ms
    if compiled.value_type == "string":
        return Answer("string", times, text=compiled.text)
    try:
        rows = run(compiled.sql, compiled.settings)
    except Exception as error:
        known = from_database(str(error))
        if known is None:
            raise
        raise known from error
    return Answer(compiled.value_type, times, tuple(_ordered([decode(row) for row in rows], compiled)))


def decode(row: Sequence[object]) -> Series:
    """One row (labels, values) of the statement as a series.

    Values may come as floats or, from formats without infinities such as JSON, as text.
    """
    pairs, cells = row
    if not isinstance(pairs, Iterable) or not isinstance(cells, Iterable):
        raise TypeError(f"a row of labels and values was expected, not {row!r}")
    values = list(cells)
    present = np.array([value is not None for value in values], dtype=np.bool_)
    numbers = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    return Series({str(name): str(value) for name, value in pairs}, numbers, present)


def _ordered(series: list[Series], compiled: Compiled) -> list[Series]:
    """The order of an instant answer: by value with NaN last, or by labels in natural order."""
    sign = -1 if compiled.order in ("desc", "label_desc") else 1
    if compiled.order in ("asc", "desc"):
        return sorted(series, key=lambda one: (True, 0.0) if math.isnan(one.value) else (False, sign * one.value))
    if compiled.order in ("label", "label_desc"):

        def order(a: Series, b: Series) -> int:
            return sign * _by_labels(compiled.order_labels, a, b)

        return sorted(series, key=functools.cmp_to_key(order))
    return series


def _by_labels(names: tuple[str, ...], a: Series, b: Series) -> int:
    """Compare by the given labels in natural order, then by all labels. Source: `funcSortByLabel`."""
    for name in names:
        left, right = a.labels.get(name, ""), b.labels.get(name, "")
        if left != right:
            return -1 if natural_less(left, right) else 1
    mine, other = sorted(a.labels.items()), sorted(b.labels.items())
    return (mine > other) - (mine < other)


def natural_less(a: str, b: str) -> bool:
    """Whether a comes before b when runs of digits compare as numbers. Source: facette/natsort, `Compare`."""
    left, right = re.findall(r"[0-9]+|[^0-9]+", a), re.findall(r"[0-9]+|[^0-9]+", b)
    for mine, other in zip(left, right, strict=False):
        if mine.isdecimal() and other.isdecimal() and int(mine) != int(other):
            return bool(int(mine) < int(other))
        if not (mine.isdecimal() and other.isdecimal()) and mine != other:
            return bool(mine < other)
    return len(left) <= len(right)
