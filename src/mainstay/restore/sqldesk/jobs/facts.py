"""What is written down of jobs: the content that an approval binds, and the trail."""

from typing import Any

from mainstay.core import audit, feed
from mainstay.core.access import Actor
from mainstay.core.models import Person
from mainstay.respond.timeline import services as timeline
from mainstay.restore.sqldesk.domain.approval import Approval, content_hash
from mainstay.restore.sqldesk.models import Job


def content(job: Job) -> dict[str, Any]:
    """Everything that an approval binds."""
    return {
        "connection": [job.connection.key, job.connection.dialect, job.connection.address],
        "table": job.table,
        "condition": job.condition,
        "parameters": job.parameters,
        "action": job.action,
        "destination": job.destination,
        "batch_rows": job.batch_rows,
        "batch_ms": job.batch_ms,
        "rest_percent": job.rest_percent,
        "max_lag": job.max_lag,
        "max_running": job.max_running,
        "in_windows": job.in_windows,
        "title": job.title,
        "reason": job.reason,
        "incident": job.incident_id,
        "fingerprint": job.fingerprint,
    }


def hash_of(job: Job) -> str:
    """SHA-256 over the content."""
    return content_hash(content(job))


def approval_of(job: Job) -> Approval:
    """The approval that it has."""
    return Approval(job.approved_by_id, job.approved_name, job.approved_hash, job.approval_expires_at)


def services_of(job: Job) -> list[str]:
    """The services that the gate is asked for."""
    return sorted(one.key for one in job.connection.services.all())


def note(actor: Actor, job: Job, deed: str, sentence: str, **detail: Any) -> None:
    """Audit log, timeline and open screens, in the caller's transaction. ``sentence`` goes on after ``JOB-7``."""
    audit.record(actor, f"job.{deed}", str(job), connection=job.connection.key, **detail)
    if job.incident_id:
        timeline.record(job.incident_id, "job", f"{job} {sentence}", actor.name)
    feed.tell("job", job.pk)


def tell(person: Person | None, job: Job, subject: str) -> None:
    """Show a person that it is their turn."""
    if person is not None:
        key = f"job-{job.pk}-{job.state}"
        feed.tell("page", "job", person_id=person.pk, key=key, subject=subject[:300], link=f"/jobs/{job.pk}")
