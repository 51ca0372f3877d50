"""The rules of PromQL, one small data set at a time."""

from __future__ import annotations

import math

import pytest

from mainstay.observe.metrics.promql import PromQLError

from .database import STALE, Database, close, key

pytestmark = pytest.mark.once

S = 1000
M = 60 * S


def test_an_instant_selector_looks_back_over_a_window_open_on_the_left(db: Database) -> None:
    db.add("up", {"job": "a"}, [(0, 1)])
    assert db.instant("up", 5 * M - 1) == {key(name="up", job="a"): 1.0}
    assert db.instant("up", 5 * M) == {}


def test_a_staleness_marker_ends_a_series_and_is_no_sample_of_a_range(db: Database) -> None:
    db.add("up", {"job": "a"}, [(0, 1), (15 * S, 2), (30 * S, STALE), (60 * S, 4)])
    found = db.range("up", 0, 60 * S, 15 * S)
    assert found == {key(name="up", job="a"): [1.0, 2.0, None, None, 4.0]}
    assert db.instant("count_over_time(up[5m])", 45 * S) == {key(job="a"): 2.0}
    assert db.instant("sum_over_time(up[5m])", 60 * S) == {key(job="a"): 7.0}


def test_a_plain_nan_is_a_sample(db: Database) -> None:
    db.add("up", {}, [(0, math.nan)])
    assert math.isnan(db.instant("up", S)[key(name="up")])
    assert db.instant("up == up", S) == {}
    assert db.instant("up != bool up", S) == {(): 1.0}


def test_duplicate_rows_change_nothing(db: Database) -> None:
    points: list[tuple[int, object]] = [(i * 15 * S, i * 10) for i in range(20)]
    db.add("c", {"i": "1"}, points, copies=3)
    for expr, expected in {
        "c": 190.0,
        "rate(c[1m])": 10 / 15,
        "count_over_time(c[1m])": 4.0,
        "stddev_over_time(c[30s])": 5.0,
        "sum(c)": 190.0,
    }.items():
        (value,) = db.instant(expr, 285 * S).values()
        assert close(value, expected), expr


def test_offset_reaches_into_the_past_and_the_future(db: Database) -> None:
    db.add("g", {}, [(i * M, float(i)) for i in range(30)])
    assert db.instant("g offset 3m", 10 * M) == {key(name="g"): 7.0}
    assert db.instant("g offset -3m", 10 * M) == {key(name="g"): 13.0}
    assert db.instant("sum_over_time(g[2m] offset -1m)", 10 * M) == {(): 21.0}
    assert db.instant("timestamp(g offset 3m)", 10 * M) == {(): 420.0}


def test_matchers_take_a_missing_label_as_empty_and_regexes_as_anchored(db: Database) -> None:
    db.add("m", {"a": "one"}, [(0, 1)])
    db.add("m", {"a": "two", "b": "x"}, [(0, 2)])
    expected = {
        'm{b=""}': [1.0], 'm{b!=""}': [2.0], 'm{a=~"o"}': [], 'm{a=~"o.*"}': [1.0], 'm{a=~"one|two"}': [1.0, 2.0],
        'm{b!~".+"}': [1.0], 'm{a=~"(?i:ONE)"}': [1.0], 'm{a!~"t.o"}': [1.0],
    }  # fmt: skip
    assert {expr: sorted(db.instant(expr, S).values()) for expr in expected} == expected


def test_the_name_goes_with_functions_and_stays_with_filters(db: Database) -> None:
    db.add("m", {"a": "1"}, [(0, 5), (M, 6)])
    kept, gone = key(name="m", a="1"), key(a="1")
    for expr in ("m > 2", "last_over_time(m[5m])", "m and m", "topk(1, m)", "sort(m)", 'm{a="1"} or m'):
        assert list(db.instant(expr, M)) == [kept], expr
    for expr in ("-m", "m + 1", "m > bool 2", "rate(m[5m])", "abs(m)", "m + m", "max_over_time(m[5m])"):
        assert list(db.instant(expr, M)) == [gone], expr


def test_names_dropped_late_are_still_there_to_group_by(db: Database) -> None:
    db.add("m", {"a": "1"}, [(0, 0), (M, 60)])
    expr = 'label_replace(rate(m[2m]), "from", "$1", "__name__", "(.+)")'
    assert list(db.instant(expr, M)) == [key(a="1")]
    assert list(db.instant(expr, M, delayed_names=True)) == [key(a="1", **{"from": "m"})]


