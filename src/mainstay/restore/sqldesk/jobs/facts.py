"""The content of a job that an approval binds."""

from typing import Any

from mainstay.restore.approval import content_hash
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
