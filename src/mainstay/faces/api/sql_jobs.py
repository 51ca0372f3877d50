"""Jobs as JSON: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.restore.sqldesk.jobs import facts, services
from mainstay.restore.sqldesk.models import Job

_FIELDS = {
    **dict.fromkeys(("title", "reason", "table", "condition", "action", "destination"), str),
    **dict.fromkeys(("batch_rows", "batch_ms", "rest_percent", "max_lag", "max_running"), int),
    "parameters": dict,
    "in_windows": bool,
}


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.pk,
        "ref": str(job),
        "title": job.title,
        "state": job.state,
        "why": job.state_reason,
        "connection": job.connection.key,
        "table": job.table,
        "action": job.action,
        "rows_done": job.rows_done,
        "rows": job.dry_run.get("rows"),
    }


def every(actor: Actor, limit: int) -> list[dict[str, Any]]:
    """Jobs, the newest first."""
    return [_row(job) for job in services.visible(actor)[:limit]]


def one(actor: Actor, number: int) -> dict[str, Any]:
    """One job whole."""
    job = services.get(actor, number)
    left, pace = services.left(job), services.rate(job)
    return {
        **_row(job),
        "reason": job.reason,
        "condition": job.condition,
        "parameters": job.parameters,
        "destination": job.destination or None,
        "in_windows": job.in_windows,
        "dry_run": job.dry_run,
        "hash": facts.hash_of(job),
        "requested_by": job.requested_name,
        "approved_by": job.approved_name or None,
        "batches": job.batches.count(),
        "rows_per_second": round(pace) if pace else None,
        "seconds_left": round(left.total_seconds()) if left is not None else None,
        "finished": job.finished_at,
    }


@endpoint("GET")
def listing(actor: Actor, request: HttpRequest) -> Any:
    """Jobs, the newest first."""
    return {"jobs": every(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def show(actor: Actor, request: HttpRequest, number: int) -> Any:
    """One job."""
    del request
    return one(actor, number)


@endpoint("POST")
def propose(actor: Actor, request: HttpRequest) -> Any:
    """Write a draft and make its dry run."""
    fields = fields_of(request, {**_FIELDS, "connection": str, "incident": int})
    key = fields.pop("connection", "")
    if not key:
        raise bad_request("write the key of a connection", "connection")
    job = services.propose(actor, key, fields, fields.pop("incident", None))
    services.dry_run(actor, job.pk)
    return one(actor, job.pk)


@endpoint("POST")
def act(actor: Actor, request: HttpRequest, number: int, action: str) -> Any:
    """Dry-run, request, start, pause, stop or withdraw. Approving takes a person at a screen."""
    fields_of(request, {})
    deeds = {
        "dry-run": services.dry_run,
        "request": services.request,
        "start": services.start,
        "pause": services.pause,
        "stop": services.stop,
        "withdraw": services.withdraw,
    }
    if action not in deeds:
        raise bad_request(f"write one of {', '.join(deeds)}", "action")
    deeds[action](actor, number)
    return one(actor, number)


urlpatterns: list[URLPattern] = [
    path("sql/jobs", listing),
    path("sql/jobs/propose", propose),
    path("sql/jobs/<int:number>", show),
    path("sql/jobs/<int:number>/<str:action>", act),
]
