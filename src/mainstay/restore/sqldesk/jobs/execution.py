"""Jobs in the worker: batch after batch while the gate is open and the database has room, whatever is killed meanwhile.

The order for a batch, so that after a crash it is known or can be found out what became of it:

1. The transaction selects, archives and deletes, and does not commit. A file is on disk and was read back.
2. The batch is written down here as *committing*, with all of its keys and the number by which the server knows it,
   on the condition that this worker still holds the job.
3. It commits.
4. The batch is *done*, its keys are forgotten, and the job goes on behind its last key.

A crash before 2 leaves the database as it was. A crash after 2 is settled by asking the server what became of the
transaction, else by looking for the keys: all there or none. Anything else is for a person.
"""

import itertools
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import cramjam
import orjson
from django.db import transaction

from mainstay.catalog.calendar import gate
from mainstay.core import clock, ids
from mainstay.core.access import SYSTEM, Actor, of_person
from mainstay.core.settings import current
from mainstay.restore import review
from mainstay.restore.hands import Hands, Paced
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.domain.images import dump, restored_rows
from mainstay.restore.sqldesk.domain.statement import StatementError
from mainstay.restore.sqldesk.engines.base import DeskError, RefusedError, UnreachableError
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.jobs import facts, files, pressure
from mainstay.restore.sqldesk.jobs.batch import CountError, Done, carry_out
from mainstay.restore.sqldesk.jobs.plan import Key, Plan, existing, plan_of
from mainstay.restore.sqldesk.models import Job, JobBatch

log = logging.getLogger(__name__)
State = Job.State
LEASE = timedelta(seconds=60)
# How long a job that waits for the gate or for room sleeps before it looks again, seconds.
LOOK_AGAIN = 10.0
GATE_EVERY = 2.0
SMALLEST = 50
TRIES = 5


class InterruptedJobError(Exception):
    """A person or another worker has taken the job away; the batch that runs is rolled back."""


@dataclass
class Run:
    """One run of a job in this process: what other threads need to stop it."""

    pk: int
    holder: str
    session: Session | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def may_go_on(self) -> None:
        """Raise ``InterruptedJobError`` once somebody has hit the panic stop."""
        if self.stop.is_set():
            raise InterruptedJobError


class Jobs:
    """The loop: takes up jobs that may run, a thread for each, stops those that people stop, settles dead ones."""

    def __init__(self) -> None:
        self._hands: Hands[Run] = Hands("job", claim, carry)
        self._look_for_the_dead = Paced(reconcile_due)

    def run_due(self) -> int:
        """One round. Returns how many jobs were taken up."""
        busy = self._hands.busy()
        if busy:
            self._obey(busy)
        self._look_for_the_dead()
        return self._hands.take_up(current().sql_job_workers)

    def _obey(self, busy: dict[int, Run]) -> None:
        """Stop at once what somebody has stopped, also in the middle of a statement."""
        for pk in Job.objects.filter(pk__in=busy, asked="stop").values_list("pk", flat=True):
            run = busy[pk]
            run.stop.set()
            session = run.session
            if session is not None:
                try:
                    session.cancel()
                except Exception:
                    log.exception("the statement of job %s could not be cancelled; it ends by its timeout", pk)


def claim() -> Run | None:
    """Take one job that may run. Exactly one worker gets it."""
    now = clock.now()
    for pk in (
        Job.objects.filter(state=State.WAITING, look_at__lte=now).order_by("look_at").values_list("pk", flat=True)
    ):
        run = Run(int(pk), ids.new_id())
        taken = Job.objects.filter(pk=pk, state=State.WAITING, look_at__lte=now)
        if taken.update(state=State.RUNNING, holder=run.holder, lease_until=now + LEASE) == 1:
            return run
    return None


