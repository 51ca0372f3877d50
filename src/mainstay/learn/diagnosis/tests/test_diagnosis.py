"""Who is named, of whom nothing is said, and what speaks against: over a small shop whose troubles are known."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.learn.diagnosis.domain import Change, Window, diagnose
from mainstay.learn.diagnosis.domain.case import longest_without
from mainstay.learn.diagnosis.tests import scenes
from mainstay.learn.diagnosis.tests.scenes import PROBLEM, SERVICES, SLOW_DB, case, lines

pytestmark = pytest.mark.once


def first(found: object) -> str:
    said = diagnose(found)  # type: ignore[arg-type]
    return said.services[0].name if said.services else ""


@pytest.mark.parametrize("seed", range(5))
def test_the_sickest_callee_explains_those_that_wait_for_it(seed: int) -> None:
    said = diagnose(case(SLOW_DB, seed))
    assert said.services[0].name == "db"
    assert said.services[0].path == ("web", "orders", "pay", "db")
    assert "latency_avg_seconds" in said.services[0].reason
    assert 0 < said.services[0].confidence <= 1
    others = {one.name: one for one in said.services[1:]}
    assert all("explains" in " ".join(one.against) for one in others.values())


def test_what_is_its_own_a_callee_does_not_explain() -> None:
    sick = {("web", "latency_avg_seconds"): 6.0, ("web", "cpu_usage"): 3.0, ("pay", "errors_per_second"): 1.3}
    assert first(case(sick)) == "web"


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_said_of_a_quiet_hour(seed: int) -> None:
    said = diagnose(case({}, seed))
    assert said.services == ()
    assert said.changes == ()
    assert "Not enough evidence" in said.reason


def test_every_part_may_be_missing() -> None:
    said = diagnose(case(None))
    assert said.services == ()
    assert set(said.missing) == {"metrics", "logs", "spans", "changes"}
    without_calls = replace(case(SLOW_DB), calls=None)
    assert diagnose(without_calls).missing == ("logs", "spans", "calls", "changes")


def test_log_lines_alone_name_the_service_that_others_complain_of() -> None:
    usual = [
        (float(time), one, "info", f"handled request {time} in 12 ms")
        for time in range(0, 4200, 30)
        for one in SERVICES
    ]
    sick = [(PROBLEM.start + 5.0 * n, "pay", "error", f"pool exhausted, {n} waiting") for n in range(30)]
    told = [
        (PROBLEM.start + 5.0 * n, "orders", "error", f"call of pay failed: timeout after {n} ms") for n in range(30)
    ]
    assert first(case(None, logs=lines(*usual, *sick, *told))) == "pay"


def test_one_record_that_fails_for_ever_clears_the_changes() -> None:
    usual = [(float(time), "web", "info", f"enriched {time} records") for time in range(0, 3600, 30)]
    again = [
        (PROBLEM.start + 7.0 * n, "web", "error", "cannot read record_id=ev-8f3a2174 at place 14882") for n in range(30)
    ]
    tidy = Change(
        PROBLEM.start - 300,
        "web",
        "deploy",
        "c1",
        "tidy the reading",
        "-  return read(record)\n+  return read_one(record, place)",
    )
    said = diagnose(
        case(
            {("web", "errors_per_second"): 9.0}, logs=lines(*usual, *again), changes=(tidy,), metric="errors_per_second"
        )
    )
    assert said.services[0].name == "web"
    assert said.changes == ()
    assert "ev-8f3a2174" in said.changes_reason


TIGHTER = Change(
    PROBLEM.start - 600,
    "pay",
    "config",
    "tighter",
    "set limits",
    "--- pay.yaml\n+++ pay.yaml\n-db_timeout_ms: 2000\n+db_timeout_ms: 35",
)
LATEST = Change(
    PROBLEM.start - 60,
    "pay",
    "deploy",
    "latest",
    "say how to start",
    "--- docs/README.md\n+++ docs/README.md\n-old\n+new",
)
LATER = replace(TIGHTER, time=PROBLEM.start + 400, id="later")
ELSEWHERE = Change(PROBLEM.start - 120, "reports", "deploy", "elsewhere", "another page", "-a = 1\n+a = 2")


def test_not_the_latest_change_but_the_one_that_can() -> None:
    sick = {
        ("pay", "latency_avg_seconds"): 8.0,
        ("orders", "latency_avg_seconds"): 7.0,
        ("web", "latency_avg_seconds"): 6.0,
    }
    said = diagnose(case(sick, changes=(ELSEWHERE, LATEST, TIGHTER, LATER)))
    assert [one.name for one in said.changes][:1] == ["tighter"]
    assert "db_timeout_ms: 2000 → db_timeout_ms: 35" in said.changes[0].reason


def test_a_change_that_came_later_is_cleared() -> None:
    sick = {
        ("pay", "latency_avg_seconds"): 8.0,
        ("orders", "latency_avg_seconds"): 7.0,
        ("web", "latency_avg_seconds"): 6.0,
    }
    said = diagnose(case(sick, changes=(LATER,)))
    assert said.changes == ()
    assert "it came after the problem began" in said.changes_reason


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(SERVICES), st.sampled_from(("latency_avg_seconds", "errors_per_second", "cpu_usage"))
        ),
        st.floats(0.1, 20),
        max_size=6,
    ),
    st.integers(0, 3),
)
def test_whatever_is_wrong_the_answer_is_whole(sick: dict[tuple[str, str], float], seed: int) -> None:
    said = diagnose(case(sick, seed))
    total = sum(one.confidence for one in said.services)
    assert total <= 1 + 1e-9
    assert [one.confidence for one in said.services] == sorted((one.confidence for one in said.services), reverse=True)
    assert bool(said.services) or said.reason
    for one in said.services:
        assert one.path[0] == "web"
        assert one.path[-1] == one.name
        assert all(pair in scenes.CALLS for pair in zip(one.path, one.path[1:], strict=False))


def test_the_same_case_gets_the_same_answer() -> None:
    assert diagnose(case(SLOW_DB)) == diagnose(case(SLOW_DB))


def test_what_is_told_twice_is_one_change() -> None:
    sick = {
        ("pay", "latency_avg_seconds"): 8.0,
        ("orders", "latency_avg_seconds"): 7.0,
        ("web", "latency_avg_seconds"): 6.0,
    }
    seen = replace(TIGHTER, time=TIGHTER.time + 20, id="seen", summary="files: 1 changed")
    assert [one.name for one in diagnose(case(sick, changes=(seen, TIGHTER))).changes] == ["tighter"]


def test_what_was_undone_in_time_is_cleared() -> None:
    lines_ = TIGHTER.diff.splitlines()
    back = "\n".join([*lines_[:2], "-db_timeout_ms: 35", "+db_timeout_ms: 2000"])
    undone = replace(TIGHTER, time=PROBLEM.start - 900, id="undone")
    undoing = replace(TIGHTER, time=PROBLEM.start - 500, id="undoing", diff=back)
    sick = {
        ("pay", "latency_avg_seconds"): 8.0,
        ("orders", "latency_avg_seconds"): 7.0,
        ("web", "latency_avg_seconds"): 6.0,
    }
    assert diagnose(case(sick, changes=(undone, undoing))).changes == ()
    assert [one.name for one in diagnose(case(sick, changes=(undone,))).changes] == ["undone"]


@given(
    st.lists(
        st.tuples(st.floats(-50, 150), st.floats(0.1, 60)).map(lambda one: Window(one[0], one[0] + one[1])), max_size=6
    )
)
def test_the_normal_time_is_the_longest_without_trouble(troubles: list[Window]) -> None:
    whole = Window(0.0, 100.0)
    found = longest_without(whole, troubles)
    assert whole.start <= found.start < found.end <= whole.end
    if found != whole or not troubles:
        assert all(one.end <= found.start or one.start >= found.end for one in troubles)
