"""Clean-up and archival jobs: the list, the form, and one with its dry run, its approval and how far it has come."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.web.views.base import actor_of, sheet_of, show
from mainstay.faces.web.views.deeds import Deeds, do
from mainstay.restore import approval
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.jobs import facts, record, services
from mainstay.restore.sqldesk.models import Job

State = Job.State
_TEXTS = ("connection", "title", "reason", "table", "condition", "parameters", "action", "destination")
_NUMBERS = ("batch_rows", "batch_ms", "rest_percent", "max_lag", "max_running")


def every(request: HttpRequest) -> HttpResponse:
    """All jobs, the newest first."""
    return show(request, "jobs", {"sheet": sheet_of(request, services.visible(actor_of(request)))})


def one(request: HttpRequest, number: int) -> HttpResponse:
    """One job whole; while it runs, the part with its progress is fetched again."""
    return show(request, "job", _context(actor_of(request), number), "parts/job")


def _context(actor: Actor, number: int) -> dict[str, Any]:
    job = services.get(actor, number)
    total = int(job.dry_run.get("rows") or 0)
    return {
        "job": job,
        "hash": facts.hash_of(job),
        "stale": bool(job.dry_run) and facts.hash_of(job) != job.dry_run_hash,
        "may_approve": approval.may_approve(job.state, job.requested_by_id, actor.person_id),
        "is_open": job.state in services.OPEN,
        "is_live": job.state in services.LIVE,
        "may_start": job.state in {State.APPROVED, State.PAUSED, State.FAILED},
        "may_withdraw": job.state in {*services.OPEN, State.WAITING, State.PAUSED, State.FAILED},
        "total": total,
        "rate": services.rate(job),
        "left": services.left(job),
        "batches": list(job.batches.order_by("-number")[:20]),
        "batch_count": job.batches.count(),
    }


def export(request: HttpRequest, number: int) -> HttpResponse:
    """The record of a job as Markdown."""
    text = record.markdown_of(actor_of(request), number)
    return HttpResponse(text, content_type="text/markdown; charset=utf-8")


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, number: int = 0) -> HttpResponse:
    """The form for a new job, or for one that has not begun; keeping it makes its dry run."""
    actor = actor_of(request)
    job = services.get(actor, number) if number else None
    fields = _posted(request) if request.method == "POST" else _as_fields(job)
    context = {
        "job": job,
        "fields": fields,
        "actions": Job.Action.choices,
        "connections": [found for found in connections.visible(actor) if found.corrections],
    }
    if request.method != "POST":
        return show(request, "job_edit", context)
    try:
        kept = _keep(actor, job, fields)
    except ProblemError as error:
        answer = show(request, "job_edit", {**context, "error": error})
        answer.status_code = error.status
        return answer
    return HttpResponseRedirect(f"/jobs/{kept.pk}")


def _keep(actor: Actor, job: Job | None, fields: dict[str, Any]) -> Job:
    wanted = {name: fields[name] for name in _TEXTS if name not in {"connection", "parameters"}}
    wanted["in_windows"] = bool(fields["in_windows"])
    try:
        wanted["parameters"] = json.loads(fields["parameters"] or "{}")
    except ValueError as error:
        raise bad_request(f'write JSON, such as {{"day": "2025-01-01"}}: {error}', "parameters") from error
    for name in _NUMBERS:
        text = fields[name]
        if text and not (text.isascii() and text.isdigit() and len(text) < 10):
            raise bad_request("write a whole number", name)
        if text or name in {"max_lag", "max_running"}:
            wanted[name] = int(text) if text else None
    kept = services.edit(actor, job.pk, wanted) if job else services.propose(actor, fields["connection"], wanted)
    return services.dry_run(actor, kept.pk)


def _posted(request: HttpRequest) -> dict[str, Any]:
    found: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in (*_TEXTS, *_NUMBERS)}
    return {**found, "in_windows": "in_windows" in request.POST}


def _as_fields(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {"action": Job.Action.ARCHIVE, "in_windows": True, "parameters": "{}", "rest_percent": "0"}
    found = {name: "" if (value := getattr(job, name)) is None else value for name in (*_TEXTS, *_NUMBERS)}
    found.update(connection=job.connection.key, parameters=json.dumps(job.parameters), in_windows=job.in_windows)
    return found


def _settle(actor: Actor, number: int, post: Any) -> None:
    services.settle(actor, number, committed=post.get("committed") == "yes", reason=post.get("reason", ""))


_DEEDS: Deeds = {
    "dry-run": (lambda actor, number, _: services.dry_run(actor, number), "The dry run is made."),
    "request": (lambda actor, number, _: services.request(actor, number), "Colleagues are asked to approve it."),
    "approve": (lambda actor, number, post: services.approve(actor, number, post.get("hash", "")), "It is approved."),
    "reject": (lambda actor, number, post: services.reject(actor, number, post.get("reason", "")), "It is rejected."),
    "start": (
        lambda actor, number, post: services.start(actor, number, post.get("emergency", "")),
        "It is handed to the worker.",
    ),
    "pause": (lambda actor, number, _: services.pause(actor, number), "It stops after the batch that runs."),
    "stop": (lambda actor, number, _: services.stop(actor, number), "It is being stopped."),
    "withdraw": (lambda actor, number, _: services.withdraw(actor, number), "It is withdrawn."),
    "settle": (_settle, "It is settled; start it again to go on."),
}


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Do something with a job."""
    return do(request, _DEEDS, number, action, f"/jobs/{number}")
