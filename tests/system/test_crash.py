"""Kill -9 of any process at any moment: nothing acknowledged is lost, no step is skipped, nobody is paged twice."""

import os

import pytest

from mainstay.faces.bench import crash

pytestmark = [pytest.mark.once, pytest.mark.either, pytest.mark.xdist_group("live")]
SEEDS = range(1, 1 + int(os.environ.get("MAINSTAY_TEST_CRASH_SEEDS", "3")))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_is_kept_whatever_is_killed(seed: int) -> None:
    outcome = crash.run(seed)
    assert outcome.held, outcome
    assert outcome.kills >= 3
    assert outcome.accepted >= 40
