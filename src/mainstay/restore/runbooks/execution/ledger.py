"""Writing down what a run does: one thread, one transaction for all that has come together meanwhile.

A step begins only after its *running* is committed, and on the condition that this worker still holds the run and that
nobody has stopped it. With a hundred targets at once a hundred beginnings share one commit, as letters share a postman.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError, connections, transaction
from django.db.models import F

from mainstay.core import clock, feed
from mainstay.restore.runbooks.execution.output import Piece
from mainstay.restore.runbooks.execution.setting import Outcome
from mainstay.restore.runbooks.models import Chunk, Run, StepRun, TargetLease

LEASE = timedelta(seconds=60)
# Open screens look at most this often, seconds.
_TELL_EVERY = 0.5
T = TypeVar("T")
State = StepRun.State


class TakenAwayError(Exception):
    """The run was stopped by a person, or another worker has it: nothing new may begin."""


@dataclass
class Cell:
    """A step on a target as this worker knows it."""

    pk: int
    phase: str
    step: str
    target: str
    state: str
    attempt: int
    outcome: str = ""
    answer: str = ""
    until: datetime | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    began_at: datetime | None = None
    pieces: int = 0

    @classmethod
    def of(cls, row: StepRun) -> "Cell":
        """From its row."""
        return cls(
            row.pk,
            row.phase,
            row.step,
            row.target,
            row.state,
            row.attempt,
            row.outcome,
            row.answer,
            row.until,
            dict(row.detail),
            row.began_at,
        )


@dataclass
class _Batch:
    begins: list[tuple[Cell, "asyncio.Future[bool]"]] = field(default_factory=list)
    ends: list[tuple[Cell, Outcome, int, "asyncio.Future[bool]"]] = field(default_factory=list)
    pieces: list[tuple[Cell, Piece]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.begins or self.ends or self.pieces)


class Ledger:
    """What one run writes down. Its methods are called in the loop of the run."""

    def __init__(self, run: int, holder: str) -> None:
        self.run, self.holder = run, holder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"ledger {run}")
        self._batch = _Batch()
        self._work: asyncio.Task[None] | None = None
        self._told = 0.0
        # Whether something was written since screens were told.
        self.untold = False

    async def begin(self, cell: Cell) -> None:
        """Write down that a step runs, before it does. Raises ``TakenAwayError``."""
        done = asyncio.get_running_loop().create_future()
        self._batch.begins.append((cell, done))
        self._go()
        if not await done:
            raise TakenAwayError
        cell.state, cell.attempt, cell.pieces = State.RUNNING, cell.attempt + 1, 0

    async def end(self, cell: Cell, outcome: Outcome, pieces: Sequence[Piece] = (), size: int = 0) -> None:
        """Write down what became of a step, with the last of its output."""
        done = asyncio.get_running_loop().create_future()
        self._batch.pieces += [(cell, piece) for piece in pieces]
        self._batch.ends.append((cell, outcome, size, done))
        self._go()
        await done
        cell.state, cell.outcome, cell.until = outcome.state, outcome.text, outcome.until
        cell.detail = dict(outcome.detail)

    def write(self, cell: Cell, pieces: Sequence[Piece]) -> None:
        """Write down what a step has said, without waiting for it."""
        self._batch.pieces += [(cell, piece) for piece in pieces]
        if pieces:
            self._go()

    async def call(self, what: Callable[[], T]) -> T:
        """Do something else with the database, in turn with what is written down."""

        def work() -> T:
            try:
                return what()
            except DatabaseError:
                # One that broke would fail for ever; the next call opens a new one.
                connections.close_all()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Write the rest down and let the thread go."""
        while self._work is not None:
            await self._work
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=False)

    def _go(self) -> None:
        if self._work is None:
            self._work = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        """Commit all that is there, again and again until there is nothing."""
        try:
            while self._batch:
                batch, self._batch = self._batch, _Batch()
                commit = asyncio.ensure_future(self.call(partial(self._commit, batch)))
                await asyncio.wait([commit])
                error = commit.exception()
                begun = set() if error else commit.result()
                for cell, future in batch.begins:
                    _answer(future, error, good=cell.pk in begun)
                for *_, future in batch.ends:
                    _answer(future, error, good=True)
        finally:
            self._work = None

    def _commit(self, batch: _Batch) -> set[int]:
        """One transaction. Returns the steps that may begin."""
        now = clock.now()
        with transaction.atomic():
            held = Run.objects.filter(pk=self.run, holder=self.holder, state=Run.State.RUNNING)
            mine = held.update(lease_until=now + LEASE) == 1
            begun: set[int] = set()
            if batch.begins and mine and not held.filter(asked="stop").exists():
                begun = _begin([cell.pk for cell, _ in batch.begins], now)
            _end([(cell, outcome, size) for cell, outcome, size, _ in batch.ends], now)
            chunks = []
            for cell, piece in batch.pieces:
                cell.pieces += 1
                chunks.append(
                    Chunk(
                        step_run_id=cell.pk,
                        attempt=cell.attempt,
                        number=cell.pieces,
                        stream=piece.stream,
                        text=piece.text,
                        at=now,
                    )
                )
            Chunk.objects.bulk_create(chunks, batch_size=500)
            self._tell()
        return begun

    def _tell(self) -> None:
        """Tell open screens, or remember that they are to be told a moment later."""
        self.untold = time.monotonic() - self._told <= _TELL_EVERY
        if not self.untold:
            self._told = time.monotonic()
            feed.tell("run.output", self.run)

    def tell(self) -> None:
        """Tell open screens what they have not been told."""
        with transaction.atomic():
            self._tell()

    def beat(self) -> bool:
        """Keep the run and its targets. Whether it is still ours and nobody has stopped it."""
        now = clock.now()
        with transaction.atomic():
            held = Run.objects.filter(pk=self.run, holder=self.holder, state=Run.State.RUNNING)
            if held.update(lease_until=now + LEASE) != 1:
                return False
            TargetLease.objects.filter(run=self.run).update(until=now + LEASE)
        return not held.filter(asked="stop").exists()


def _answer(future: "asyncio.Future[bool]", error: BaseException | None, *, good: bool) -> None:
    """Tell whoever waits, unless nobody does any more."""
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(good)


def _begin(steps: list[int], now: datetime) -> set[int]:
    found = StepRun.objects.select_for_update().filter(pk__in=steps, state=State.WAITING)
    begun = set(found.values_list("pk", flat=True))
    StepRun.objects.filter(pk__in=begun).update(
        state=State.RUNNING, attempt=F("attempt") + 1, began_at=now, ended_at=None, outcome="", exit_code=None, by=""
    )
    return begun


def _end(ended: Sequence[tuple[Cell, Outcome, int]], now: datetime) -> None:
    """What became of steps; those that ended alike in one statement."""
    alike: dict[str, list[tuple[Cell, Outcome, int]]] = {}
    for cell, outcome, size in ended:
        alike.setdefault(repr((cell.attempt, outcome, size)), []).append((cell, outcome, size))
    for group in alike.values():
        first, outcome, size = group[0]
        over = outcome.state not in {State.WAITING, State.PERSON, State.UNKNOWN}
        steps = StepRun.objects.filter(pk__in=[cell.pk for cell, _, _ in group], attempt=first.attempt)
        steps.exclude(state__in=(State.DONE, State.SKIPPED)).update(
            state=outcome.state,
            outcome=outcome.text[:2000],
            exit_code=outcome.exit_code,
            until=outcome.until,
            detail=dict(outcome.detail),
            ended_at=now if over else None,
            output_bytes=size,
        )
