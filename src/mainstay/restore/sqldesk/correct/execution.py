"""Carrying corrections out in the worker, each batch a transaction with its own proof, whatever is killed meanwhile.

The order for a batch, so that after a crash it is known or can be found out what became of it:

1. The transaction does everything but commit.
2. Its images, and the number by which the server knows it, are on disk here, with the batch *committing*.
3. It commits.
4. The batch is *done*.

A crash before 2 leaves the database as it was, since its server rolls back. A crash after 2 is settled by asking the
server what became of the transaction (PostgreSQL remembers), else by looking at the rows, else by a person.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import close_old_connections, connection, transaction

from mainstay.catalog.calendar import gate
from mainstay.core import clock
from mainstay.core.access import SYSTEM, Actor, of_person
from mainstay.core.settings import current
from mainstay.restore import review
from mainstay.restore.hands import Paced
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.correct import facts
from mainstay.restore.sqldesk.correct.apply import MismatchError
from mainstay.restore.sqldesk.correct.carrying import Carried, Work, carry_out, keys_of, require_checks
from mainstay.restore.sqldesk.correct.reconcile import what_became_of
from mainstay.restore.sqldesk.correct.services import begun
from mainstay.restore.sqldesk.domain.statement import StatementError
from mainstay.restore.sqldesk.engines.base import DeskError, UnreachableError
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.models import Batch, Correction
from mainstay.restore.told import tell_change

log = logging.getLogger(__name__)
State = Correction.State


class LeaseLostError(Exception):
    """Another worker has taken the correction over, so this one must not commit."""


class Corrections:
    """The loop: takes up corrections that were started, a thread for each, and settles those of workers that died."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(current().sql_workers, thread_name_prefix="correction")
        self._running: dict[int, Future[None]] = {}
        self._look_for_the_dead = Paced(reconcile_due)

    def run_due(self) -> int:
        """Take up what waits. Returns how many were taken."""
        self._running = {pk: future for pk, future in self._running.items() if not future.done()}
        self._look_for_the_dead()
        taken = 0
        while len(self._running) < current().sql_workers and (pk := claim()) is not None:
            self._running[pk] = self._pool.submit(self._carry, pk)
            taken += 1
        return taken

    def _carry(self, pk: int) -> None:
        close_old_connections()
        try:
            carry(pk)
        except Exception:
            # The lease runs out, and what became of it is looked into.
            log.exception("correction %s broke off", pk)
        finally:
            connection.close()


def claim() -> int | None:
    """Take one correction that waits. Exactly one worker gets it."""
    for pk in Correction.objects.filter(state=State.QUEUED).order_by("pk").values_list("pk", flat=True):
        lease = clock.now() + timedelta(seconds=60)
        if Correction.objects.filter(pk=pk, state=State.QUEUED).update(state=State.RUNNING, lease_until=lease) == 1:
            return int(pk)
    return None


def carry(pk: int) -> None:
    """Carry out a claimed correction: all of its batches, or up to the first that fails."""
    correction = Correction.objects.select_related("connection", "undoes__connection").get(pk=pk)
    step = review.may_carry_out(correction, facts.hash_of(correction), begun=begun(correction))
    if not step.allowed:
        _end(correction, step.reason)
        return
    try:
        work = facts.work(correction)
        for batch in _batches(correction, work):
            reason = _stop_before(correction)
            if reason:
                _pause(correction, reason)
                return
            carry_batch(correction, work, batch)
    except LeaseLostError:
        log.warning("%s was taken over by another worker", correction)
    except (StatementError, MismatchError, DeskError, ValueError) as error:
        if correction.batches.filter(state=Batch.State.COMMITTING).exists():
            # The connection broke around the commit: what became of it is looked into, never guessed.
            Correction.objects.filter(pk=pk).update(lease_until=clock.now())
            log.warning("%s: the connection broke at its commit: %s", correction, error)
            return
        _end(correction, str(error))
    else:
        _end(correction, "")


