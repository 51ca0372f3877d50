"""Carrying a run out: blocks in order, targets in waves, the steps of a target one after the other.

Everything that is decided here follows from the rows of the steps, so that a worker which takes the run up after a
crash goes on where the one before it was: finished steps stay finished, and one of unknown outcome is settled first.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from mainstay.core import clock
from mainstay.restore.runbooks import domain
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.execution import guards
from mainstay.restore.runbooks.execution.block import BlockRun
from mainstay.restore.runbooks.execution.ledger import Cell, Ledger, TakenAwayError
from mainstay.restore.runbooks.execution.rest import Rest
from mainstay.restore.runbooks.execution.setting import Setting
from mainstay.restore.runbooks.models import Run, StepRun

State = StepRun.State
Phase = StepRun.Phase
# How often the calendar is asked while targets begin one after the other, and how long a closed gate is left alone.
GATE_EVERY = timedelta(seconds=2)
GATE_AGAIN = timedelta(seconds=10)
_BEAT = 0.5
_LEASE_EVERY = 10.0


class Carrier:
    """One run in this worker."""

    def __init__(self, setting: Setting, ledger: Ledger, cells: Sequence[Cell]) -> None:
        self.setting, self.ledger = setting, ledger
        self.cells = {(cell.phase, cell.step, cell.target): cell for cell in cells}
        self._gate_at: datetime | None = None
        self._work: asyncio.Task[Rest] | None = None
        self._why = ""
        # Whether the worker ends, so that the next one goes on with what has not begun.
        self.draining = False

    async def carry(self) -> Rest:
        """Work until the run is through, waits for something, or is taken away."""
        self._work = asyncio.ensure_future(self._blocks())
        watch = asyncio.ensure_future(self._watch())
        try:
            return await self._work
        except (asyncio.CancelledError, TakenAwayError):
            if self._why:
                return Rest(Run.State.FAILED, self._why)
            return Rest(Run.State.STOPPED, "")
        finally:
            watch.cancel()
            self.setting.connections.abort()

    def drain(self) -> None:
        """Begin nothing more; what runs may end. Called in the loop of the run."""
        self.draining = True

    def stop(self) -> None:
        """Panic: kill what runs. Called in the loop of the run; again while it ends, it would cut that short."""
        if self._work is not None and not self.setting.stopped:
            self.setting.stopped = True
            self._work.cancel()

    async def _watch(self) -> None:
        """Keep the lease, hear a stop that nobody rang for, and end a run that takes too long."""
        loop = asyncio.get_running_loop()
        renew = loop.time() + _LEASE_EVERY
        while True:
            await asyncio.sleep(_BEAT)
            if self._overdue():
                self._why = f"it took longer than {self.setting.book.timeout:g} s"
                self.stop()
                return
            if self.ledger.untold:
                await self.ledger.call(self.ledger.tell)
            if loop.time() >= renew:
                renew = loop.time() + _LEASE_EVERY
                if not await self.ledger.call(self.ledger.beat):
                    self.stop()
                    return

    def _overdue(self) -> bool:
        run = self.setting.run
        return run.started_at is not None and domain.overdue(run.started_at, self.setting.book.timeout, clock.now())

    async def _blocks(self) -> Rest:
        book, failed = self.setting.book, set[str]()
        if self._overdue():
            return Rest(Run.State.FAILED, f"it took longer than {book.timeout:g} s")
        parts = [(block, Phase.MAIN) for block in domain.blocks(book.main)]
        if book.verify:
            step = book.step(book.verify)
            parts.append((domain.Block((step,), step.each), Phase.VERIFY))
        for block, phase in parts:
            rest = await BlockRun(self, block, phase, failed).go()
            if rest is not None:
                return rest
        said = [f"{len(failed)} of {len(self.setting.run.targets)} targets failed"] if failed else []
        over = 0 if failed else sum(1 for cell in self.cells.values() if cell.state == State.FAILED)
        said += [f"{over} steps failed and were passed over"] if over else []
        return Rest(Run.State.DONE, "; ".join(said))

    async def gate(self) -> Rest | None:
        """Ask the calendar, unless it was asked a moment ago or nothing is changed."""
        now = clock.now()
        if self.draining:
            return Rest(Run.State.WAITING, "its worker ends, and the next one goes on", now)
        if self._gate_at is not None and now < self._gate_at:
            return None
        first = self._gate_at is None
        answer = await self.ledger.call(lambda: guards.ask_gate(self.setting.run, self.setting.book, first=first))
        if answer:
            return Rest(Run.State.WAITING, f"the gate is closed: {answer}", now + GATE_AGAIN)
        self._gate_at = now + GATE_EVERY
        return None

    def cell(self, phase: str, step: Step, target: str) -> Cell:
        """A step on a target."""
        return self.cells[phase, step.id, target]

    async def undo_cell(self, step: Step, target: str) -> Cell:
        """A step that undoes another, written down now that it is needed."""
        run = self.setting.run

        def make() -> StepRun:
            place = run.steps.filter(phase=Phase.UNDO).count()
            return StepRun.objects.create(run=run, phase=Phase.UNDO, place=place, step=step.id, target=target)

        cell = Cell.of(await self.ledger.call(make))
        self.cells[cell.phase, cell.step, cell.target] = cell
        return cell

    async def undone(self, step: Step, target: str) -> None:
        """A step that was done is not any more: resuming the run does it again."""
        cell = self.cell(Phase.MAIN, step, target)
        steps = StepRun.objects.filter(pk=cell.pk)
        await self.ledger.call(lambda: steps.update(state=State.WAITING, outcome="undone", ended_at=None))
        cell.state, cell.outcome = State.WAITING, "undone"
