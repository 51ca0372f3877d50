"""What facts mean for the points of a review."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mainstay.change.supportability.domain import FRESH, Facts, Logs, State, review

NOW = datetime(2026, 3, 1, tzinfo=UTC)
METRICS = frozenset({"http_requests_total", "errors_total", "http_duration_seconds", "memory_bytes"})
GOOD = Facts(
    owner="Money",
    described=True,
    links=("Dashboard",),
    policy="Money",
    policy_is_default=False,
    needs=1,
    processes=1,
    health=("healthz",),
    unwell=(),
    rules=2,
    rules_guided=2,
    runbooks=1,
    known_errors=0,
    configurations=1,
    metrics=METRICS,
    logs=Logs(1000, 990, 900, 0, 0.2),
    confirmed={name: (NOW - timedelta(days=3), "Ana: done") for name in ("restore", "rollback", "capacity")},
)


def state(facts: Facts, point: str) -> State:
    return next(one.state for one in review(facts, NOW).findings if one.point == point)


def test_a_service_that_has_everything_is_at_100() -> None:
    verdict = review(GOOD, NOW)
    assert verdict.score == 100
    assert {one.state for one in verdict.findings} == {State.MET}
    assert not any(one.advice for one in verdict.findings)


def test_each_point_that_is_not_met_says_what_to_do() -> None:
    nothing = Facts("", False, (), "", False, 0, 0, (), (), 0, 0, 0, 0, 0, frozenset(), Logs(0, 0, 0, 0, 0), {})
    verdict = review(nothing, NOW)
    assert verdict.score == 0
    assert all(one.state is State.MISSING and one.advice for one in verdict.findings)


def test_what_cannot_be_seen_is_left_out_of_the_score() -> None:
    away = review(replace(GOOD, metrics=None, logs=None), NOW)
    assert away.score == 100
    assert sum(one.state is State.UNKNOWN for one in away.findings) == 5


def test_halves() -> None:
    assert state(replace(GOOD, policy_is_default=True), "on-call") is State.PARTLY
    assert state(replace(GOOD, unwell=("healthz",)), "health") is State.PARTLY
    assert state(replace(GOOD, metrics=METRICS - {"memory_bytes"}), "metrics") is State.PARTLY
    assert state(replace(GOOD, rules_guided=1), "alerts") is State.PARTLY
    assert state(replace(GOOD, logs=Logs(1000, 600, 900, 0, 0.7)), "levels") is State.PARTLY
    assert state(replace(GOOD, logs=Logs(1000, 600, 900, 0, 0.7)), "noise") is State.PARTLY
    assert state(replace(GOOD, logs=Logs(1000, 1000, 1000, 1, 0)), "secrets") is State.MISSING


def test_what_a_person_confirmed_long_ago_counts_half() -> None:
    old = {**GOOD.confirmed, "restore": (NOW - FRESH - timedelta(days=1), "Ana: done")}
    assert state(replace(GOOD, confirmed=old), "restore") is State.PARTLY


@given(
    st.builds(
        Logs,
        st.integers(0, 10**6),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
        st.floats(0, 1),
    )
)
def test_the_score_stays_within_its_bounds(logs: Logs) -> None:
    assert 0 <= review(replace(GOOD, logs=logs), NOW).score <= 100
