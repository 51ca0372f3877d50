"""Steps of unknown outcome: settled by their own check, or handed to a person. Never run again by themselves."""

from datetime import timedelta
from typing import TYPE_CHECKING

from mainstay.core import clock
from mainstay.core.settings import current
from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.execution import lane as lanes
from mainstay.restore.runbooks.execution import local
from mainstay.restore.runbooks.execution.acting import act
from mainstay.restore.runbooks.execution.ledger import Cell
from mainstay.restore.runbooks.execution.programs import NotBegunError
from mainstay.restore.runbooks.execution.setting import Outcome
from mainstay.restore.runbooks.models import StepRun

if TYPE_CHECKING:
    from mainstay.restore.runbooks.execution.lane import Lane, Stuck

State = StepRun.State
_AGAIN = timedelta(seconds=5)


async def settle(lane: "Lane", step: Step, cell: Cell) -> "Stuck | None":
    """Find out what became of a step. Nothing once that is known.

    1. While it may still run somewhere, nothing is told; on the worker it is killed once its time is over.
    2. Its check is asked. When that holds, the step has done what it should.
    3. Else a person has to say: done, not done, or again.
    """
    setting = lane.carrier.setting
    identity = lanes.identity_of(setting.run.pk, cell)
    try:
        if await _still_runs(lane, step, cell, identity):
            return lanes.Stuck(f"{step.id} was begun by a worker that is gone, and still runs", clock.now() + _AGAIN)
    except NotBegunError as error:
        return lanes.Stuck(f"{step.id}: its outcome is unknown, and {error}")
    why = cell.outcome or "its worker stopped while it ran"
    if not step.check:
        return lanes.Stuck(f"{step.id}: its outcome is unknown, {why}; say what became of it")
    output = lanes.Streamed(lane.carrier, cell)
    check = setting.book.step(step.check)
    outcome = await act(setting, check, lane.target, f"{identity}.check", output)
    if outcome.state != State.DONE:
        lane.carrier.ledger.write(cell, output.end())
        return lanes.Stuck(f"{step.id}: its outcome is unknown, {why}, and its check {check.id} does not hold")
    done = Outcome(State.DONE, f"{why}; its check {check.id} holds, so it is done")
    await lane.carrier.ledger.end(cell, done, output.end(), output.bytes)
    return None


async def _still_runs(lane: "Lane", step: Step, cell: Cell, identity: str) -> bool:
    if step.means not in {*model.PROGRAMS, model.ANSIBLE}:
        return False
    if step.each and lane.target:
        setting = lane.carrier.setting
        return await setting.connections.still_runs(setting.hosts[lane.target], identity)
    if not local.processes_of(identity):
        return False
    length = timedelta(seconds=step.timeout or current().runbook_step_timeout)
    if cell.began_at is not None and clock.now() < cell.began_at + length:
        return True
    local.kill(identity)
    return False
