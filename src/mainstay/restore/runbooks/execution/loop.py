"""Runs in the worker: taken up when they may go on, a thread each, stopped when people stop them, settled when dead."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from mainstay.core import clock, ids, secrets
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.restore import review
from mainstay.restore.hands import Hands, Paced
from mainstay.restore.runbooks import domain, facts, hosts, trial, trials
from mainstay.restore.runbooks.book import lint
from mainstay.restore.runbooks.execution import guards
from mainstay.restore.runbooks.execution.carrier import Carrier
from mainstay.restore.runbooks.execution.ledger import LEASE, Cell, Ledger
from mainstay.restore.runbooks.execution.masking import SHORTEST
from mainstay.restore.runbooks.execution.rest import Rest
from mainstay.restore.runbooks.execution.setting import Setting, threads
from mainstay.restore.runbooks.models import Run, StepRun
from mainstay.restore.told import tell_change

State = Run.State
# How long a run whose targets are held by another leaves them alone.
_HELD_AGAIN = timedelta(seconds=5)
_LIVE_STEPS = (StepRun.State.UNKNOWN, StepRun.State.PERSON)


@dataclass
class Taken:
    """A run that this process works on, and how it is stopped from another thread."""

    pk: int
    holder: str
    carrier: Carrier | None = None
    loop: asyncio.AbstractEventLoop | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Kill what runs."""
        self.stopped.set()
        if self.loop is not None and self.carrier is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.carrier.stop)

    def drain(self) -> None:
        """Begin nothing more."""
        if self.loop is not None and self.carrier is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.carrier.drain)


class Runs:
    """The loop."""

    def __init__(self) -> None:
        self.hands: Hands[Taken] = Hands("run", claim, carry)
        self.trials: Hands[trials.Taken] = Hands("dry run", trials.claim, trials.carry)
        self._look_for_the_dead = Paced(reconcile_due)
        self._ends = False

    def run_due(self) -> int:
        """One round. Returns how many runs were taken up."""
        busy = self.hands.busy()
        self.trials.busy()
        if busy:
            for pk in Run.objects.filter(pk__in=busy, asked="stop").values_list("pk", flat=True):
                busy[pk].stop()
        self._look_for_the_dead()
        if self._ends:
            return 0
        self.trials.take_up(current().runbook_workers)
        return self.hands.take_up(current().runbook_workers)

    def drain(self, seconds: float) -> None:
        """The worker ends: let steps that run end for as long, and leave the rest to the next worker."""
        self._ends = True
        for taken in self.hands.busy().values():
            taken.drain()
        deadline = time.monotonic() + seconds
        self.hands.join(seconds)
        self.trials.join(deadline - time.monotonic())


def claim() -> Taken | None:
    """Take one run that may go on. Exactly one worker gets it."""
    now = clock.now()
    due = Run.objects.filter(state=State.WAITING, look_at__lte=now)
    for pk in due.order_by("look_at").values_list("pk", flat=True):
        run = Taken(int(pk), ids.new_id())
        if due.filter(pk=pk).update(state=State.RUNNING, holder=run.holder, lease_until=now + LEASE) == 1:
            return run
    return None


def carry(taken: Taken) -> None:
    """Work on a claimed run until it is through, waits, or is stopped."""
    run = Run.objects.select_related("version__book", "started_by", "requested_by").get(pk=taken.pk)
    rest = _prepared(run)
    if isinstance(rest, Setting):
        rest = asyncio.run(_work(taken, run, rest))
    hand_back(run, taken.holder, rest)


def _prepared(run: Run) -> Setting | Rest:
    """Everything that the steps need, or why they cannot run."""
    try:
        book = facts.book_of(run.version.text)
    except ValueError as error:
        return Rest(State.FAILED, str(error))
    if not run.emergency:
        # It was started in time; what it is must still be what was approved.
        step = review.may_carry_out(run, facts.hash_of(run), begun=True)
        if domain.needs_approval(book) and not step.allowed:
            return Rest(State.FAILED, step.reason)
    machines = hosts.machines(run.targets)
    gone = [key for key in run.targets if key not in machines]
    if gone:
        return Rest(State.FAILED, f"the host {gone[0]} is not known any more, or not the way to it")
    known: dict[str, str] = {}
    for name in trial.secret_names(book, run.inputs):
        try:
            known[name] = secrets.get(name)
        except secrets.SecretError as error:
            return Rest(State.FAILED, str(error))
        if len(known[name]) < SHORTEST:
            return Rest(State.FAILED, f"the secret {name} is too short to be hidden in output; take a longer one")
    held = guards.take_targets(run, list(machines.values()), clock.now() + LEASE)
    if held:
        return Rest(State.WAITING, held, clock.now() + _HELD_AGAIN)
    answers = {
        name: run.steps.filter(step=ident).values_list("answer", flat=True).first() or ""
        for name, ident in lint.answers(book).items()
    }
    return Setting(run, book, machines, {**run.inputs, **answers}, known, threads())