def _batches(correction: Correction, work: Work) -> Sequence[Batch]:
    """The batches that are left to do, planned when it is first taken up."""
    if not correction.batches.exists():
        keys = None
        if correction.batch_rows:
            with connections.open_session(correction.connection, reading=False, raw=True) as session:
                keys = keys_of(session, work)
            if len(keys) != correction.expected_rows:
                raise MismatchError(f"it matches {len(keys):,} rows, and {correction.expected_rows:,} are expected")
        size = correction.batch_rows or 1
        parts = [None] if keys is None else [keys[start : start + size] for start in range(0, len(keys), size)]
        Batch.objects.bulk_create(
            Batch(correction=correction, number=number, keys=part) for number, part in enumerate(parts, 1)
        )
    correction.batches.filter(state=Batch.State.FAILED).update(state=Batch.State.PLANNED)
    return list(correction.batches.filter(state=Batch.State.PLANNED))


def _stop_before(correction: Correction) -> str:
    """Why the next batch is not begun, or nothing."""
    if Correction.objects.filter(pk=correction.pk, pause_asked=True).exists():
        return "paused by a person"
    person = correction.started_by
    actor: Actor = of_person(person) if person is not None else SYSTEM
    emergency = correction.emergency or None
    answer = gate.may_change(actor, correction.service_keys(), clock.now(), kind="correction", emergency=emergency)
    return "" if answer.allowed else f"the gate has closed: {answer.reason}"


def _lease(correction: Correction) -> datetime:
    """Hold it for as long as a batch can take at most."""
    statements = len(correction.statements) + len(correction.checks_before) + len(correction.checks_after) + 6
    until = clock.now() + timedelta(seconds=60 + statements * correction.connection.statement_timeout)
    held = Correction.objects.filter(pk=correction.pk, state=State.RUNNING, lease_until=correction.lease_until)
    if held.update(lease_until=until) != 1:
        raise LeaseLostError
    correction.lease_until = until
    return until


def fingerprint_of(correction: Correction, work: Work) -> str:
    """The fingerprint that the tables have now."""
    with connections.open_session(correction.connection, reading=False, raw=True) as session:
        session.engine.begin_write(session)
        try:
            return carry_out(session, work).fingerprint
        finally:
            session.rollback()


def carry_batch(correction: Correction, work: Work, batch: Batch) -> None:
    """One batch, by the four steps that the module describes."""
    _lease(correction)
    keys = None if batch.keys is None else [tuple(key) for key in batch.keys]
    last = not correction.batches.filter(number__gt=batch.number).exists()
    batch.started_at = clock.now()
    with connections.open_session(correction.connection, reading=False, raw=True) as session:
        session.engine.begin_write(session)
        try:
            carried = carry_out(session, work, keys, first=batch.number == 1, last=last)
            _prove(correction, carried, len(keys) if keys is not None else correction.expected_rows)
            _write_down(correction, batch, carried, session)
        except LeaseLostError:
            session.rollback()
            raise
        except BaseException as error:
            session.rollback()
            _failed(batch, str(error))
            raise
        try:
            session.commit()
        except UnreachableError:
            raise
        except DeskError as error:
            # The server said no at the commit, by a constraint that is looked at then: it has rolled back.
            _failed(batch, str(error))
            raise
    _done(correction, batch)


def _prove(correction: Correction, carried: Carried, expected: int | None) -> None:
    if carried.rows != expected:
        raise MismatchError(f"it matched {carried.rows:,} rows, and {expected or 0:,} are expected")
    if carried.fingerprint != correction.fingerprint:
        raise MismatchError("the tables are not what they were at the preview: preview it again")
    if correction.undoes_id and carried.digest != correction.preview.get("digest"):
        raise MismatchError("rows have changed since the approval: preview the undo again")
    require_checks(carried)


