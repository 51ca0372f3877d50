"""Kill -9 of any process at any moment: nothing acknowledged is lost, no step is skipped, nobody is paged twice."""

import os

import pytest

from mainstay.faces.bench import crash

pytestmark = [pytest.mark.once, pytest.mark.either, pytest.mark.xdist_group("live")]
SEEDS = range(1, 1 + int(os.environ.get("MAINSTAY_TEST_CRASH_SEEDS", "1")))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_is_kept_whatever_is_killed(seed: int) -> None:
    outcome = crash.run(seed)
    lost = (outcome.alerts_lost, outcome.samples_lost, outcome.steps_skipped, outcome.batches_refused)
    assert lost == (0, 0, 0, 0), outcome
    # Killed between a provider's answer and our note of it, a worker can only send the same message again: under its
    # own Message-ID, by which mail servers know it. On a machine with more to do than it has cores that moment is long.
    assert outcome.paged_twice == outcome.same_message <= 1, outcome
    assert outcome.kills >= 3
    assert outcome.accepted >= 10
