"""Corrections: the list, the form, and one with what its preview saw, who approved it and what became of it."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.documents import markdown, pdf
from mainstay.core.problems import ProblemError
from mainstay.faces.web import assets
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show, whole
from mainstay.restore import approval
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.correct import facts, record, services
from mainstay.restore.sqldesk.models import Correction

State = Correction.State
WAITING = (State.REQUESTED, State.UNKNOWN, State.PARTIAL, State.PAUSED)


def every(request: HttpRequest) -> HttpResponse:
    """All corrections, newest first, with those that wait for a person on top."""
    found = services.visible(actor_of(request))
    waiting = list(found.filter(state__in=WAITING)[:50])
    return show(request, "corrections", {"sheet": sheet_of(request, found), "owed": waiting})


def one(request: HttpRequest, number: int) -> HttpResponse:
    """One correction whole."""
    return show(request, "correction", _context(actor_of(request), number), "parts/correction")


def _context(actor: Actor, number: int) -> dict[str, Any]:
    correction = services.get(actor, number)
    may = approval.may_approve(correction.state, correction.requested_by_id, actor.person_id)
    batches = list(correction.batches.all())
    done = [batch for batch in batches if batch.state == "done"]
    hide = connections.hider(correction.connection)
    return {
        "correction": correction,
        "tables": _tables(correction.preview, hide),
        "judged": correction.preview.get("judged", []),
        "hash": facts.hash_of(correction),
        "stale": bool(correction.preview) and facts.hash_of(correction) != correction.previewed_hash,
        "may_approve": may,
        "batches": batches,
        "rows_done": sum(batch.rows or 0 for batch in done),
        "strays": [stray for batch in done for stray in batch.session.get("strays", [])],
        "undos": list(correction.undone_by.all()),
        "is_open": correction.state in services.OPEN,
        "is_live": correction.state in {State.QUEUED, State.RUNNING},
        "may_start": correction.state in {State.APPROVED, State.PAUSED, State.PARTIAL},
        "may_undo": bool(done) and correction.state in {State.DONE, State.PARTIAL, State.PAUSED},
        "may_withdraw": correction.state in {State.DRAFT, State.REQUESTED, State.APPROVED, State.FAILED},
    }


def _tables(preview: dict[str, Any], hide: Any) -> list[dict[str, Any]]:
    """What a preview saw, each row with the columns that differ first, values hidden by the connection's rules."""
    found = []
    for table in preview.get("tables", []):
        name, columns = table["table"].rpartition(".")[2], table["columns"]
        rows = []
        for row in table["rows"]:
            before, after = row["before"], row["after"]
            cells = [
                {
                    "name": column,
                    "before": None if before is None else hide(name, column, before[place]),
                    "after": None if after is None else hide(name, column, after[place]),
                    "differs": before is None or after is None or before[place] != after[place],
                }
                for place, column in enumerate(columns)
            ]
            kind = "inserted" if before is None else "deleted" if after is None else "changed"
            key = [hide(name, column, value) for column, value in zip(table["key"], row["key"], strict=False)]
            rows.append({"key": ", ".join(map(str, key)), "kind": kind, "cells": cells})
        changed = [row for row in rows if row["kind"] == "changed"]
        whole = [row for row in rows if row["kind"] != "changed"]
        found.append({**table, "changed": changed, "whole": whole, "more": table["count"] - len(rows)})
    return found


def edit(request: HttpRequest, number: int = 0) -> HttpResponse:
    """The form for a new correction, or for one that is not carried out yet."""
    actor = actor_of(request)
    correction = services.get(actor, number) if number else None
    fields = _fields(request) if request.method == "POST" else _as_fields(correction, request)
    context: dict[str, Any] = {
        "correction": correction,
        "fields": fields,
        "connections": [one for one in connections.visible(actor) if one.corrections],
    }
    if request.method == "POST":
        try:
            kept = _keep(actor, correction, fields)
        except ProblemError as error:
            return show(request, "correction_edit", {**context, "error": error})
        return HttpResponseRedirect(f"/corrections/{kept.pk}")
    return show(request, "correction_edit", context)