def test_equal_label_sets_are_an_error_only_at_the_same_time(db: Database) -> None:
    db.add("x", {"a": "1"}, [(0, 1)])
    db.add("y", {"a": "1"}, [(10 * M, 2)])
    assert db.range('-{a="1"}', 0, 10 * M, 10 * M) == {key(a="1"): [-1.0, -2.0]}
    db.add("z", {"a": "1"}, [(0, 3)])
    with pytest.raises(PromQLError, match="same labelset"):
        db.instant('-{a="1"}', 0)


def test_vector_matching_with_on_ignoring_and_groups(db: Database) -> None:
    db.add("cpu", {"host": "a", "mode": "user"}, [(0, 2)])
    db.add("cpu", {"host": "a", "mode": "idle"}, [(0, 6)])
    db.add("cores", {"host": "a", "rack": "r1"}, [(0, 4)])
    expected = {key(host="a", mode="user", rack="r1"): 0.5, key(host="a", mode="idle", rack="r1"): 1.5}
    assert db.instant("cpu / on(host) group_left(rack) cores", 0) == expected
    assert db.instant("cores * on(host) group_right(rack) cpu", 0) == {k: v * 16 for k, v in expected.items()}
    assert db.instant('cpu{mode="idle"} - ignoring(mode, rack) cores', 0) == {key(host="a"): 2.0}
    with pytest.raises(PromQLError, match="many-to-one matching must be explicit"):
        db.instant("cpu / on(host) cores", 0)
    with pytest.raises(PromQLError, match=r"duplicate series for the match group \{host=\"a\"\} on the right"):
        db.instant("cores / on(host) cpu", 0)
    with pytest.raises(PromQLError, match="grouping labels must ensure unique matches"):
        db.instant("sum by (host, mode) (cpu) * on(host) group_left(mode) label_replace(cores, 'mode', 'x', '', '')", 0)


def test_matching_is_decided_at_every_point_in_time(db: Database) -> None:
    db.add("l", {"a": "1"}, [(0, 1), (10 * M, 10)])
    db.add("r", {"a": "1", "v": "old"}, [(0, 2)])
    db.add("r", {"a": "1", "v": "new"}, [(10 * M, 3)])
    assert db.range("l * on(a) r", 0, 10 * M, 10 * M) == {key(a="1"): [2.0, 30.0]}
    found = db.range("l * on(a) group_left(v) r", 0, 10 * M, 10 * M)
    assert found == {key(a="1", v="old"): [2.0, None], key(a="1", v="new"): [None, 30.0]}


def test_set_operators(db: Database) -> None:
    for name in ("a", "b", "c"):
        db.add("x", {"i": name}, [(0, 1)])
    db.add("y", {"i": "b", "extra": "1"}, [(0, 2)])
    assert set(db.instant("x and on(i) y", 0)) == {key(name="x", i="b")}
    assert set(db.instant("x unless on(i) y", 0)) == {key(name="x", i="a"), key(name="x", i="c")}
    assert db.instant("y or on(i) x", 0) == {
        key(name="y", i="b", extra="1"): 2.0, key(name="x", i="a"): 1.0, key(name="x", i="c"): 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("1 % 0.1", math.fmod(1, 0.1)),
        ("-5.5 % 2", -1.5),
        ("5 % -3", 2.0),
        ("7 % Inf", 7.0),
        ("Inf % 7", math.nan),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("1 atan2 2", math.atan2(1, 2)),
        ("max_of(1, NaN)", math.nan),
        ("1 / 0 - 1 / 0", math.nan),
        ("3 == bool 3", 1.0),
        ("scalar(nothing)", math.nan),
        ("time() / 60", 0.5),
    ],
)
def test_scalar_arithmetic(db: Database, expr: str, expected: float) -> None:
    assert close(db.instant(expr, 30 * S)[()], expected)