def _write_down(correction: Correction, batch: Batch, carried: Carried, session: Session) -> None:
    with transaction.atomic():
        held = Correction.objects.filter(pk=correction.pk, state=State.RUNNING, lease_until=correction.lease_until)
        if not held.select_for_update().exists():
            raise LeaseLostError
        facts.keep_images(batch, carried)
        batch.state, batch.rows, batch.error = Batch.State.COMMITTING, carried.rows, ""
        batch.session = {
            **session.engine.ident(session),
            "strays": carried.effects.strays,
            "triggers": sorted(carried.effects.triggers),
            "cascades": carried.effects.cascades,
            "checks": [{"sql": sql, "held": held} for sql, held in carried.checks],
        }
        batch.save()


def _failed(batch: Batch, reason: str) -> None:
    with transaction.atomic():
        batch.images.all().delete()
        batch.state, batch.error, batch.finished_at = Batch.State.FAILED, reason, clock.now()
        batch.save()


def _done(correction: Correction, batch: Batch) -> None:
    with transaction.atomic():
        batch.state, batch.finished_at = Batch.State.DONE, clock.now()
        batch.save(update_fields=["state", "finished_at"])
        review.note(SYSTEM, correction, "batch", f"batch {batch.number} is done: {batch.rows:,} rows", rows=batch.rows)


def _pause(correction: Correction, reason: str) -> None:
    """Stop between batches. What has not begun is approved as before, and can still be edited or withdrawn."""
    with transaction.atomic():
        correction.state = State.PAUSED if begun(correction) else State.APPROVED
        correction.state_reason, correction.pause_asked = reason, False
        correction.save(update_fields=["state", "state_reason", "pause_asked"])
        review.note(SYSTEM, correction, "paused", f"paused: {reason}")


def _end(correction: Correction, error: str) -> None:
    """Done, failed with nothing changed, or stopped half way."""
    done = correction.batches.filter(state=Batch.State.DONE)
    with transaction.atomic():
        total = sum(one or 0 for one in done.values_list("rows", flat=True))
        some = done.exists()
        correction.state = (State.PARTIAL if some else State.FAILED) if error else State.DONE
        correction.state_reason, correction.finished_at = error, clock.now()
        correction.save(update_fields=["state", "state_reason", "finished_at"])
        sentence = f"failed and changed nothing: {error}" if error else f"is done: {total:,} rows"
        if error and some:
            sentence = f"stopped half way after {total:,} rows: {error}"
        review.note(SYSTEM, correction, str(correction.state), sentence, rows=total, error=error[:500])
        if some:
            began = done.order_by("number").values_list("started_at", flat=True)[0] or clock.now()
            what = f"{correction.title}, {total:,} rows of {correction.connection.name}"
            tell_change(correction, "correction", what, by=correction.requested_name, at=began)
        review.tell(correction.requested_by, correction, f"{correction} {sentence}")


def reconcile_due() -> int:
    """Settle corrections whose worker died. Returns how many were looked at."""
    due = Correction.objects.filter(state=State.RUNNING, lease_until__lte=clock.now())
    found = list(due.values_list("pk", flat=True))
    for pk in found:
        reconcile(pk)
    return len(found)


def reconcile(pk: int) -> None:
    """Find out what became of the batch that was being committed, and go on from there."""
    correction = Correction.objects.select_related("connection").get(pk=pk)
    batch = correction.batches.filter(state=Batch.State.COMMITTING).first()
    if batch is not None:
        became, why = what_became_of(batch)
        if became == "running":
            return
        if became == "unknown":
            _unknown(correction, why)
            return
        if became == "committed":
            _done(correction, batch)
        else:
            _failed(batch, why)
    with transaction.atomic():
        left = correction.batches.exclude(state=Batch.State.DONE).exists() or not correction.batches.exists()
        if left:
            Correction.objects.filter(pk=pk, state=State.RUNNING).update(state=State.QUEUED)
            review.note(SYSTEM, correction, "requeue", "is taken up again: its worker had stopped")
    if not left:
        _end(correction, "")


def _unknown(correction: Correction, why: str) -> None:
    with transaction.atomic():
        correction.state, correction.state_reason = State.UNKNOWN, why
        correction.save(update_fields=["state", "state_reason"])
        review.note(SYSTEM, correction, "unknown", f"needs a person: {why}")
