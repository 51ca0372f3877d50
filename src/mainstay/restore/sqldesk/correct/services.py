"""What can be done with corrections: write, preview, ask, approve, start, pause, undo. The one door to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar import gate
from mainstay.core import clock, doorbell
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.restore import approval, review
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.correct import facts
from mainstay.restore.sqldesk.correct.apply import MismatchError
from mainstay.restore.sqldesk.correct.carrying import carry_out, failed_checks, keys_of, summary
from mainstay.restore.sqldesk.domain.statement import StatementError
from mainstay.restore.sqldesk.engines.base import DeskError
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.examine.running import NotARead, judged
from mainstay.restore.sqldesk.models import Batch, Correction

State = Correction.State
EDITABLE = (
    "title",
    "reason",
    "statements",
    "parameters",
    "expected_rows",
    "checks_before",
    "checks_after",
    "batch_rows",
)
OPEN = (State.DRAFT, State.REQUESTED, State.APPROVED)


def visible(actor: Actor) -> QuerySet[Correction]:
    """The one door to corrections. They show production data, so it takes a responder."""
    require(actor, Right.RESPOND)
    return Correction.objects.select_related("connection", "incident", "undoes__connection").order_by("-pk")


def get(actor: Actor, number: int) -> Correction:
    """One correction."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"correction {number}")
    return found


@transaction.atomic
def propose(actor: Actor, connection_key: str, fields: Mapping[str, Any], incident: int | None = None) -> Correction:
    """Write a draft. ``fields`` are those of ``EDITABLE``."""
    correction = Correction(**connections.begin(actor, connection_key, incident))
    _fill(correction, fields)
    correction.save()
    review.note(actor, correction, "draft", f"drafted: {correction.title}", title=correction.title)
    return correction


@transaction.atomic
def edit(actor: Actor, number: int, fields: Mapping[str, Any]) -> Correction:
    """Change what is not carried out yet. An approval that was given or asked for is void."""
    correction = review.locked(Correction, actor, number)
    if correction.state not in OPEN:
        raise ProblemError(
            409, "Too late", f"{correction} is {correction.get_state_display().lower()}; write a new one."
        )
    _fill(correction, fields)
    review.void(correction)
    correction.requested_by_id, correction.requested_name = actor.person_id, actor.name
    correction.save()
    review.note(actor, correction, "edit", "edited; approvals of it are void")
    return correction


def _fill(correction: Correction, fields: Mapping[str, Any]) -> None:
    for name in EDITABLE:
        if name in fields:
            setattr(correction, name, fields[name])
    if not correction.title.strip():
        raise bad_request("write in a few words what is corrected", "title")
    if not correction.reason.strip():
        raise bad_request("write why, for whoever approves and for the record", "reason")
    if correction.undoes_id is None and not any(one.strip() for one in correction.statements):
        raise bad_request("write at least one statement", "statements")
    if correction.batch_rows is not None and not 1 <= correction.batch_rows <= current().sql_batch_max:
        raise bad_request(f"write 1 to {current().sql_batch_max} rows a batch, or leave it empty", "batch_rows")
    correction.statements = [one.strip() for one in correction.statements if one.strip()]
    try:
        facts.work(correction)
    except StatementError as error:
        raise bad_request(str(error), "statements") from None


def preview(actor: Actor, number: int) -> Correction:
    """Do it for real and take it back, and keep what was seen. Locks are held meanwhile, for as long as it takes."""
    correction = get(actor, number)
    if correction.state not in OPEN:
        raise ProblemError(409, "Too late", f"{correction} is {correction.get_state_display().lower()} already.")
    seen, fingerprint = _look(correction)
    with transaction.atomic():
        fresh = review.locked(Correction, actor, number)
        if facts.content(fresh) != facts.content(correction):
            raise ProblemError(409, "Edited meanwhile", "Somebody edited it during the preview. Preview it again.")
        if correction.undoes_id:
            fresh.expected_rows = seen.get("rows")
        before = facts.hash_of(fresh)
        fresh.preview, fresh.previewed_at, fresh.fingerprint = seen, clock.now(), fingerprint
        fresh.previewed_hash = facts.hash_of(fresh)
        if before != fresh.previewed_hash:
            review.void(fresh)
        fresh.save()
        review.note(actor, fresh, "preview", "previewed", rows=seen.get("rows"), problems=seen["problems"])
    return fresh


