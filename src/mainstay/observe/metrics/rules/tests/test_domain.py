from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.metrics.rules.domain import Phase, Watched, decide

T0 = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=5)


def run(breaches: list[bool], wait: int, keep: int) -> list[str]:
    """What happens at each evaluation, five seconds apart."""
    watched: Watched | None = None
    told = []
    for place, breach in enumerate(breaches):
        decision = decide(
            watched, T0 + STEP * place, breaches=breach, wait=timedelta(seconds=wait), keep=timedelta(seconds=keep)
        )
        watched = decision.watched
        told.append("fires" if decision.fires else "ends" if decision.resolves else "-")
    return told


def test_it_fires_after_the_wait_and_ends_when_it_stops() -> None:
    assert run([True, True, True, True, False], 10, 0) == ["-", "-", "fires", "-", "ends"]


def test_without_a_wait_it_fires_at_once() -> None:
    assert run([False, True, False], 0, 0) == ["-", "fires", "ends"]


def test_a_short_breach_never_fires() -> None:
    assert run([True, True, False, True, False], 10, 0) == ["-"] * 5


def test_it_is_kept_firing_over_a_short_gap() -> None:
    assert run([True, False, True, False, False, False], 0, 10) == ["fires", "-", "-", "-", "-", "ends"]


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 30), st.integers(0, 30))
def test_firing_and_ending_take_turns(breaches: list[bool], wait: int, keep: int) -> None:
    told = [one for one in run(breaches, wait, keep) if one != "-"]
    assert told == [("fires", "ends")[place % 2] for place in range(len(told))]


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 30))
def test_it_fires_if_and_only_if_it_breached_for_the_whole_wait(breaches: list[bool], wait: int) -> None:
    longest = max((len(part) for part in "".join("x" if one else " " for one in breaches).split()), default=0)
    assert ("fires" in run(breaches, wait, 0)) is (longest > 0 and (longest - 1) * 5 >= wait)


def test_a_pending_series_remembers_since_when() -> None:
    first = decide(None, T0, breaches=True, wait=timedelta(seconds=60), keep=timedelta())
    again = decide(first.watched, T0 + STEP, breaches=True, wait=timedelta(seconds=60), keep=timedelta())
    assert again.watched == Watched(Phase.PENDING, T0)
