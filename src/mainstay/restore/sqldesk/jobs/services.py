"""What can be done with jobs: write, dry-run, ask, approve, start, pause, stop, settle. The one door to them."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
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
from mainstay.restore.sqldesk.correct.carrying import shown
from mainstay.restore.sqldesk.domain.statement import StatementError
from mainstay.restore.sqldesk.engines.base import DeskError
from mainstay.restore.sqldesk.jobs import execution, facts, files
from mainstay.restore.sqldesk.jobs.plan import count, plan_of, read_condition, select
from mainstay.restore.sqldesk.models import Job, JobBatch

State = Job.State
EDITABLE = (
    *("title", "reason", "table", "condition", "parameters", "action", "destination"),
    *("batch_rows", "batch_ms", "rest_percent", "max_lag", "max_running", "in_windows"),
)
OPEN = (State.DRAFT, State.REQUESTED, State.APPROVED, State.REJECTED)
LIVE = (State.WAITING, State.RUNNING)
_SAMPLE = 500


def visible(actor: Actor) -> QuerySet[Job]:
    """The one door to jobs. They name production data, so it takes a responder."""
    require(actor, Right.RESPOND)
    return Job.objects.select_related("connection", "incident").order_by("-pk")


def get(actor: Actor, number: int) -> Job:
    """One job."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"job {number}")
    return found


@transaction.atomic
def propose(actor: Actor, connection_key: str, fields: Mapping[str, Any], incident: int | None = None) -> Job:
    """Write a draft. ``fields`` are those of ``EDITABLE``."""
    conf = current()
    job = Job(
        **connections.begin(actor, connection_key, incident),
        batch_rows=conf.sql_job_batch_rows,
        batch_ms=conf.sql_job_batch_ms,
    )
    _fill(job, fields)
    job.save()
    review.note(actor, job, "draft", f"drafted: {job.title}", title=job.title, does=job.action, table=job.table)
    return job


@transaction.atomic
def edit(actor: Actor, number: int, fields: Mapping[str, Any]) -> Job:
    """Change what has not begun. An approval that was given or asked for is void."""
    job = review.locked(Job, actor, number)
    review.require_state(job, *OPEN)
    _fill(job, fields)
    review.void(job)
    job.requested_by_id, job.requested_name = actor.person_id, actor.name
    job.save()
    review.note(actor, job, "edit", "edited; approvals of it are void")
    return job


def _fill(job: Job, fields: Mapping[str, Any]) -> None:
    for name in EDITABLE:
        if name in fields:
            setattr(job, name, fields[name])
    for name, text in (("title", "in a few words what is cleaned up"), ("reason", "why"), ("table", "which table")):
        if not str(getattr(job, name)).strip():
            raise bad_request(f"write {text}", name)
    if job.action not in Job.Action.values:
        raise bad_request(f"write one of {', '.join(Job.Action.values)}", "action")
    if (job.action == Job.Action.MOVE) != bool(job.destination):
        raise bad_request("name the table that rows are moved to, and only for a job that moves", "destination")
    for name, low, high in (
        ("batch_rows", 1, current().sql_job_batch_rows),
        ("batch_ms", 10, 60_000),
        ("rest_percent", 0, 1000),
    ):
        value = getattr(job, name)
        if not isinstance(value, int) or not low <= value <= high:
            raise bad_request(f"write a whole number from {low} to {high}", name)
    if not isinstance(job.parameters, dict):
        raise bad_request("write an object of names and values", "parameters")
    try:
        read_condition(job.connection.dialect, job.table, job.condition)
    except StatementError as error:
        raise bad_request(str(error), "condition") from None