def test_calendar_functions_reach_back_and_far_ahead(db: Database) -> None:
    from datetime import UTC, datetime

    for moment in (datetime(1850, 3, 1, 23, 59, tzinfo=UTC), datetime(2400, 2, 29, 1, 2, tzinfo=UTC)):
        at = moment.timestamp()
        parts = {
            "year": moment.year, "month": moment.month, "day_of_month": moment.day, "hour": moment.hour,
            "minute": moment.minute, "day_of_week": moment.isoweekday() % 7, "day_of_year": moment.timetuple().tm_yday,
        }  # fmt: skip
        for function, expected in parts.items():
            assert db.instant(f"{function}(vector({at!r}))", 0) == {(): float(expected)}, (function, moment)
    with pytest.raises(PromQLError, match="no time"):
        db.instant("hour(vector(NaN))", 0)


def test_topk_puts_nan_last_and_orders_the_answer(db: Database) -> None:
    for name, value in (("a", 3.0), ("b", math.nan), ("c", 7.0), ("d", 5.0)):
        db.add("m", {"i": name}, [(0, value)])
    assert [dict(labels)["i"] for labels in db.instant("topk(3, m)", 0)] == ["c", "d", "a"]
    assert [dict(labels)["i"] for labels in db.instant("bottomk(4, m)", 0)] == ["a", "d", "c", "b"]
    assert db.instant("topk(0, m)", 0) == {}
    with pytest.raises(PromQLError, match="Parameter value is NaN"):
        db.instant("topk(NaN, m)", 0)


def test_histogram_quantile_of_classic_buckets(db: Database) -> None:
    for bound, count in (("0.1", 10.0), ("0.5", 30.0), ("1", 40.0), ("+Inf", 40.0)):
        db.add("h_bucket", {"le": bound, "job": "a"}, [(0, count)])
    assert close(db.instant("histogram_quantile(0.5, h_bucket)", 0)[key(job="a")], 0.3)
    assert close(db.instant("histogram_quantile(0.1, h_bucket)", 0)[key(job="a")], 0.04)
    assert db.instant("histogram_quantile(1.5, h_bucket)", 0)[key(job="a")] == math.inf
    assert close(db.instant("histogram_fraction(0, 0.3, h_bucket)", 0)[key(job="a")], 0.5)
    db.add("g_bucket", {"le": "1"}, [(0, 1.0)])
    assert math.isnan(db.instant("histogram_quantile(0.5, g_bucket)", 0)[()])


def test_absent_gives_the_labels_that_were_asked_for(db: Database) -> None:
    db.add("m", {"a": "1"}, [(0, 1)])
    assert db.instant('absent(nope{job="x", i=~"y"})', 0) == {key(job="x"): 1.0}
    assert db.instant("absent(m)", 0) == {}
    assert db.range('absent_over_time(m{a="1"}[1m])', 0, 2 * M, M) == {key(a="1"): [None, 1.0, 1.0]}


def test_the_at_modifier_fixes_the_time(db: Database) -> None:
    db.add("g", {}, [(i * M, float(i)) for i in range(30)])
    named = key(name="g")
    assert db.range("g @ 300", 10 * M, 12 * M, M) == {named: [5.0, 5.0, 5.0]}
    assert db.range("g @ 300 offset 2m", 10 * M, 12 * M, M) == {named: [3.0, 3.0, 3.0]}
    assert db.range("g @ start()", 10 * M, 12 * M, M) == {named: [10.0, 10.0, 10.0]}
    assert db.range("sum_over_time(g[2m] @ end())", 10 * M, 12 * M, M) == {(): [23.0, 23.0, 23.0]}
    assert db.range("g - g @ 300", 10 * M, 11 * M, M) == {(): [5.0, 6.0]}
    assert db.range("timestamp(g @ 301.5)", 10 * M, 11 * M, M) == {(): [300.0, 300.0]}
    assert db.range("stddev_over_time(g[2m] @ 300)", 10 * M, 11 * M, M) == {(): [0.5, 0.5]}
    assert db.range("absent(g @ 9999)", 0, M, M) == {(): [1.0, 1.0]}
    # The line is read ahead from the time of the query, not from the time of the modifier.
    assert close(db.instant("predict_linear(g[5m] @ 600, 60)", 20 * M)[()], 21.0)
    for expr in ("predict_linear(g[5m] @ 600, 60)", "quantile_over_time(scalar(g), g[5m] @ 600)"):
        with pytest.raises(PromQLError, match="@ modifier in"):
            db.range(expr, 10 * M, 12 * M, M)