def carry(run: Run) -> None:
    """Work a claimed job off until it is done, has to wait, is stopped or fails."""
    job = Job.objects.select_related("connection", "requested_by", "started_by").get(pk=run.pk)
    try:
        _work(job, run)
    except InterruptedJobError:
        _rest(job, run, State.PAUSED, "stopped by a person")
    except UnreachableError as error:
        if job.batches.filter(state=JobBatch.State.COMMITTING).exists():
            Job.objects.filter(pk=job.pk, holder=run.holder).update(lease_until=clock.now())
            log.warning("%s: the connection broke at its commit: %s", job, error)
        else:
            _rest(job, run, State.WAITING, f"the database does not answer: {error}")
    except (StatementError, CountError, files.ArchiveError, DeskError, OSError, ValueError) as error:
        if run.stop.is_set():
            _rest(job, run, State.PAUSED, "stopped by a person")
        else:
            _rest(job, run, State.FAILED, str(error))


def _work(job: Job, run: Run) -> None:
    with connections.open_session(job.connection, reading=False, raw=True) as session:
        run.session = session
        try:
            plan = _plan(session, job)
            gate_at, asked = 0.0, False
            while True:
                if time.monotonic() >= gate_at:
                    gate_at = time.monotonic() + GATE_EVERY
                    reason = _hindrance(session, job, first=not asked)
                    asked = True
                    if reason:
                        _rest(job, run, State.WAITING, reason)
                        return
                if not _obeyed(job, run):
                    return
                began = time.monotonic()
                if not _one(session, job, run, plan):
                    _rest(job, run, State.DONE, "")
                    return
                run.stop.wait((time.monotonic() - began) * job.rest_percent / 100)
        finally:
            run.session = None


def _plan(session: Session, job: Job) -> Plan:
    """The plan, if it is still what was approved and the tables are what they were."""
    # It was started in time; it may wait for its window longer than the approval would let it be started.
    step = review.may_carry_out(job, facts.hash_of(job), begun=True)
    if not step.allowed:
        raise StatementError(step.reason)
    plan = plan_of(session, job.table, job.condition, job.parameters, job.destination)
    if plan.fingerprint != job.fingerprint:
        raise StatementError("the tables are not what they were at the dry run: make a new one, and have it approved")
    return plan


def _hindrance(session: Session, job: Job, *, first: bool) -> str:
    """Why the next batch must wait, or nothing. The gate is asked, then the database how busy it is."""
    actor: Actor = of_person(job.started_by) if job.started_by is not None else SYSTEM
    answer = gate.may_change(
        actor,
        job.service_keys(),
        clock.now(),
        kind="job",
        emergency=job.emergency or None,
        in_window=job.in_windows,
    )
    if not answer.allowed:
        return answer.reason
    if first:
        gate.record(actor, answer, kind="job", services=job.service_keys(), target=str(job))
    return pressure.too_much(job, pressure.measure(session, job))


def _obeyed(job: Job, run: Run) -> bool:
    """Whether the job goes on; it hands itself back when somebody has paused or stopped it."""
    run.may_go_on()
    asked = Job.objects.filter(pk=job.pk, holder=run.holder).values_list("asked", flat=True).first()
    if asked is None:
        raise InterruptedJobError
    if asked:
        _rest(job, run, State.PAUSED, "stopped by a person" if asked == "stop" else "paused by a person")
        return False
    return True


def _one(session: Session, job: Job, run: Run, plan: Plan) -> bool:
    """One batch, tried again smaller when others were at the same rows. Returns whether there was a row left."""
    for attempt in range(TRIES):
        size = max(min(job.size_now or SMALLEST * 10, job.batch_rows) >> attempt, 1)
        number = (job.batches.order_by("-number").values_list("number", flat=True).first() or 0) + 1
        file = files.folder(job.pk) / f"part-{number:06}.parquet" if job.action == Job.Action.ARCHIVE else None
        began, at = time.monotonic(), clock.now()
        session.engine.begin_write(session)
        try:
            after = _key(job.last_key)
            done = carry_out(session, plan, after, size, file=file, may_go_on=run.may_go_on)
            if done is None:
                session.rollback()
                return False
            batch = _committing(session, job, run, number, done, at)
        except (RefusedError, CountError) as error:
            session.rollback()
            _forget(file)
            if run.stop.is_set() or attempt == TRIES - 1:
                raise
            log.info("%s: batch %d is tried again: %s", job, number, error)
            run.stop.wait(0.05 * 2**attempt)
            continue
        except BaseException:
            session.rollback()
            _forget(file)
            raise
        _commit(session, job, batch)
        _done(job, batch, time.monotonic() - began, size)
        return True
    return False