def dry_run(actor: Actor, number: int) -> Job:
    """Count what a job would take, and try the statement of its first rows, in a transaction that cannot write."""
    job = get(actor, number)
    review.require_state(job, *OPEN)
    seen, fingerprint = _look(job)
    with transaction.atomic():
        fresh = review.locked(Job, actor, number)
        if facts.content(fresh) != facts.content(job):
            raise ProblemError(409, "Edited meanwhile", "Somebody edited it during the dry run. Make it again.")
        before = facts.hash_of(fresh)
        fresh.dry_run, fresh.fingerprint = seen, fingerprint
        fresh.dry_run_hash = facts.hash_of(fresh)
        if before != fresh.dry_run_hash:
            review.void(fresh)
        fresh.save()
        review.note(actor, fresh, "dry_run", "dry-run made", rows=seen.get("rows"), problems=seen["problems"])
    return fresh


def _look(job: Job) -> tuple[dict[str, Any], str]:
    try:
        with connections.open_session(job.connection, reading=False, raw=True) as session:
            plan = plan_of(session, job.table, job.condition, job.parameters, job.destination)
            session.engine.begin_read(session)
            try:
                began = clock.now()
                total = count(session, plan)
                whole = job.action != Job.Action.DELETE
                sample = select(session, plan, None, _SAMPLE, whole=whole, lock=False) if total else []
                took = (clock.now() - began).total_seconds()
            finally:
                session.rollback()
    except (StatementError, DeskError, ValueError) as error:
        return {"problems": [str(error)]}, ""
    width = len(plan.key)
    batches = -(-total // job.batch_rows)
    return {
        "rows": total,
        "key": list(plan.key),
        "first": [shown(row[:width]) for row in sample[:5]],
        "batches": batches,
        "seconds_to_look": round(took, 3),
        "estimate_seconds": round(batches * job.batch_ms / 1000 * (1 + job.rest_percent / 100)),
        "warnings": list(plan.warnings),
        "problems": [] if total else ["it matches no row"],
    }, plan.fingerprint


@transaction.atomic
def request(actor: Actor, number: int) -> None:
    """Ask colleagues to approve what the dry run shows."""
    job = review.locked(Job, actor, number)
    problems, now_hash = job.dry_run.get("problems") or [], facts.hash_of(job)
    review.require_step(approval.may_request(job.state, job.dry_run_hash, now_hash, problems))
    review.ask(actor, job, now_hash)


@transaction.atomic
def approve(actor: Actor, number: int, seen_hash: str) -> None:
    """Approve exactly what was seen: ``seen_hash`` is that of the content on the approver's screen."""
    job = review.locked(Job, actor, number)
    review.approve(actor, job, facts.hash_of(job), seen_hash)


@transaction.atomic
def reject(actor: Actor, number: int, reason: str) -> None:
    """Say no, and why."""
    review.reject(actor, review.locked(Job, actor, number), reason)


@transaction.atomic
def withdraw(actor: Actor, number: int) -> None:
    """Give it up, also half way. What was deleted or archived stays so."""
    job = review.locked(Job, actor, number)
    review.require_state(job, *OPEN, State.WAITING, State.PAUSED, State.FAILED)
    job.state, job.finished_at = State.WITHDRAWN, clock.now()
    job.save(update_fields=["state", "finished_at"])
    review.note(actor, job, "withdraw", f"withdrawn by {actor.name} after {job.rows_done:,} rows", rows=job.rows_done)


@transaction.atomic
def start(actor: Actor, number: int, emergency: str = "") -> None:
    """Hand it to the worker. Also resumes what was paused or has failed, behind the last batch that was committed.

    The gate is asked by the worker before it works, so that a job may be started in the afternoon for the night. Only
    who calls an emergency is answered at once.
    """
    job = review.locked(Job, actor, number)
    review.require_state(job, State.APPROVED, State.PAUSED, State.FAILED)
    review.require_step(review.may_carry_out(job, facts.hash_of(job), begun=bool(job.rows_done)))
    if emergency.strip():
        services = job.service_keys()
        answer = gate.may_change(
            actor, services, clock.now(), kind="job", emergency=emergency.strip(), in_window=job.in_windows
        )
        gate.record(actor, answer, kind="job", services=services, target=str(job))
        review.require_open_gate(answer)
    job.state, job.state_reason, job.asked, job.look_at = State.WAITING, "", "", clock.now()
    job.started_by_id, job.emergency, job.finished_at = actor.person_id, emergency.strip(), None
    job.save()
    review.note(actor, job, "start", f"started by {actor.name}", emergency=bool(job.emergency), rows=job.rows_done)
    transaction.on_commit(lambda: doorbell.ring(doorbell.SQL))


@transaction.atomic
def pause(actor: Actor, number: int) -> None:
    """Stop after the batch that runs."""
    _ask(actor, number, "pause")


@transaction.atomic
def stop(actor: Actor, number: int) -> None:
    """Panic: stop now. The statement that runs is cancelled and its batch rolled back."""
    _ask(actor, number, "stop")


def _ask(actor: Actor, number: int, what: str) -> None:
    job = review.locked(Job, actor, number)
    review.require_state(job, *LIVE)
    if job.state == State.WAITING:
        Job.objects.filter(pk=job.pk).update(state=State.PAUSED, state_reason=f"{what} by {actor.name}", look_at=None)
    else:
        Job.objects.filter(pk=job.pk).update(asked=what)
    review.note(actor, job, what, f"{what} by {actor.name}", rows=job.rows_done)
    transaction.on_commit(lambda: doorbell.ring(doorbell.SQL))


@transaction.atomic
def settle(actor: Actor, number: int, *, committed: bool, reason: str) -> None:
    """A person says what became of a batch whose outcome neither the server nor its rows tell."""
    require(actor, Right.MAINTAIN)
    job = review.locked(Job, actor, number)
    review.require_state(job, State.UNKNOWN)
    if not reason.strip():
        raise bad_request("write how you know", "reason")
    batch = job.batches.filter(state=JobBatch.State.COMMITTING).first()
    if batch is not None:
        execution.settle_batch(job, batch, committed=committed)
    job.state, job.state_reason = State.PAUSED, f"settled by {actor.name}: {reason.strip()}"
    job.save(update_fields=["state", "state_reason"])
    review.note(actor, job, "settle", f"settled by {actor.name}: {reason.strip()}", committed=committed)


def rate(job: Job) -> float | None:
    """Rows a second over its last batches, while they took."""
    recent = list(job.batches.filter(milliseconds__gt=0).order_by("-number")[:20])
    spent = sum(one.milliseconds or 0 for one in recent)
    return sum(one.rows for one in recent) / spent * 1000 if spent else None


def left(job: Job) -> timedelta | None:
    """How long the rest would take at its pace."""
    pace, rest = rate(job), max(int(job.dry_run.get("rows") or 0) - job.rows_done, 0)
    return timedelta(seconds=rest / pace * (1 + job.rest_percent / 100)) if pace else None


def archive_root() -> Path:
    """Where this installation keeps archived rows."""
    return files.root()


def archived() -> dict[str, Path]:
    """The files of archived rows, by folder and name. For the backup, which a person makes on the machine itself."""
    found = JobBatch.objects.exclude(file="").values_list("job_id", "file")
    return {f"JOB-{job}/{Path(file).name}": Path(file) for job, file in found.iterator()}


def take_home() -> list[str]:
    """Point batches at their files in this installation, after a restore. Returns those that are not as archived."""
    from mainstay.restore.sqldesk.jobs import archive  # Arrow, some 40 MB: for a restore

    wrong = []
    for batch in JobBatch.objects.exclude(file="").iterator():
        here = files.folder(batch.job_id) / Path(batch.file).name
        if not here.is_file():
            continue
        try:
            archive.verify(here, batch.rows, batch.checksum)
        except files.ArchiveError:
            wrong.append(f"JOB-{batch.job_id}/{here.name}")
        JobBatch.objects.filter(pk=batch.pk).update(file=str(here))
    return wrong
