"""What can be done with corrections: write, preview, ask, approve, start, pause, undo. The one door to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar import gate
from mainstay.core import clock, doorbell, people
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Role
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.respond.incidents.models import Incident
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.correct import facts
from mainstay.restore.sqldesk.correct.apply import MismatchError
from mainstay.restore.sqldesk.correct.carrying import carry_out, failed_checks, keys_of, summary
from mainstay.restore.sqldesk.domain import approval
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


def _locked(actor: Actor, number: int) -> Correction:
    require(actor, Right.RESPOND)
    found = Correction.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"correction {number}")
    return found


@transaction.atomic
def propose(actor: Actor, connection_key: str, fields: Mapping[str, Any], incident: int | None = None) -> Correction:
    """Write a draft. ``fields`` are those of ``EDITABLE``."""
    require(actor, Right.RESPOND)
    connection = connections.get(actor, connection_key)
    if not connection.corrections:
        raise ProblemError(403, "Not allowed", f"{connection} takes no corrections: it is for reading only.")
    if incident is not None and not Incident.objects.filter(pk=incident).exists():
        raise bad_request(f"there is no incident {incident}", "incident")
    correction = Correction(
        connection=connection,
        incident_id=incident,
        requested_by_id=actor.person_id,
        requested_name=actor.name,
        created_at=clock.now(),
    )
    _fill(correction, fields)
    correction.save()
    facts.note(actor, correction, "draft", f"drafted: {correction.title}", title=correction.title)
    return correction


@transaction.atomic
def edit(actor: Actor, number: int, fields: Mapping[str, Any]) -> Correction:
    """Change what is not carried out yet. An approval that was given or asked for is void."""
    correction = _locked(actor, number)
    if correction.state not in OPEN:
        raise ProblemError(
            409, "Too late", f"{correction} is {correction.get_state_display().lower()}; write a new one."
        )
    _fill(correction, fields)
    _void(correction)
    correction.requested_by_id, correction.requested_name = actor.person_id, actor.name
    correction.save()
    facts.note(actor, correction, "edit", "edited; approvals of it are void")
    return correction


def _void(correction: Correction) -> None:
    correction.state, correction.state_reason = State.DRAFT, ""
    correction.approved_by, correction.approved_name, correction.approved_hash = None, "", ""
    correction.approved_at = correction.approval_expires_at = correction.requested_at = None


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
        fresh = _locked(actor, number)
        if facts.content(fresh) != facts.content(correction):
            raise ProblemError(409, "Edited meanwhile", "Somebody edited it during the preview. Preview it again.")
        if correction.undoes_id:
            fresh.expected_rows = seen.get("rows")
        before = facts.hash_of(fresh)
        fresh.preview, fresh.previewed_at, fresh.fingerprint = seen, clock.now(), fingerprint
        fresh.previewed_hash = facts.hash_of(fresh)
        if before != fresh.previewed_hash:
            _void(fresh)
        fresh.save()
        facts.note(actor, fresh, "preview", "previewed", rows=seen.get("rows"), problems=seen["problems"])
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


def _require(step: approval.Step) -> None:
    if not step.allowed:
        raise ProblemError(409, "Not possible", f"{step.reason[:1].upper()}{step.reason[1:]}.")


@transaction.atomic
def request(actor: Actor, number: int) -> None:
    """Ask colleagues to approve what the preview shows."""
    correction = _locked(actor, number)
    problems = correction.preview.get("problems") or []
    _require(approval.may_request(correction.state, correction.previewed_hash, facts.hash_of(correction), problems))
    correction.state, correction.requested_at = State.REQUESTED, clock.now()
    correction.requested_by_id, correction.requested_name = actor.person_id, actor.name
    correction.save()
    facts.note(actor, correction, "request", f"waits for approval: {correction.title}", hash=facts.hash_of(correction))
    for person in people.visible(actor).filter(is_active=True).exclude(role=Role.VIEWER):
        if person.pk == actor.person_id:
            continue
        facts.tell(person, correction, f"{actor.name} asks for approval of {correction}: {correction.title}")


@transaction.atomic
def approve(actor: Actor, number: int, seen_hash: str) -> None:
    """Approve exactly what was seen: ``seen_hash`` is that of the content on the approver's screen."""
    correction = _locked(actor, number)
    _require(approval.may_approve(correction.state, correction.requested_by_id, actor.person_id))
    now_hash = facts.hash_of(correction)
    if seen_hash != now_hash:
        raise ProblemError(409, "It has changed", "This is not what you saw: it was edited meanwhile. Look again.")
    correction.state, correction.approved_at = State.APPROVED, clock.now()
    correction.approved_by_id, correction.approved_name, correction.approved_hash = (
        actor.person_id,
        actor.name,
        now_hash,
    )
    correction.approval_expires_at = approval.expiry(clock.now(), current().sql_approval_hours)
    correction.save()
    facts.note(actor, correction, "approve", f"approved by {actor.name}", hash=now_hash)
    if correction.requested_by is not None:
        facts.tell(correction.requested_by, correction, f"{actor.name} has approved {correction}")