def _keep(actor: Actor, correction: Correction | None, fields: dict[str, str]) -> Correction:
    wanted = {
        "title": fields["title"],
        "reason": fields["reason"],
        "statements": split(fields["statements"]),
        "parameters": parameters_of(fields["parameters"]),
        "expected_rows": _number(fields["expected_rows"], "expected_rows"),
        "batch_rows": _number(fields["batch_rows"], "batch_rows"),
        "checks_before": split(fields["checks_before"]),
        "checks_after": split(fields["checks_after"]),
    }
    if correction is not None:
        if correction.undoes_id:
            wanted = {"title": fields["title"], "reason": fields["reason"]}
        kept = services.edit(actor, correction.pk, wanted)
    else:
        incident = _number(fields["incident"].upper().removeprefix("INC-"), "incident")
        kept = services.propose(actor, fields["connection"], wanted, incident)
    return services.preview(actor, kept.pk)


NAMES = (
    *("connection", "incident", "title", "reason", "statements", "parameters", "expected_rows", "batch_rows"),
    *("checks_before", "checks_after"),
)


def _fields(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "").strip().replace("\r\n", "\n") for name in NAMES}


def _as_fields(correction: Correction | None, request: HttpRequest) -> dict[str, str]:
    if correction is None:
        return {name: request.GET.get(name, "")[:20_000] for name in NAMES}
    return {
        "connection": correction.connection.key,
        "incident": str(correction.incident or ""),
        "title": correction.title,
        "reason": correction.reason,
        "statements": ";\n".join(correction.statements),
        "parameters": "\n".join(f"{name} = {json.dumps(value)}" for name, value in correction.parameters.items()),
        "expected_rows": "" if correction.expected_rows is None else str(correction.expected_rows),
        "batch_rows": "" if correction.batch_rows is None else str(correction.batch_rows),
        "checks_before": ";\n".join(correction.checks_before),
        "checks_after": ";\n".join(correction.checks_after),
    }


def split(text: str) -> list[str]:
    """Statements that end with a semicolon at the end of a line."""
    return [part.strip() for part in f"{text}\n".split(";\n") if part.strip()]


def parameters_of(text: str) -> dict[str, Any]:
    """Lines of ``name = value``. A value that reads as JSON has its type, any other is text."""
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, value = (part.strip() for part in line.partition("="))
        name = name.removeprefix(":")
        if not sign or not name.isidentifier():
            raise ProblemError(400, "Bad request", f"{line!r}: write name = value, one on each line", "parameters")
        try:
            read = json.loads(value)
        except ValueError:
            read = value
        found[name] = value if isinstance(read, (dict, list)) else read
    return found


def _number(text: str, field: str) -> int | None:
    if not text:
        return None
    number = whole(text.replace(",", ""), -1)
    if number < 0:
        raise ProblemError(400, "Bad request", f"{text!r} is no whole number", field)
    return number


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """A deed. What cannot be done is said on the page, and nothing that was written is lost."""
    actor, posted = actor_of(request), request.POST
    deeds: dict[str, Callable[[], object]] = {
        "preview": lambda: services.preview(actor, number),
        "request": lambda: services.request(actor, number),
        "approve": lambda: services.approve(actor, number, posted.get("hash", "")),
        "reject": lambda: services.reject(actor, number, posted.get("reason", "")),
        "withdraw": lambda: services.withdraw(actor, number),
        "start": lambda: services.start(actor, number, posted.get("emergency", "")),
        "pause": lambda: services.pause(actor, number),
        "accept": lambda: _accept(actor, number, posted.getlist("ident")),
        "settle": lambda: services.settle(
            actor, number, committed=posted.get("committed") == "yes", reason=posted.get("reason", "")
        ),
    }
    target = f"/corrections/{number}"
    try:
        if action == "undo":
            undo = services.propose_undo(actor, number, posted.get("reason", ""))
            services.preview(actor, undo.pk)
            target = f"/corrections/{undo.pk}"
        elif action in deeds:
            deeds[action]()
        else:
            raise ProblemError(404, "Not found", "There is no such deed.")
    except ProblemError as error:
        say(request, f"{error.title}: {error.detail}", "bad")
    return HttpResponseRedirect(target)


def _accept(actor: Actor, number: int, idents: list[str]) -> None:
    services.accept_rows(actor, number, idents)
    services.preview(actor, number)


def export(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """The record, as Markdown or PDF."""
    correction = services.get(actor_of(request), number)
    blocks = record.blocks(correction, connections.hider(correction.connection))
    if form == "pdf":
        body: Any = pdf(blocks, assets.DIST / "fonts", clock.now())
        kind = "application/pdf"
    else:
        body, kind = markdown(blocks), "text/markdown; charset=utf-8"
    name = f'attachment; filename="COR-{number}.{form}"'
    return HttpResponse(body, content_type=kind, headers={"Content-Disposition": name})