def _commit(session: Session, job: Job, batch: JobBatch) -> None:
    """Commit. What the server answers with an error is looked into at once, for it may stand."""
    try:
        session.commit()
    except RefusedError as error:
        became, _ = what_became_of(job, batch)
        if became == "aborted":
            settle_batch(job, batch, committed=False)
            raise
        if became != "committed":
            raise UnreachableError(str(error)) from error


def _forget(file: Path | None) -> None:
    if file is not None:
        file.unlink(missing_ok=True)


def _key(stored: Any) -> Key | None:
    return restored_rows([stored])[0] if stored is not None else None


def _stored(key: Key) -> Any:
    return orjson.loads(dump(list(key)))


def _packed(keys: Sequence[Key]) -> bytes:
    """Keys as JSON. Those of texts and whole numbers, which is nearly all, need no looking at each."""
    plain = set(map(type, itertools.chain.from_iterable(keys))) <= {str, int}
    return orjson.dumps(keys) if plain else dump(keys)


def _committing(session: Session, job: Job, run: Run, number: int, done: Done, at: Any) -> JobBatch:
    """Write the intent down, unless another worker has the job by now."""
    with transaction.atomic():
        held = Job.objects.filter(pk=job.pk, holder=run.holder, state=State.RUNNING)
        if held.update(lease_until=clock.now() + LEASE + timedelta(seconds=job.connection.statement_timeout)) != 1:
            raise InterruptedJobError
        written = done.written
        return JobBatch.objects.create(
            job=job,
            number=number,
            rows=done.rows,
            first_key=_stored(done.keys[0]),
            last_key=_stored(done.keys[-1]),
            keys=bytes(cramjam.zstd.compress(_packed(done.keys), level=1)),
            session=session.engine.ident(session),
            file=str(written.path) if written else "",
            bytes=written.bytes if written else None,
            checksum=written.checksum if written else "",
            started_at=at,
        )


def _done(job: Job, batch: JobBatch, seconds: float | None, size: int = 0) -> None:
    """Count a committed batch, and find the size of the next by how long this one took."""
    with transaction.atomic():
        batch.state, batch.keys, batch.finished_at = JobBatch.State.DONE, None, clock.now()
        batch.milliseconds = round(seconds * 1000) if seconds is not None else None
        batch.save(update_fields=["state", "keys", "finished_at", "milliseconds"])
        job.rows_done += batch.rows
        job.last_key = batch.last_key
        if seconds is not None:
            job.size_now = next_size(size, seconds * 1000, job.batch_ms, job.batch_rows)
        job.save(update_fields=["rows_done", "last_key", "size_now"])


def next_size(size: int, took_ms: float, aim_ms: float, most: int) -> int:
    """Rows of the next batch: as many as would have taken the time aimed at, but no more than twice or half as many."""
    wanted = size * aim_ms / max(took_ms, 1.0)
    return int(min(max(wanted, size / 2, SMALLEST), size * 2, most))


