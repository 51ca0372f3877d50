"""When a state has lasted long enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.checks import domain
from mainstay.observe.checks.domain import State

pytestmark = pytest.mark.once
OK, W, C, U = State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN


@pytest.mark.parametrize(
    ("state", "recent", "needed", "of", "after"),
    [
        (OK, [C], 1, 1, C),
        (C, [C, OK], 1, 1, OK),
        (OK, [C, OK, C], 3, 5, OK),
        (OK, [C, OK, C, C], 3, 5, C),
        (C, [C, OK, C, C, OK], 3, 5, C),
        (C, [C, C, OK, OK, OK], 3, 5, OK),
        (W, [W, W, C], 2, 3, W),
        (W, [W, C, C], 2, 3, C),
        (OK, [W, C], 2, 3, C),
        (OK, [OK, OK, OK, OK, C], 1, 5, C),
        (C, [C, OK, OK, OK, OK], 1, 5, C),
        (C, [C, OK, OK, OK, OK, OK], 1, 5, OK),
        (OK, [U], 1, 1, U),
    ],
)
def test_the_last_runs_decide(state: State, recent: list[State], needed: int, of: int, after: State) -> None:
    assert domain.decide(state, recent, needed, of).state is after


RUNS = st.lists(st.sampled_from([OK, W, C, U]), max_size=40)


@given(RUNS, st.integers(1, 5), st.integers(0, 5))
def test_it_is_bad_exactly_while_enough_of_the_last_runs_were(runs: list[State], needed: int, more: int) -> None:
    of, state = needed + more, OK
    for count in range(1, len(runs) + 1):
        recent = runs[:count]
        decision = domain.decide(state, recent, needed, of)
        bad = sum(one is not OK for one in recent[-of:])
        if bad >= needed:
            assert decision.state is not OK
        elif len(recent[-of:]) - bad >= needed:
            assert decision.state is OK
        else:
            assert decision.state is state
        assert decision.reason
        state = decision.state


@pytest.mark.parametrize(("code", "state"), [(0, OK), (1, W), (2, C), (3, U), (4, U), (127, U), (-9, U), (None, U)])
def test_exit_codes_are_those_of_nagios(code: int | None, state: State) -> None:
    assert domain.state_of(code) is state
