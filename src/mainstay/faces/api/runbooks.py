"""Runbooks and their runs as JSON: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.restore.runbooks import answering, books, facts, reading, services
from mainstay.restore.runbooks.models import Book, Chunk, Run, StepRun
from mainstay.restore.runbooks.remedies import reading as remedies


def _book(book: Book) -> dict[str, Any]:
    return {
        "key": book.key,
        "title": book.name,
        "version": book.current.number if book.current else None,
        "origin": book.origin,
        "path": book.path or None,
        "enabled": book.enabled,
        "problem": book.problem or None,
    }


def every_book(actor: Actor) -> list[dict[str, Any]]:
    """Books by key."""
    return [_book(one) for one in books.visible(actor)]


def one_book(actor: Actor, key: str, number: int | None = None) -> dict[str, Any]:
    """A book whole, in its present version or another."""
    version = books.version(actor, key, number)
    content = facts.book_of(version.text)
    return {
        **_book(books.get(actor, key)),
        "version": version.number,
        "hash": version.hash,
        "commit": version.commit or None,
        "by": version.author_name,
        "at": version.at,
        "services": list(content.services),
        "inputs": [
            {"name": one.name, "type": one.type, "label": one.label, "default": one.default, "required": one.required}
            for one in content.inputs
        ],
        "targets": {"hosts": list(content.targets.hosts), "groups": list(content.targets.groups)},
        "approval": content.approval if content.changes else "none",
        "steps": [{"id": one.id, "kind": one.kind, "title": one.title} for one in content.steps],
        "text": version.text,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "ref": str(run),
        "book": run.version.book.key,
        "version": run.version.number,
        "state": run.state,
        "why": run.state_reason,
        "requested_by": run.requested_name,
        "targets": len(run.targets),
        "started": run.started_at,
        "finished": run.finished_at,
    }


def every(actor: Actor, limit: int) -> list[dict[str, Any]]:
    """Runs, the newest first."""
    return [_run(run) for run in services.visible(actor)[:limit]]


def one(actor: Actor, number: int) -> dict[str, Any]:
    """One run whole."""
    run = services.get(actor, number)
    may = services.startable(run)
    return {
        **_run(run),
        "reason": run.reason,
        "incident": run.incident_id,
        "inputs": run.inputs,
        "targets": run.targets,
        "hash": facts.hash_of(run),
        "approved_by": run.approved_name or None,
        "may_start": may.allowed,
        "may_start_why": may.reason,
        "broke_glass": run.emergency or None,
        "owes_review": run.owes_review,
        "dry_run": run.dry_run,
        "counts": reading.counts(actor, number),
    }


def steps(actor: Actor, number: int) -> list[dict[str, Any]]:
    """The steps of a run, each on each target."""
    return [_step(one) for one in reading.steps(actor, number)]


def _step(one: StepRun) -> dict[str, Any]:
    return {
        "id": one.pk,
        "phase": one.phase,
        "step": one.step,
        "target": one.target,
        "state": one.state,
        "attempt": one.attempt,
        "exit_code": one.exit_code,
        "outcome": one.outcome,
        "began": one.began_at,
        "ended": one.ended_at,
    }


def chunk(one: Chunk) -> dict[str, Any]:
    """A piece of output."""
    return {
        "id": one.pk,
        "step": one.step_run.step,
        "target": one.step_run.target,
        "attempt": one.attempt,
        "stream": one.stream,
        "at": one.at,
        "text": one.text,
    }


@endpoint("GET")
def listing(actor: Actor, request: HttpRequest) -> Any:
    """Books by key."""
    del request
    return {"runbooks": every_book(actor)}


@endpoint("GET")
def show(actor: Actor, request: HttpRequest, key: str) -> Any:
    """One book."""
    del request
    return one_book(actor, key)


@endpoint("POST")
def lint(actor: Actor, request: HttpRequest) -> Any:
    """What is to be said about a text."""
    del actor
    text = fields_of(request, {"text": str}).get("text", "")
    return {"problems": [{"line": one.line, "text": one.text, "hint": one.hint} for one in books.lint_text(text)]}


@endpoint("GET")
def runs(actor: Actor, request: HttpRequest) -> Any:
    """Runs, the newest first."""
    return {"runs": every(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def show_run(actor: Actor, request: HttpRequest, number: int) -> Any:
    """One run."""
    del request
    return {**one(actor, number), "steps": steps(actor, number)}


@endpoint("POST")
def propose(actor: Actor, request: HttpRequest) -> Any:
    """Write a draft of a run."""
    known = {"runbook": str, "inputs": dict, "targets": list, "reason": str, "incident": int}
    fields = fields_of(request, known)
    if not fields.get("runbook"):
        raise bad_request("write the key of a runbook", "runbook")
    run = services.propose(
        actor,
        fields["runbook"],
        fields.get("inputs", {}),
        targets=fields.get("targets"),
        reason=fields.get("reason", ""),
        incident=fields.get("incident"),
    )
    return one(actor, run.pk)


@endpoint("POST")
def act(actor: Actor, request: HttpRequest, number: int, action: str) -> Any:
    """Dry-run, request, start, stop, resume or withdraw. Approving takes a person at a screen."""
    deeds = {
        "dry-run": services.dry_run,
        "request": services.request,
        "start": services.start,
        "stop": services.stop,
        "withdraw": services.withdraw,
    }
    if action == "resume":
        services.resume(actor, number, fields_of(request, {"inputs": dict}).get("inputs"))
        return one(actor, number)
    fields_of(request, {})
    if action not in deeds:
        raise bad_request(f"write one of {', '.join([*deeds, 'resume'])}", "action")
    deeds[action](actor, number)
    return one(actor, number)


@endpoint("POST")
def stop_all(actor: Actor, request: HttpRequest) -> Any:
    """Panic: stop every run."""
    fields_of(request, {})
    return {"stopped": services.stop_all(actor)}


@endpoint("POST")
def answer(actor: Actor, request: HttpRequest, number: int) -> Any:
    """Answer a step that waits for a person."""
    fields = fields_of(request, {"what": str, "text": str})
    answering.answer(actor, number, fields.get("what", ""), fields.get("text", ""))
    return _step(StepRun.objects.get(pk=number))


@endpoint("GET")
def output(actor: Actor, request: HttpRequest, number: int) -> Any:
    """What a run has written behind a piece."""
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise bad_request("write the number of the last piece that you have", "after")
    found = reading.output(actor, number, after=int(after))[: whole_of(request, "limit", 500)]
    return {"output": [chunk(one) for one in found]}


@endpoint("GET")
def search(actor: Actor, request: HttpRequest) -> Any:
    """Where a text stands in the output of runs."""
    found = reading.search(actor, request.GET.get("text", ""), limit=whole_of(request, "limit", 50))
    return {"hits": [{"run": one.run.pk, "step": one.step.step, "text": one.text} for one in found]}


def every_remedy(actor: Actor) -> list[dict[str, Any]]:
    """Remedies by key, with their breakers."""
    return [
        {
            "key": one.remedy.key,
            "for": one.remedy.known_error or one.remedy.rule,
            "runbook": one.remedy.runbook,
            "enabled": one.remedy.enabled,
            "breaker": "open" if one.remedy.tripped_at else "closed",
            "why": one.remedy.tripped_why or None,
            "runs": one.runs,
            "per_hour": one.remedy.per_hour,
            "last": one.last.at if one.last else None,
        }
        for one in remedies.every(actor)
    ]


@endpoint("GET")
def list_remedies(actor: Actor, request: HttpRequest) -> Any:
    """Remedies by key."""
    del request
    return {"remedies": every_remedy(actor)}


urlpatterns: list[URLPattern] = [
    path("remedies", list_remedies),
    path("runbooks", listing),
    path("runbooks/lint", lint),
    path("runbooks/<str:key>", show),
    path("runs", runs),
    path("runs/propose", propose),
    path("runs/stop-all", stop_all),
    path("runs/output", search),
    path("runs/<int:number>", show_run),
    path("runs/<int:number>/output", output),
    path("runs/steps/<int:number>/answer", answer),
    path("runs/<int:number>/<str:action>", act),
]
