"""One target on its way through steps that stand together."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mainstay.core import clock
from mainstay.core.settings import current
from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.execution import desk, settling
from mainstay.restore.runbooks.execution.acting import act
from mainstay.restore.runbooks.execution.ledger import Cell, TakenAwayError
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.setting import Outcome
from mainstay.restore.runbooks.models import StepRun

if TYPE_CHECKING:
    from mainstay.restore.runbooks.execution.carrier import Carrier

log = logging.getLogger(__name__)
State, Phase = StepRun.State, StepRun.Phase
# A wait that ends this soon is waited for; a longer one holds no thread.
_SOON = timedelta(seconds=2)
_FLUSH = 0.25


@dataclass(frozen=True)
class Stuck:
    """A target cannot go on: until a time, or until a person has answered."""

    reason: str
    until: datetime | None = None


def identity_of(run: int, cell: Cell) -> str:
    """By which the processes of an attempt are known, on whatever machine."""
    place = hashlib.sha256(str(current().data_dir).encode()).hexdigest()[:8]
    return f"{place}.{run}.{cell.pk}.{cell.attempt}"


class Lane:
    """The steps of one block on one target."""

    def __init__(self, carrier: "Carrier", steps: Sequence[Step], target: str, phase: str) -> None:
        self.carrier, self.steps, self.target, self.phase = carrier, steps, target, phase
        self.failed, self.reason = False, ""

    @property
    def begun(self) -> bool:
        """Whether any of its steps has run, or waits for something that it has begun."""
        return any(cell.attempt or cell.state != State.WAITING for cell in map(self._cell, self.steps))

    def _cell(self, step: Step) -> Cell:
        return self.carrier.cell(self.phase, step, self.target)

    async def run(self) -> Stuck | None:
        """Every step in order; where it failed before, what is left of that. Nothing when the target is through."""
        try:
            broken = next((one for one in self.steps if self._is_broken(one)), None)
            if broken is not None:
                return await self._fail(broken)
            for step in self.steps:
                stuck = await self._through(step)
                if stuck is not None:
                    return stuck
                if self._is_broken(step):
                    return await self._fail(step)
            return None
        finally:
            # After a panic stop all connections are cut at once.
            if self.target and not self.carrier.setting.stopped:
                self.carrier.setting.connections.leave(self.carrier.setting.hosts[self.target])

    def _is_broken(self, step: Step) -> bool:
        return self._cell(step).state == State.FAILED and (step.on_failure != "continue" or self.phase == Phase.VERIFY)

    async def _through(self, step: Step) -> Stuck | None:
        """One step until it has ended, one way or the other."""
        cell = self._cell(step)
        while cell.state not in {State.DONE, State.SKIPPED, State.FAILED}:
            stuck = await self._on(step, cell)
            if stuck is not None:
                return stuck
        return None

    async def _on(self, step: Step, cell: Cell) -> Stuck | None:
        """The next thing that can be done about a step."""
        ledger = self.carrier.ledger
        if cell.state == State.PERSON:
            return Stuck(f"{self._named(step)}: {cell.outcome}")
        if cell.state == State.UNKNOWN:
            return await settling.settle(self, step, cell)
        if step.kind in {model.ASK, model.MANUAL}:
            await ledger.end(cell, Outcome(State.PERSON, step.text.strip()))
            return None
        if step.kind == model.WAIT:
            return await self._wait(step, cell)
        if "correction" in cell.detail:
            if cell.until is None or cell.until <= clock.now():
                await ledger.end(cell, await ledger.call(lambda: desk.became(cell.detail["correction"])))
            return Stuck(cell.outcome, cell.until) if cell.state == State.WAITING else None
        if self.carrier.draining:
            return Stuck("its worker ends, and the next one goes on", clock.now())
        await self.attempt(step, cell)
        return None

    async def _wait(self, step: Step, cell: Cell) -> Stuck | None:
        until = cell.until or clock.now() + timedelta(seconds=step.seconds)
        if cell.until is None:
            await self.carrier.ledger.end(cell, Outcome(State.WAITING, f"until {until:%H:%M:%S} UTC", until=until))
        left = until - clock.now()
        if left > _SOON:
            return Stuck(f"{self._named(step)}: {cell.outcome}", until)
        await asyncio.sleep(max(left.total_seconds(), 0))
        await self.carrier.ledger.end(cell, Outcome(State.DONE, "waited"))
        return None

    def _named(self, step: Step) -> str:
        return f"{step.id} on {self.target}" if self.target else step.id

    async def attempt(self, step: Step, cell: Cell) -> None:
        """Do it once: written down before it begins, and its outcome afterwards. Raises ``TakenAwayError``."""
        setting, ledger = self.carrier.setting, self.carrier.ledger
        await ledger.begin(cell)
        output = Streamed(self.carrier, cell)
        try:
            outcome = await act(setting, step, self.target, identity_of(setting.run.pk, cell), output)
        except asyncio.CancelledError:
            outcome = _interrupted(step)
            await asyncio.shield(ledger.end(cell, outcome, output.end(), output.bytes))
            raise
        except TakenAwayError:
            raise
        except Exception as error:
            log.exception("%s of run %s broke off", step.id, setting.run.pk)
            said = f"{type(error).__name__}: {error}"
            outcome = Outcome(State.FAILED if step.harmless else State.UNKNOWN, said)
        if outcome.state == State.FAILED and step.on_failure == "ask":
            outcome = Outcome(State.PERSON, f"it failed, {outcome.text}: done, not done, or again?", outcome.exit_code)
        await ledger.end(cell, outcome, output.end(), output.bytes)

    async def _fail(self, step: Step) -> Stuck | None:
        """The target goes no further. What it has done is taken back where the book says so."""
        self.failed = True
        self.reason = f"{self._named(step)} failed: {self._cell(step).outcome}"
        return await self._undo(step) if step.on_failure == "undo" else None

    async def _undo(self, broken: Step) -> Stuck | None:
        """Undo the step that failed, which may have done a part, and then those before it, the last first."""
        main = self.carrier.setting.book.main
        before = main[: main.index(broken)]
        done = [one for one in before if one.undo and one.each == broken.each and self._is_done(one)]
        for step in [broken, *reversed(done)]:
            undo = self.carrier.setting.book.step(step.undo)
            cell = self.carrier.cells.get((Phase.UNDO, undo.id, self.target))
            if cell is None:
                cell = await self.carrier.undo_cell(undo, self.target)
            if cell.state == State.WAITING:
                await self.attempt(undo, cell)
            if cell.state in {State.UNKNOWN, State.PERSON}:
                return Stuck(f"undoing {self._named(step)}: {cell.outcome}")
            if cell.state == State.FAILED:
                self.reason += f"; undoing {step.id} failed too: {cell.outcome}"
                return None
            if step is not broken:
                await self.carrier.undone(step, self.target)
        self.reason += "; it was undone"
        return None

    def _is_done(self, step: Step) -> bool:
        return self.carrier.cell(Phase.MAIN, step, self.target).state == State.DONE


def _interrupted(step: Step) -> Outcome:
    """What became of a step that was killed: a program is dead, a request may have been carried out."""
    if step.harmless or step.means in {*model.PROGRAMS, model.ANSIBLE}:
        return Outcome(State.FAILED, "killed while it ran: the run was stopped")
    return Outcome(State.UNKNOWN, "the run was stopped while it ran")


class Streamed(Output):
    """Output that goes to the ledger a moment after it came."""

    def __init__(self, carrier: "Carrier", cell: Cell) -> None:
        super().__init__(carrier.setting.hidden(), current().runbook_output_kb * 1024)
        self._carrier, self._cell = carrier, cell
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, stream: str, data: bytes) -> None:
        """Take what a stream brought, and have it written down soon."""
        super().feed(stream, data)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH, self._flush)

    def _flush(self) -> None:
        self._timer = None
        self._carrier.ledger.write(self._cell, self.take())

    def finish(self) -> None:
        """Nothing more comes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().finish()
