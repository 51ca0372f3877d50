"""A block of steps on its targets: who may begin, who has ended, and what it leaves."""

import asyncio
from typing import TYPE_CHECKING

from mainstay.core.settings import current
from mainstay.restore.runbooks import domain
from mainstay.restore.runbooks.domain import Block
from mainstay.restore.runbooks.execution.lane import Lane, Stuck
from mainstay.restore.runbooks.execution.rest import Rest
from mainstay.restore.runbooks.models import Run, StepRun

if TYPE_CHECKING:
    from mainstay.restore.runbooks.execution.carrier import Carrier

Phase = StepRun.Phase


class BlockRun:
    """The lanes of one block. ``failed`` are the targets that went no further, of this block and of those before."""

    def __init__(self, carrier: "Carrier", block: Block, phase: str, failed: set[str]) -> None:
        self.carrier, self.block, self.failed = carrier, block, failed
        self.verifies = phase == Phase.VERIFY
        targets = carrier.setting.run.targets if block.each else [""]
        self.lanes = [Lane(carrier, block.steps, one, phase) for one in targets if one not in failed]
        # After a crash those that have begun come first, in whatever order they were taken.
        self.lanes.sort(key=lambda lane: not lane.begun)
        self.running: dict[asyncio.Task[Stuck | None], Lane] = {}
        self.begun = self.ended = 0
        self.stuck: list[Stuck] = []
        self.closed: Rest | None = None

    async def go(self) -> Rest | None:
        """Every target through the steps, in waves. Nothing when the run goes on behind them."""
        try:
            self._begin(sum(1 for lane in self.lanes if lane.begun))
            while True:
                await self._admit()
                if not self.running:
                    return self._rest()
                over, _ = await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
                for task in over:
                    self._ended(task)
        except BaseException:
            await self._cancelled()
            raise

    async def _admit(self) -> None:
        """Let more targets begin, as far as the ramp, the failures and the calendar allow."""
        book = self.carrier.setting.book
        may = domain.admit(
            len(self.lanes),
            self.begun,
            self.ended,
            0 if self.verifies else len(self.failed),
            parallel=min(book.parallel, current().runbook_parallel),
            ramp=book.ramp and self.block.each and not self.verifies,
            max_errors=book.max_errors if self.block.each else 0,
        )
        if may.count and self.closed is None:
            self.closed = await self.carrier.gate()
            if self.closed is None:
                self._begin(may.count)

    def _begin(self, count: int) -> None:
        for lane in self.lanes[self.begun : self.begun + count]:
            self.running[asyncio.ensure_future(lane.run())] = lane
        self.begun += count

    def _ended(self, task: "asyncio.Task[Stuck | None]") -> None:
        lane = self.running.pop(task)
        stuck = task.result()
        if stuck is not None:
            self.stuck.append(stuck)
            return
        self.ended += 1
        if lane.failed:
            self.failed.add(lane.target)

    async def _cancelled(self) -> None:
        """End the lanes; each writes down what became of its step."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)

    def _rest(self) -> Rest | None:
        """What is left: something to wait for, too many failures, or nothing."""
        waits = [one for one in self.stuck if one.until is not None]
        if waits:
            first = min(waits, key=lambda one: one.until or one.until)  # type: ignore[arg-type,return-value]
            return Rest(Run.State.WAITING, first.reason, first.until)
        if self.stuck:
            return Rest(Run.State.PERSON, self.stuck[0].reason)
        bad = next((lane for lane in self.lanes if lane.failed), None)
        if bad is not None and self.verifies:
            return Rest(Run.State.FAILED, f"the verification does not hold: {bad.reason}")
        if bad is not None and len(self.failed) > (self.carrier.setting.book.max_errors if self.block.each else 0):
            left = len(self.lanes) - self.begun
            return Rest(Run.State.FAILED, bad.reason + (f"; {left} targets were not begun" if left else ""))
        return self.closed