@transaction.atomic
def reject(actor: Actor, number: int, reason: str) -> None:
    """Say no, and why."""
    correction = _locked(actor, number)
    if correction.state not in {State.REQUESTED, State.APPROVED}:
        raise ProblemError(409, "Not possible", f"{correction} is {correction.get_state_display().lower()}.")
    if not reason.strip():
        raise bad_request("write why, so that it can be done better", "reason")
    correction.state, correction.state_reason = State.REJECTED, f"{actor.name}: {reason.strip()}"
    correction.save(update_fields=["state", "state_reason"])
    facts.note(actor, correction, "reject", f"rejected by {actor.name}: {reason.strip()}", reason=reason.strip()[:500])
    if correction.requested_by is not None:
        facts.tell(correction.requested_by, correction, f"{actor.name} has rejected {correction}")


@transaction.atomic
def withdraw(actor: Actor, number: int) -> None:
    """Give it up."""
    correction = _locked(actor, number)
    if correction.state not in {*OPEN, State.REJECTED, State.QUEUED, State.FAILED}:
        raise ProblemError(409, "Not possible", f"{correction} is {correction.get_state_display().lower()}.")
    correction.state = State.WITHDRAWN
    correction.save(update_fields=["state"])
    facts.note(actor, correction, "withdraw", f"withdrawn by {actor.name}")


@transaction.atomic
def start(actor: Actor, number: int, emergency: str = "") -> None:
    """Hand it to the worker, if it is approved and the gate lets it through. Also resumes what stopped half way."""
    correction = _locked(actor, number)
    resumable = {State.APPROVED, State.PAUSED, State.PARTIAL}
    if correction.state not in resumable:
        raise ProblemError(409, "Not possible", f"{correction} is {correction.get_state_display().lower()}.")
    now = clock.now()
    _require(
        approval.may_carry_out(
            facts.approval_of(correction), correction.requested_by_id, facts.hash_of(correction), now
        )
    )
    services = services_of(correction)
    answer = gate.may_change(actor, services, now, kind="correction", emergency=emergency.strip() or None)
    gate.record(actor, answer, kind="correction", services=services, target=str(correction))
    if not answer.allowed:
        correction.state_reason = answer.reason
        correction.save(update_fields=["state_reason"])
        feed_reason = f"{answer.reason[:1].upper()}{answer.reason[1:]}."
        raise ProblemError(409, "The gate is closed", feed_reason)
    correction.state, correction.state_reason, correction.pause_asked = State.QUEUED, "", False
    correction.started_by_id, correction.started_name = actor.person_id, actor.name
    correction.emergency = emergency.strip()
    correction.gate = {"allowed": True, "reason": answer.reason, "emergency": answer.emergency}
    correction.save()
    facts.note(actor, correction, "start", f"started by {actor.name}", gate=answer.reason, emergency=answer.emergency)
    transaction.on_commit(lambda: doorbell.ring(doorbell.SQL))


def services_of(correction: Correction) -> list[str]:
    """The services that the gate is asked for."""
    return sorted(service.key for service in correction.connection.services.all())


@transaction.atomic
def pause(actor: Actor, number: int) -> None:
    """Stop after the batch that runs."""
    correction = _locked(actor, number)
    if correction.state not in {State.QUEUED, State.RUNNING}:
        raise ProblemError(409, "Not possible", f"{correction} is {correction.get_state_display().lower()}.")
    correction.pause_asked = True
    correction.save(update_fields=["pause_asked"])
    facts.note(actor, correction, "pause", f"paused by {actor.name}")


@transaction.atomic
def propose_undo(actor: Actor, number: int, reason: str) -> Correction:
    """A draft that takes a correction back. It is reviewed like any other."""
    original = _locked(actor, number)
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
    facts.note(actor, undo, "draft", f"drafted to undo {original}", undoes=str(original))
    return undo


@transaction.atomic
def accept_rows(actor: Actor, number: int, idents: Sequence[str]) -> None:
    """Of an undo: which rows go back although something else of them has changed since."""
    correction = _locked(actor, number)
    if correction.undoes_id is None or correction.state not in OPEN:
        raise ProblemError(409, "Not possible", f"{correction} is no undo that is still open.")
    correction.accepted = sorted({one for one in idents if one})
    _void(correction)
    correction.save()
    facts.note(actor, correction, "accept", f"accepts {len(correction.accepted)} rows that changed since")


@transaction.atomic
def settle(actor: Actor, number: int, *, committed: bool, reason: str) -> None:
    """A person says what became of a batch whose outcome neither the server nor its rows tell."""
    require(actor, Right.MAINTAIN)
    correction = _locked(actor, number)
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
    facts.note(actor, correction, "settle", f"settled by {actor.name}: {reason.strip()}", committed=committed)