async def _work(taken: Taken, run: Run, setting: Setting) -> Rest:
    ledger = Ledger(run.pk, taken.holder)
    cells = await ledger.call(lambda: [Cell.of(row) for row in run.steps.all()])
    carrier = Carrier(setting, ledger, cells)
    taken.loop, taken.carrier = asyncio.get_running_loop(), carrier
    if taken.stopped.is_set():
        return Rest(State.STOPPED, "")
    try:
        return await carrier.carry()
    finally:
        await ledger.close()
        setting.threads.shutdown(wait=False, cancel_futures=True)


def hand_back(run: Run, holder: str, rest: Rest) -> None:
    """Leave a run as it is to go on: done, failed, stopped, or waiting for a time or a person."""
    now = clock.now()
    with transaction.atomic():
        held = Run.objects.select_for_update().filter(pk=run.pk, holder=holder, state=State.RUNNING)
        found = held.values("asked", "state_reason").first()
        if found is None:
            return
        state, reason, look_at = rest.state, rest.reason, rest.look_at
        if found["asked"] == "stop" and state not in {State.DONE, State.FAILED}:
            state, reason, look_at = State.STOPPED, found["state_reason"], None
        elif state == State.PERSON and not run.steps.filter(state__in=_LIVE_STEPS).exists():
            # Somebody has answered while other targets were still at work.
            state, look_at = State.WAITING, now
        ended = state in {State.DONE, State.FAILED, State.STOPPED}
        held.update(
            state=state,
            state_reason=reason[:2000],
            holder="",
            asked="",
            lease_until=None,
            look_at=look_at if state == State.WAITING else None,
            finished_at=now if ended else None,
        )
        if ended:
            guards.release_targets(run)
            _tell_change(run, state)
        else:
            until = look_at + LEASE if look_at else now + timedelta(seconds=facts.book_of(run.version.text).timeout)
            guards.keep_targets(run, until)
        # A run that waits looks again and again; its trail says so once.
        if state == State.WAITING and run.state_reason == reason:
            return
        _tell(run, state, reason)


def _tell_change(run: Run, state: str) -> None:
    """A run that may have changed something, however it ended. One that only looks has not."""
    if facts.book_of(run.version.text).changes and run.started_at is not None:
        what = f"{run.title}, {State(state).label.lower()}"
        tell_change(run, "runbook", what, by=run.automatic or run.requested_name, at=run.started_at)


def _tell(run: Run, state: str, reason: str) -> None:
    said = State(state).label.lower() + (f": {reason}" if reason else "")
    review.note(SYSTEM, run, str(state), said, reason=reason[:500])
    run.state = state
    if state in {State.DONE, State.FAILED, State.PERSON}:
        for person in {one.pk: one for one in (run.requested_by, run.started_by) if one is not None}.values():
            review.tell(person, run, f"{run} ({run.title}) is {said}")


def reconcile_due() -> int:
    """Take runs away from workers that died. Returns how many there were."""
    due = Run.objects.filter(state=State.RUNNING, lease_until__lte=clock.now())
    found = list(due.values_list("pk", flat=True))
    for pk in found:
        with transaction.atomic():
            # A worker that is only slow writes nothing more down once its name is gone.
            if due.filter(pk=pk).update(state=State.WAITING, holder="", lease_until=None, look_at=clock.now()) != 1:
                continue
            run = Run.objects.select_related("version__book").get(pk=pk)
            _unknown(run)
            if run.asked == "stop":
                Run.objects.filter(pk=pk).update(state=State.STOPPED, asked="", look_at=None, finished_at=clock.now())
                guards.release_targets(run)
            review.note(SYSTEM, run, "reconcile", "is taken up again: its worker had stopped")
    return len(found)


def _unknown(run: Run) -> None:
    """What ran when the worker died is of unknown outcome; what only looks or waits may do so again."""
    book = facts.book_of(run.version.text)
    harmless = {one.id for one in book.steps if one.harmless}
    running = run.steps.filter(state=StepRun.State.RUNNING)
    running.filter(step__in=harmless).update(state=StepRun.State.WAITING, outcome="its worker stopped: it looks again")
    running.filter(~Q(step__in=harmless)).update(state=StepRun.State.UNKNOWN, outcome="its worker stopped while it ran")