def _rest(job: Job, run: Run, state: str, reason: str) -> None:
    """Hand the job back: done, waiting, paused or failed, with the reason."""
    with transaction.atomic():
        changed = Job.objects.filter(pk=job.pk, holder=run.holder, state=State.RUNNING).update(
            state=state,
            state_reason=reason,
            holder="",
            asked="",
            lease_until=None,
            look_at=clock.now() + timedelta(seconds=LOOK_AGAIN) if state == State.WAITING else None,
            finished_at=clock.now() if state in {State.DONE, State.FAILED} else None,
        )
        # A job that waits looks again and again; its trail says so once.
        if not changed or (state == State.WAITING and job.state_reason == reason):
            return
        sentence = (
            f"is done: {job.rows_done:,} rows" if state == State.DONE else f"{State(state).label.lower()}: {reason}"
        )
        review.note(SYSTEM, job, str(state), sentence, rows=job.rows_done, reason=reason[:500])
        if state in {State.DONE, State.FAILED}:
            review.tell(job.requested_by, job, f"{job} {sentence}")


def reconcile_due() -> int:
    """Settle jobs whose worker died. Returns how many were looked at."""
    due = list(Job.objects.filter(state=State.RUNNING, lease_until__lte=clock.now()).values_list("pk", flat=True))
    for pk in due:
        reconcile(pk)
    return len(due)


def reconcile(pk: int) -> None:
    """Find out what became of the batch that was being committed, and let the job go on from there."""
    job = Job.objects.select_related("connection").get(pk=pk)
    # A worker that is only slow must not commit any more once somebody looks.
    Job.objects.filter(pk=pk, state=State.RUNNING).update(holder="")
    batch = job.batches.filter(state=JobBatch.State.COMMITTING).first()
    if batch is not None:
        became, why = what_became_of(job, batch)
        if became == "running":
            return
        if became == "unknown":
            _to(job, State.UNKNOWN, f"needs a person: {why}")
            return
        settle_batch(job, batch, committed=became == "committed")
    _to(job, State.WAITING, "is taken up again: its worker had stopped")


def settle_batch(job: Job, batch: JobBatch, *, committed: bool) -> None:
    """Count a batch, or forget it with its file."""
    if committed:
        _done(job, batch, None)
    else:
        _forget(Path(batch.file) if batch.file else None)
        batch.delete()


def _to(job: Job, state: str, sentence: str) -> None:
    with transaction.atomic():
        found = Job.objects.filter(pk=job.pk, state=State.RUNNING)
        if found.update(state=state, state_reason=sentence, lease_until=None, look_at=clock.now()) == 1:
            review.note(SYSTEM, job, str(state), sentence, rows=job.rows_done)


def what_became_of(job: Job, batch: JobBatch) -> tuple[str, str]:
    """``committed``, ``aborted``, ``running`` (look again later) or ``unknown`` (a person must say), and why."""
    try:
        with connections.open_session(job.connection, reading=False, raw=True) as session:
            told = session.engine.outcome(session, batch.session)
            if told != "unknown":
                return told, f"the server says that its transaction is {told}"
            return _by_keys(session, job, batch)
    except (RefusedError, StatementError) as error:
        return "unknown", f"its rows cannot be looked at: {error}"
    except DeskError as error:
        return "running", f"the database does not answer: {error}"


def _by_keys(session: Session, job: Job, batch: JobBatch) -> tuple[str, str]:
    """A transaction is whole: its rows are all there or all gone, and where they were moved to the reverse."""
    plan = plan_of(session, job.table, job.condition, job.parameters, job.destination)
    keys = unpacked(batch)
    here = existing(session, plan.source, plan.key, keys)
    there = existing(session, plan.destination, plan.key, keys) if plan.destination is not None else None
    if here == len(keys) and not there:
        return "aborted", f"all {here:,} rows are still there"
    if not here and there in {None, len(keys)}:
        return "committed", f"none of its {len(keys):,} rows is there any more"
    moved = f", {there:,} where they were moved to" if there is not None else ""
    return "unknown", f"of its {len(keys):,} rows {here:,} are there{moved}: look at them"


def unpacked(batch: JobBatch) -> Sequence[Key]:
    """The keys of a batch whose outcome is not known."""
    return restored_rows(orjson.loads(bytes(cramjam.zstd.decompress(bytes(batch.keys or b"")))))