def _look(correction: Correction) -> tuple[dict[str, Any], str]:
    """What a preview sees, and the fingerprint of the tables."""
    try:
        work = facts.work(correction)
        with connections.open_session(correction.connection, reading=False, raw=True) as session:
            _judge_checks(correction, session)
            session.engine.begin_write(session)
            try:
                keys = keys_of(session, work) if correction.batch_rows else None
                part = keys[: correction.batch_rows] if keys is not None else None
                began = clock.now()
                carried = carry_out(session, work, part, last=keys is None or len(keys) <= (correction.batch_rows or 0))
                took = (clock.now() - began).total_seconds()
            finally:
                session.rollback()
    except (StatementError, MismatchError, DeskError, ValueError) as error:
        return {"problems": [str(error)]}, ""
    seen = summary(carried)
    seen["rows"] = len(keys) if keys is not None else carried.rows
    seen["batches"] = -(-len(keys) // (correction.batch_rows or 1)) if keys is not None else 1
    seen["seconds"] = round(took, 3)
    problems = [f"this check does not hold: {one}" for one in failed_checks(carried)]
    if correction.undoes_id is None and correction.expected_rows is None:
        problems.append(f"write how many rows you expect; the preview matched {seen['rows']:,}")
    elif correction.undoes_id is None and correction.expected_rows != seen["rows"]:
        problems.append(f"it matches {seen['rows']:,} rows, and {correction.expected_rows:,} are expected")
    elif correction.undoes_id and not seen["rows"]:
        problems.append("no row can be restored safely")
    seen["problems"] = problems
    return seen, carried.fingerprint


def _judge_checks(correction: Correction, session: Session) -> None:
    """A check is asked in the transaction that writes, so that no layer but the judge keeps it from writing."""
    for text in [*correction.checks_before, *correction.checks_after]:
        try:
            judged(correction.connection, session, text)
        except NotARead as refused:
            raise StatementError(f"this check is no query that only reads: {refused}") from None


@transaction.atomic
def request(actor: Actor, number: int) -> None:
    """Ask colleagues to approve what the preview shows."""
    correction = review.locked(Correction, actor, number)
    problems = correction.preview.get("problems") or []
    now_hash = facts.hash_of(correction)
    review.require_step(approval.may_request(correction.state, correction.previewed_hash, now_hash, problems))
    correction.requested_at = clock.now()
    review.ask(actor, correction, now_hash)


@transaction.atomic
def approve(actor: Actor, number: int, seen_hash: str) -> None:
    """Approve exactly what was seen: ``seen_hash`` is that of the content on the approver's screen."""
    correction = review.locked(Correction, actor, number)
    review.approve(actor, correction, facts.hash_of(correction), seen_hash)


@transaction.atomic
def reject(actor: Actor, number: int, reason: str) -> None:
    """Say no, and why."""
    review.reject(actor, review.locked(Correction, actor, number), reason)


@transaction.atomic
def withdraw(actor: Actor, number: int) -> None:
    """Give it up."""
    correction = review.locked(Correction, actor, number)
    review.require_state(correction, *OPEN, State.REJECTED, State.QUEUED, State.FAILED)
    correction.state = State.WITHDRAWN
    correction.save(update_fields=["state"])
    review.note(actor, correction, "withdraw", f"withdrawn by {actor.name}")


@transaction.atomic
def start(actor: Actor, number: int, emergency: str = "") -> None:
    """Hand it to the worker, if it is approved and the gate lets it through. Also resumes what stopped half way."""
    correction = review.locked(Correction, actor, number)
    review.require_state(correction, State.APPROVED, State.PAUSED, State.PARTIAL)
    review.require_step(review.may_carry_out(correction, facts.hash_of(correction), begun=begun(correction)))
    services = correction.service_keys()
    answer = gate.may_change(actor, services, clock.now(), kind="correction", emergency=emergency.strip() or None)
    gate.record(actor, answer, kind="correction", services=services, target=str(correction))
    review.require_open_gate(answer)
    correction.state, correction.state_reason, correction.pause_asked = State.QUEUED, "", False
    correction.started_by_id, correction.started_name = actor.person_id, actor.name
    correction.emergency = emergency.strip()
    correction.gate = {"allowed": True, "reason": answer.reason, "emergency": answer.emergency}
    correction.save()
    review.note(actor, correction, "start", f"started by {actor.name}", gate=answer.reason, emergency=answer.emergency)
    transaction.on_commit(lambda: doorbell.ring(doorbell.SQL))


def begun(correction: Correction) -> bool:
    """Whether some of it is carried out already, under the approval that it has."""
    return correction.batches.filter(state=Batch.State.DONE).exists()


@transaction.atomic
def pause(actor: Actor, number: int) -> None:
    """Stop after the batch that runs."""
    correction = review.locked(Correction, actor, number)
    review.require_state(correction, State.QUEUED, State.RUNNING)
    correction.pause_asked = True
    correction.save(update_fields=["pause_asked"])
    review.note(actor, correction, "pause", f"paused by {actor.name}")


@transaction.atomic
def propose_undo(actor: Actor, number: int, reason: str) -> Correction:
    """A draft that takes a correction back. It is reviewed like any other."""
    original = review.locked(Correction, actor, number)
    if not Batch.objects.filter(correction=original, state=Batch.State.DONE).exists():
        raise ProblemError(409, "Nothing to undo", f"{original} has changed nothing.")
    if original.state in {State.RUNNING, State.QUEUED, State.UNKNOWN}:
        raise ProblemError(409, "Not possible", f"{original} is {original.get_state_display().lower()}.")
    if not reason.strip():
        raise bad_request("write why it is taken back", "reason")
    undo = Correction.objects.create(
        title=f"Undo {original}: {original.title}"[:200],
        reason=reason.strip(),
        connection=original.connection,
        incident_id=original.incident_id,
        undoes=original,
        requested_by_id=actor.person_id,
        requested_name=actor.name,
        created_at=clock.now(),
    )
    review.note(actor, undo, "draft", f"drafted to undo {original}", undoes=str(original))
    return undo


@transaction.atomic
def accept_rows(actor: Actor, number: int, idents: Sequence[str]) -> None:
    """Of an undo: which rows go back although something else of them has changed since."""
    correction = review.locked(Correction, actor, number)
    if correction.undoes_id is None or correction.state not in OPEN:
        raise ProblemError(409, "Not possible", f"{correction} is no undo that is still open.")
    correction.accepted = sorted({one for one in idents if one})
    review.void(correction)
    correction.save()
    review.note(actor, correction, "accept", f"accepts {len(correction.accepted)} rows that changed since")


@transaction.atomic
def settle(actor: Actor, number: int, *, committed: bool, reason: str) -> None:
    """A person says what became of a batch whose outcome neither the server nor its rows tell."""
    require(actor, Right.MAINTAIN)
    correction = review.locked(Correction, actor, number)
    if correction.state != State.UNKNOWN:
        raise ProblemError(409, "Not possible", "Its outcome is known.")
    if not reason.strip():
        raise bad_request("write how you know", "reason")
    state = Batch.State.DONE if committed else Batch.State.FAILED
    correction.batches.filter(state=Batch.State.COMMITTING).update(
        state=state, finished_at=clock.now(), error="" if committed else "not committed"
    )
    done = correction.batches.filter(state=Batch.State.DONE).exists()
    waiting = correction.batches.exclude(state=Batch.State.DONE).exists()
    correction.state = State.PARTIAL if done and waiting else State.DONE if done else State.FAILED
    correction.state_reason, correction.finished_at = f"settled by {actor.name}: {reason.strip()}", clock.now()
    correction.save()
    review.note(actor, correction, "settle", f"settled by {actor.name}: {reason.strip()}", committed=committed)
