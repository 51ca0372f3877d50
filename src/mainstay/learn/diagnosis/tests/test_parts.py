"""What patches can do, where the time of calls goes, and how far series went astray."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.learn.diagnosis.domain import hops, patches
from mainstay.learn.diagnosis.domain.case import METRICS, SPANS, Window
from mainstay.learn.diagnosis.domain.deviation import deviations
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("summary", "diff", "said"),
    [
        ("", "+++ b/docs/use.md\n-old\n+new", "no running service reads"),
        ("", "+++ b/web/site.css\n-.a { top: 1px }\n+.a { top: 2px }", "no running service reads"),
        ("", "+++ b/app.py\n-# one\n+# two", "comments alone"),
        ("", "+++ b/app.py\n-a()\n-b()\n+b()\n+a()", "moves lines"),
        ("docs: tell of it", "", "changes nothing that runs"),
        ("", "+++ b/go.mod\n-x v1.2.3\n+x v1.2.4", "other versions of libraries"),
    ],
)
def test_what_can_do_little_is_known(summary: str, diff: str, said: str) -> None:
    found = patches.read(summary, diff)
    assert said in found.said
    assert found.power <= 0.25


@pytest.mark.parametrize(
    ("diff", "said", "effect"),
    [
        ("-timeout_ms: 2000\n+timeout_ms: 35", "timeout_ms: 2000 → timeout_ms: 35", Group.SLOW),
        (
            "-  ctx = wait(ctx, 5 * time.Second)\n+  call = wait(ctx, 300 * time.Millisecond)",
            "changes a number",
            Group.SLOW,
        ),
        ("-max_connections = 50\n+max_connections = 5", "changes a number", Group.STARVED),
        ("-  if order is None:\n-    return\n-  check(order)\n+  pass", "takes lines away", Group.FAILING),
        (
            "-for one in lines:\n-  add(one)\n+for one in lines:\n+  add(catalog.get(one.id).fetch())",
            "adds calls",
            Group.SLOW,
        ),
    ],
)
def test_what_can_do_harm_is_known(diff: str, said: str, effect: Group) -> None:
    found = patches.read("", f"+++ b/src/app.py\n{diff}")
    assert said in found.said
    assert effect in found.effects
    assert found.power >= 0.6


def test_what_is_not_known_may_do_some() -> None:
    found = patches.read("Version 4.2.1", "")
    assert (found.said, set(found.effects)) == ("its difference is not known", set(Group))
    assert 0.25 < found.power < 0.6


def test_more_room_can_do_less_than_less() -> None:
    more, less = (patches.read("", f"-pool_size: 20\n+pool_size: {after}").power for after in (80, 5))
    assert more < less


def test_a_small_step_of_a_number_can_do_less_than_a_large_one() -> None:
    small, large = (patches.read("", f"-cache: 50000\n+cache: {after}").power for after in (60000, 500))
    assert small < large


def test_a_number_of_a_colour_or_a_version_is_none() -> None:
    assert "number" not in patches.read("", '-accent: "#3b82f6"\n+accent: "#2563eb"').said
    assert "number" not in patches.read("", '-Version = "v1.2.3"\n+Version = "v1.2.9"').said


@given(st.text(max_size=300), st.text(max_size=80))
def test_any_text_is_read(diff: str, summary: str) -> None:
    found = patches.read(summary, diff)
    assert 0 <= found.power <= 1
    assert found.said


def spans(*rows: tuple[str, str, str, str, str, float, float]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SPANS, orient="row")


def test_a_slow_hop_is_blamed_on_whose_own_time_rose() -> None:
    rows = []
    for number in range(20):
        at, slow = number * 10.0, 2.0 if number >= 10 else 0.1
        rows.append((f"t{number}", "a", "", "web", "checkout", at, at + slow + 0.05))
        rows.append((f"t{number}", "b", "a", "pay", "capture", at + 0.02, at + 0.02 + slow))
    frame = spans(*rows)
    found = hops.signs(frame, Window(0, 100), Window(100, 200))
    assert set(found) == {"pay"}
    assert found["pay"][0].group is Group.SLOW
    assert found["pay"][0].about == frozenset()
    assert hops.calls_of(frame) == [("web", "pay")]


def test_a_call_that_takes_long_by_itself_speaks_of_who_is_called() -> None:
    def waiting(*called: str) -> dict[str, list[Sign]]:
        rows = [
            (f"t{n}{one}", "a", "", "web", f"POST {one}/*", n * 1.0, n * 1.0 + (3.0 if n >= 100 else 0.1))
            for n in range(200)
            for one in called
        ]
        return hops.signs(spans(*rows), Window(0, 100), Window(100, 200), ["web", "pay", "stock"])

    assert {sign.about for sign in waiting("pay")["web"]} == {frozenset({"pay"})}
    assert {sign.about for sign in waiting("pay", "stock")["web"]} == {frozenset()}, "all of them: it is web itself"


def test_children_that_overlap_cover_their_time_once() -> None:
    frame = spans(
        ("t", "a", "", "web", "x", 0.0, 10.0), ("t", "b", "a", "p", "x", 1.0, 5.0), ("t", "c", "a", "q", "x", 1.0, 5.0)
    )
    assert hops.own_times(frame).filter(pl.col("span_id") == "a")["own"].to_list() == [6.0]


def series(values: np.ndarray, metric: str) -> pl.DataFrame:
    times = np.arange(values.size, dtype=np.float64)
    return pl.DataFrame({"time": times, "service": "a", "metric": metric, "value": values}, schema=METRICS)


@given(st.floats(0.001, 1000), st.integers(0, 50))
def test_how_far_is_the_same_in_any_unit(unit: float, seed: int) -> None:
    values = np.random.default_rng(seed).gamma(4, 1, 120)
    values[100:] *= 5
    one, two = (
        deviations(series(values * by, "latency_seconds"), Window(0, 100), Window(100, 120)) for by in (1.0, unit)
    )
    assert one["far"][0] == pytest.approx(two["far"][0], rel=1e-6)
    assert one["far"][0] > 3


def test_the_direction_of_harm_counts() -> None:
    falls = np.concatenate([np.full(100, 10.0) + np.tile([0.0, 0.5], 50), np.full(20, 2.0)])
    windows = Window(0, 100), Window(100, 120)
    assert deviations(series(falls, "latency_seconds"), *windows)["far"][0] == 0
    assert deviations(series(falls, "availability_ratio"), *windows)["far"][0] > 3


def test_what_was_so_before_the_problem_counts_less() -> None:
    values = np.concatenate([np.tile([1.0, 1.2], 50), np.full(40, 6.0)])
    fresh = deviations(series(values, "latency_seconds"), Window(0, 100), Window(100, 140))["far"][0]
    old = deviations(series(values, "latency_seconds"), Window(0, 100), Window(120, 140))["far"][0]
    assert old < fresh / 2


def test_a_peak_of_a_series_that_peaks_is_none() -> None:
    values = np.tile([1.0] * 9 + [10.0], 12)
    assert deviations(series(values, "latency_seconds"), Window(0, 100), Window(100, 120))["far"][0] < 1.5
