"""A worker that carries a run out is killed on the way: no finished step runs again, no other one silently."""

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections

from mainstay.core import clock
from mainstay.restore.runbooks import answering
from mainstay.restore.runbooks.execution import local, loop
from mainstay.restore.runbooks.execution.ledger import Ledger
from mainstay.restore.runbooks.models import Run
from tests.parts import until
from tests.runbooks.shelf import State, again, draft, person, started, step, work, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]
SEEDS = range(int(os.environ.get("MAINSTAY_TEST_RUNBOOK_SEEDS", "6")))
STEPS = 5


def book(trail: Path) -> Run:
    """Five steps that each leave a line; the even ones have a check that finds it."""
    blocks = []
    for number in range(1, STEPS + 1):
        check = f" check=look-{number}" if number % 2 == 0 else ""
        blocks.append(step(f"shell id=step-{number}{check}", f"sleep 0.03; echo {number} >> {trail}; sleep 0.03"))
        if check:
            blocks.append(step(f"check id=look-{number} timeout=3s every=50ms", f"grep -qx {number} {trail}"))
    write(*blocks, timeout="30d")
    return started(draft())


def victim(carry: Callable[[], None]) -> int:
    """A process of its own that takes the run up. Returns its number."""
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    try:
        carry()
    finally:
        os._exit(0)


def carry() -> None:
    taken = loop.claim()
    if taken is not None:
        loop.carry(taken)


def dies_at(commit: int, *, after: bool) -> Callable[[], None]:
    """Carry the run, and die before or after the commit of this number."""

    def run() -> None:
        real, count = Ledger._commit, [0]

        def deadly(self: Ledger, batch: object) -> set[int]:
            count[0] += 1
            if count[0] == commit and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            begun = real(self, batch)  # type: ignore[arg-type]
            if count[0] == commit:
                os.kill(os.getpid(), signal.SIGKILL)
            return begun

        Ledger._commit = deadly  # type: ignore[method-assign]
        carry()

    return run


def answers(run: Run, trail: Path) -> None:
    """A person looks into the trail and says what became of each step that nobody knows."""
    lines = trail.read_text().split() if trail.exists() else []
    for cell in run.steps.filter(state=State.UNKNOWN):
        number = cell.step.removeprefix("step-")
        what = "done" if number in lines else "again"
        answering.answer(person("cleo"), cell.pk, what, "I looked into the trail")


def nothing_runs(run: Run) -> None:
    """What a dead worker had begun ends by itself; the outcome is looked into after that."""
    place = ".".join(["*", str(run.pk)])
    until(f"the end of {place}", lambda: not any(_processes(run)))


def _processes(run: Run) -> list[int]:
    from mainstay.restore.runbooks.execution.lane import identity_of
    from mainstay.restore.runbooks.execution.ledger import Cell

    return [pid for row in run.steps.all() for pid in local.processes_of(identity_of(run.pk, Cell.of(row)))]


def whole(trail: Path, run: Run) -> None:
    """No line twice, in order, and a line for each step that is done."""
    lines = trail.read_text().split() if trail.exists() else []
    assert lines == sorted(set(lines)), lines
    done = [one.step.removeprefix("step-") for one in run.steps.filter(state=State.DONE, step__startswith="step-")]
    assert set(done) <= set(lines)


def finish(run: Run, trail: Path) -> None:
    for _ in range(4 * STEPS):
        with clock.moved(timedelta(hours=1)):
            loop.reconcile_due()
            nothing_runs(run)
            Run.objects.filter(pk=run.pk, state=Run.State.WAITING).update(look_at=clock.now())
            work()
            if again(run).state == Run.State.DONE:
                break
            answers(run, trail)
            whole(trail, run)
    assert again(run).state == Run.State.DONE, again(run).state_reason
    assert trail.read_text().split() == [str(number) for number in range(1, STEPS + 1)]


def test_a_step_that_outlives_its_worker_is_waited_for_and_then_killed(tmp_path: Path) -> None:
    write(step("shell id=long timeout=90m", f"echo begun >> {tmp_path}/trail; sleep 600"), timeout="30d")
    run = started(draft())
    pid = victim(carry)
    until("the step", (tmp_path / "trail").exists)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with clock.moved(timedelta(hours=1)):
        loop.reconcile_due()
        work()
        assert again(run).state == Run.State.WAITING
        assert "still runs" in again(run).state_reason
        assert _processes(run)
    with clock.moved(timedelta(hours=2)):
        work()
    assert (again(run).state, _processes(run)) == (Run.State.PERSON, [])
    assert "say what became of it" in again(run).state_reason
    assert (tmp_path / "trail").read_text() == "begun\n"


def test_a_worker_that_ends_lets_its_steps_end_and_leaves_the_rest(tmp_path: Path) -> None:
    write(*(step(f"shell id=s{number}", f"sleep 0.3; echo {number} >> {tmp_path}/trail") for number in range(3)))
    run = started(draft())
    worker = loop.Runs()
    assert worker.run_due() == 1
    until("the first", lambda: run.steps.filter(state=State.RUNNING).exists())
    worker.drain(20)
    run = again(run)
    assert (run.state, run.steps.filter(state=State.DONE).count()) == (Run.State.WAITING, 1)
    work()
    assert again(run).state == Run.State.DONE
    assert (tmp_path / "trail").read_text().split() == ["0", "1", "2"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(1, 7))
def test_a_worker_killed_at_a_boundary(tmp_path: Path, commit: int, after: bool) -> None:
    trail = tmp_path / "trail"
    run = book(trail)
    _, status = os.waitpid(victim(dies_at(commit, after=after)), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    with clock.moved(timedelta(hours=1)):
        assert loop.reconcile_due() == 1
    finish(run, trail)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_killed_at_any_moment_and_again(tmp_path: Path, seed: int) -> None:
    trail, chance = tmp_path / "trail", random.Random(seed)
    run = book(trail)
    for _ in range(3):
        if chance.random() < 0.5:
            pid = victim(dies_at(chance.randint(1, 8), after=chance.random() < 0.5))
        else:
            pid = victim(carry)
        time.sleep(chance.uniform(0.0, 0.8))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with clock.moved(timedelta(hours=1)):
            loop.reconcile_due()
        nothing_runs(run)
        whole(trail, run)
        answers(run, trail) if again(run).state in {Run.State.WAITING, Run.State.PERSON} else None
        Run.objects.filter(pk=run.pk, state=Run.State.WAITING).update(look_at=clock.now())
    finish(run, trail)
