"""Random series against a naive reading of Prometheus's rules, one sample at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .database import STALE, Database, close, key

pytestmark = pytest.mark.once

_SETTINGS = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Window = list[tuple[int, float]]


def _sum(values: list[float]) -> float:
    return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)


def _extrapolated(window: Window, end: int, length: int, *, counter: bool) -> float | None:
    if len(window) < 2:
        return None
    grown = window[-1][1] - window[0][1]
    if counter:
        grown += sum(a for (_, a), (_, b) in pairwise(window) if b < a)
    sampled = (window[-1][0] - window[0][0]) / 1000
    gap = sampled / (len(window) - 1)
    to_start, to_end = (window[0][0] - (end - length)) / 1000, (end - window[-1][0]) / 1000
    to_start = gap / 2 if to_start >= gap * 1.1 else to_start
    to_end = gap / 2 if to_end >= gap * 1.1 else to_end
    if counter and grown > 0 and window[0][1] >= 0:
        to_start = min(to_start, sampled * (window[0][1] / grown))
    return grown * ((sampled + to_start + to_end) / sampled)


def _instant(window: Window, *, rate: bool) -> float | None:
    if len(window) < 2:
        return None
    (before, a), (after, b) = window[-2:]
    if not rate:
        return b - a
    return (b if b < a else b - a) / ((after - before) / 1000)


def _variance(values: list[float]) -> float:
    mean = _sum(values) / len(values)
    return _sum([(value - mean) ** 2 for value in values]) / len(values)


def _quantile(level: float, values: list[float]) -> float:
    ordered = sorted(values)
    rank = level * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(len(ordered) - 1, low + 1)
    return ordered[low] * (1 - (rank - low)) + ordered[high] * (rank - low)


def _slope(window: Window) -> float | None:
    if len(window) < 2:
        return None
    xs, ys = [(t - window[0][0]) / 1000 for t, _ in window], [y for _, y in window]
    if len(set(ys)) == 1:
        return 0.0
    mx, my = _sum(xs) / len(xs), _sum(ys) / len(ys)
    return _sum([(x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)]) / _sum([(x - mx) ** 2 for x in xs])


def _some(function: Callable[[list[float]], float]) -> Callable[[Window, int, int], float | None]:
    return lambda window, _, __: function([value for _, value in window]) if window else None


def _pairs(window: Window) -> list[tuple[float, float]]:
    return [(a, b) for (_, a), (_, b) in pairwise(window)]


def _divided(value: float | None, by: float) -> float | None:
    return None if value is None else value / by


REFERENCE: dict[str, Callable[[Window, int, int], float | None]] = {
    "rate(m[{r}])": lambda w, e, r: _divided(_extrapolated(w, e, r, counter=True), r / 1000),
    "increase(m[{r}])": lambda w, e, r: _extrapolated(w, e, r, counter=True),
    "delta(m[{r}])": lambda w, e, r: _extrapolated(w, e, r, counter=False),
    "irate(m[{r}])": lambda w, _, __: _instant(w, rate=True),
    "idelta(m[{r}])": lambda w, _, __: _instant(w, rate=False),
    "sum_over_time(m[{r}])": _some(_sum),
    "avg_over_time(m[{r}])": _some(lambda v: _sum(v) / len(v)),
    "min_over_time(m[{r}])": _some(min),
    "max_over_time(m[{r}])": _some(max),
    "count_over_time(m[{r}])": _some(len),
    "last_over_time(m[{r}])": _some(lambda v: v[-1]),
    "first_over_time(m[{r}])": _some(lambda v: v[0]),
    "present_over_time(m[{r}])": _some(lambda _: 1.0),
    "stdvar_over_time(m[{r}])": _some(_variance),
    "quantile_over_time(0.3, m[{r}])": _some(lambda v: _quantile(0.3, v)),
    "changes(m[{r}])": lambda w, _, __: float(sum(a != b for a, b in _pairs(w))) if w else None,
    "resets(m[{r}])": lambda w, _, __: float(sum(b < a for a, b in _pairs(w))) if w else None,
    "deriv(m[{r}])": lambda w, _, __: _slope(w),
    "ts_of_max_over_time(m[{r}])": lambda w, _, __: max(w, key=lambda p: (p[1], p[0]))[0] / 1000 if w else None,
}

_VALUES = st.one_of(
    st.integers(0, 50).map(float),
    st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 3)),
    st.sampled_from([0.0, 1e9, 123456.75]),
)
_SERIES = st.lists(
    st.tuples(st.sampled_from([15_000, 15_000, 15_000, 1, 997, 60_000]), st.one_of(_VALUES, st.just(STALE))),
    min_size=1,
    max_size=40,
)


@_SETTINGS
@given(
    gaps=_SERIES,
    start=st.integers(-20_000, 200_000),
    step=st.sampled_from([1000, 15_000, 60_000, 7_777]),
    count=st.integers(1, 12),
    length=st.sampled_from([15_000, 60_000, 300_000, 12_345]),
    offset=st.sampled_from([0, 0, 30_000, -30_000]),
)
def test_range_functions(
    db: Database, gaps: list[tuple[int, object]], start: int, step: int, count: int, length: int, offset: int
) -> None:
    db.clear()
    at, points = 0, []
    for gap, value in gaps:
        at += gap
        points.append((at, value))
    db.add("m", {"i": "1"}, points)
    shift = f" offset {offset}ms" if offset else ""
    real: Window = [(t, value) for t, value in points if isinstance(value, float)]
    for template, reference in REFERENCE.items():
        expr = template.format(r=f"{length}ms").replace("])", f"]{shift})")
        found = next(iter(db.range(expr, start, start + step * (count - 1), step).values()), [None] * count)
        for position in range(count):
            end = start + position * step - offset
            window = [(t, value) for t, value in real if end - length < t <= end]
            expected = reference(window, end, length)
            # A difference of close values keeps no more digits than the values had.
            scale = max((abs(value) for _, value in real), default=0.0)
            same = close(expected, found[position], 1e-7)
            actual = found[position]
            near = expected is not None and actual is not None and abs(expected - actual) <= 1e-9 * scale
            assert same or near, (expr, position, expected, found[position], window)


_LABEL = st.sampled_from(["", "x", "y"])
_VECTOR = st.dictionaries(
    st.tuples(_LABEL, _LABEL), st.integers(-5, 20).map(float) | st.just(math.nan), min_size=1, max_size=9
)
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": lambda v: sum(v) / len(v),
    "count": len,
    "group": lambda _: 1.0,
    "min": lambda v: min((x for x in v if not math.isnan(x)), default=math.nan),
    "max": lambda v: max((x for x in v if not math.isnan(x)), default=math.nan),
    "stdvar": lambda v: _variance(v) if not any(map(math.isnan, v)) else math.nan,
}


def _load(db: Database, name: str, vector: dict[tuple[str, str], float]) -> None:
    db.add_all(name, [(dict(_labels(a, b)), value) for (a, b), value in vector.items()])


def _labels(a: str, b: str) -> tuple[tuple[str, str], ...]:
    return tuple((label, text) for label, text in (("a", a), ("b", b)) if text)


@_SETTINGS
@given(vector=_VECTOR)
def test_aggregations(db: Database, vector: dict[tuple[str, str], float]) -> None:
    db.clear()
    _load(db, "m", vector)
    for operator, reference in _AGGREGATES.items():
        for clause, kept in (("by (a)", "a"), ("without (a)", "b"), ("", ""), ("by (a, b)", "ab")):
            groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
            for (a, b), value in vector.items():
                groups.setdefault(_labels(a if "a" in kept else "", b if "b" in kept else ""), []).append(value)
            found = db.instant(f"{operator} {clause} (m)", 0)
            assert set(found) == set(groups), (operator, clause)
            for labels, values in groups.items():
                assert close(found[labels], reference(values)), (operator, clause, values)


@_SETTINGS
@given(left=_VECTOR, right=_VECTOR)
def test_matching(db: Database, left: dict[tuple[str, str], float], right: dict[tuple[str, str], float]) -> None:
    db.clear()
    _load(db, "l", left)
    _load(db, "r", right)
    both = {labels: (value, right[labels]) for labels, value in left.items() if labels in right}
    added = db.instant("l + r", 0)
    assert set(added) == {_labels(*labels) for labels in both}
    assert all(close(added[_labels(*labels)], a + b) for labels, (a, b) in both.items())
    kept = {key(name="l", **dict(_labels(*labels))): a for labels, (a, b) in both.items() if a > b}
    assert db.instant("l > r", 0) == kept
    matched = {labels for labels in left if any(other[0] == labels[0] for other in right)}
    named = {labels: key(name="l", **dict(_labels(*labels))) for labels in left}
    assert set(db.instant("l and on(a) r", 0)) == {named[labels] for labels in matched}
    assert set(db.instant("l unless on(a) r", 0)) == {named[labels] for labels in left if labels not in matched}
    fresh = {key(name="r", **dict(_labels(*labels))) for labels in right if labels not in left}
    assert set(db.instant("l or r", 0)) == set(named.values()) | fresh
