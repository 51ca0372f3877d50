"""The SQL desk's screen for reads: ask, see, stop, approve, keep."""

import asyncio
from threading import Event
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.db import connections as django_connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, not_found
from mainstay.faces.api.sql import file_of
from mainstay.faces.web.views.base import actor_of, say, show, whole
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.examine import saved, services, values
from mainstay.restore.sqldesk.examine.parameters import ParameterError, named
from mainstay.restore.sqldesk.examine.running import Reading
from mainstay.restore.sqldesk.models import Connection, Evidence, Read, SavedQuery

PER_PAGE = 200
CELL = 600


async def page(request: HttpRequest) -> HttpResponseBase:
    """The screen, and the answer to what was asked. A browser that goes away stops the read on the server."""
    gone = Event()
    try:
        return await sync_to_async(_served)(request, gone)
    except asyncio.CancelledError:
        gone.set()
        token = request.POST.get("token", "")
        if request.method == "POST" and token:
            # The thread of this request is busy with the read, so it takes another.
            await asyncio.shield(sync_to_async(_left, thread_sensitive=False)(actor_of(request), token))
        raise


def _served(request: HttpRequest, gone: Event) -> HttpResponseBase:
    """Nobody waits for the end of a request that was left, so its thread tidies up by itself."""
    try:
        return _page(request)
    finally:
        if gone.is_set():
            django_connections.close_all()


def _left(actor: Actor, token: str) -> None:
    try:
        services.cancel(actor, token)
    except ProblemError:
        # It had not begun.
        pass
    finally:
        django_connections.close_all()


def _page(request: HttpRequest) -> HttpResponseBase:
    actor, asked = actor_of(request), request.POST if request.method == "POST" else request.GET
    known = list(connections.visible(actor))
    kept = saved.visible(actor).filter(pk=whole(asked.get("saved"), 0)).first()
    key = kept.connection.key if kept else asked.get("connection", "")
    here = next((one for one in known if one.key == key), known[0] if known else None)
    incident = whole(asked.get("incident"), 0) or None
    context: dict[str, Any] = {
        "connections": known,
        "connection": here,
        "incident": incident,
        "token": uuid4().hex,
        "kept": kept,
        "sql": kept.sql if kept else asked.get("sql", ""),
        "reason": asked.get("reason", ""),
        "formats": list(values.FORMATS),
        "needs_reason": bool(here and (here.sensitive or (kept and kept.sensitive))),
    }
    if here is not None and request.method == "POST":
        answered = _posted(request, actor, here, kept, context)
        if answered is not None:
            return answered
    context |= _beside(actor, here)
    context["parameters"] = _parameters(actor, here, kept, context, asked.dict())
    return show(request, "sql", context)


def _beside(actor: Actor, here: Connection | None) -> dict[str, Any]:
    """What stands beside the editor."""
    key = here.key if here else ""
    waiting = services.visible(actor).filter(state=Read.State.REQUESTED)
    return {
        "saved": list(saved.visible(actor)[:50]),
        "history": list(services.history(actor, key)[:20]),
        "waiting_reads": list(waiting[:20]),
    }


def _parameters(
    actor: Actor, here: Connection | None, kept: SavedQuery | None, context: dict[str, Any], asked: dict[str, str]
) -> list[dict[str, str]]:
    """A field for each parameter, filled from what was given or from the incident."""
    if here is None or not context["sql"]:
        return []
    try:
        names = named(context["sql"], here.dialect)
    except ParameterError:
        return []
    filled = saved.filled(actor, kept, context["incident"]) if kept else {}
    kinds = {one["name"]: one["type"] for one in kept.parameters} if kept else {}
    return [
        {"name": name, "type": kinds.get(name, "text"), "value": asked.get(f"p_{name}", filled.get(name, ""))}
        for name in names
    ]


def _posted(
    request: HttpRequest, actor: Actor, here: Connection, kept: SavedQuery | None, context: dict[str, Any]
) -> HttpResponseBase | None:
    """Do what the button says. Nothing: the screen is drawn with what ``context`` has now."""
    posted, wanted = request.POST, request.POST.get("do", "run")
    given = {name.removeprefix("p_"): value for name, value in posted.items() if name.startswith("p_")}
    text = context["sql"]
    try:
        if wanted == "save":
            found = saved.save(actor, posted.get("name", ""), here.key, text, sensitive="sensitive" in posted)
            say(request, f"Saved as {found.name}.")
            return HttpResponseRedirect(f"/sql?saved={found.pk}")
        token = posted.get("token", "")
        read = services.begin(
            actor,
            here.key,
            f"EXPLAIN {text}" if wanted == "explain" else text,
            given,
            saved=kept.pk if kept and wanted != "explain" else None,
            incident=context["incident"],
            token="" if Read.objects.filter(token=token).exists() else token,
            reason=context["reason"],
        )
        if read.state == Read.State.REQUESTED:
            say(request, f"{read} waits for a colleague. You will find it in your history.")
            return HttpResponseRedirect(f"/sql/reads/{read.pk}")
        if wanted in values.FORMATS:
            return file_of(actor, read, wanted)
        offset = whole(posted.get("offset"), 0)
        answer = services.run(actor, read, offset=offset, limit=PER_PAGE)
        context |= _drawn(*answer, offset)
        if posted.get("pin", "").strip() and context["incident"]:
            kept_as = services.pin(actor, read, context["incident"], posted["pin"], answer[1:])
            context["pinned"] = kept_as
    except ProblemError as problem:
        context["wrong"] = problem
    return None


def _drawn(read: Read, reading: Reading, rows: list[list[Any]], offset: int) -> dict[str, Any]:
    """An answer as the screen shows it."""
    masks = reading.masks or [None] * len(reading.fields)
    more = bool(reading.cut) and reading.rows == PER_PAGE
    return {
        "read": read,
        "reading": reading,
        "columns": list(zip(reading.fields, masks, strict=True)),
        "rows": [[values.text_of(one)[:CELL] if one is not None else None for one in row] for row in rows],
        "offset": offset,
        "first": offset + 1,
        "last": offset + len(rows),
        "next": offset + PER_PAGE if more else None,
        "previous": max(offset - PER_PAGE, 0) if offset else None,
        "cut": "" if more else reading.cut,
    }


@require_POST
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """Stop a read."""
    return JsonResponse({"cancelled": services.cancel(actor_of(request), token)})


@require_GET
def schema(request: HttpRequest, key: str) -> HttpResponse:
    """Tables and columns of a connection."""
    context: dict[str, Any] = {"title": "Tables", "panel": "parts/sql_schema.html", "key": key}
    try:
        context["relations"] = services.schema(actor_of(request), key).relations
    except ProblemError as problem:
        context["error"] = problem.detail
    return show(request, "panel", context, "parts/sql_schema")


@require_GET
def words(request: HttpRequest, key: str) -> HttpResponse:
    """Names of tables and columns, to complete what is being written."""
    found = services.schema(actor_of(request), key).relations
    names = {one.name for one in found} | {name for one in found for name, _ in one.columns}
    return JsonResponse({"words": sorted(names)})


@require_GET
def read(request: HttpRequest, number: int) -> HttpResponse:
    """One read: what is asked, by whom, why, and what came of it."""
    actor = actor_of(request)
    return show(request, "sql_read", _one(actor, services.get(actor, number)))


def _one(actor: Actor, found: Read) -> dict[str, Any]:
    own = found.person_id == actor.person_id
    return {
        "one": found,
        "own": own,
        "hash": services.hash_of(found),
        "may_decide": found.state == Read.State.REQUESTED and not own,
        "may_run": found.state == Read.State.APPROVED and own,
    }


@require_POST
def decide(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Approve or reject a colleague's read, or see the answer of one's own, once."""
    actor = actor_of(request)
    if action == "run":
        found = services.get(actor, number)
        answer = services.run(actor, found)
        return show(request, "sql_read", {**_one(actor, found), **_drawn(*answer, 0)})
    if action not in {"approve", "reject"}:
        raise not_found("such action")
    note = request.POST.get("note", "")
    found = services.decide(actor, number, request.POST.get("hash", ""), approve=action == "approve", note=note)
    say(request, f"{found} is {found.get_state_display().lower()}.")
    return HttpResponseRedirect(f"/sql/reads/{number}")


@require_POST
def forget(request: HttpRequest, number: int) -> HttpResponse:
    """Delete a saved query."""
    saved.delete(actor_of(request), number)
    say(request, "Deleted.")
    return HttpResponseRedirect("/sql")


@require_GET
def evidence(request: HttpRequest, number: int) -> HttpResponse:
    """An answer that was pinned to an incident, as it was."""
    actor = actor_of(request)
    found = Evidence.objects.filter(pk=number).first()
    one = services.evidence(actor, found.incident_id).filter(pk=number).first() if found else None
    if one is None:
        raise not_found(f"evidence {number}")
    rows = [[values.text_of(value)[:CELL] if value is not None else None for value in row] for row in one.rows]
    return show(request, "sql_evidence", {"one": one, "rows": rows, "intact": services.intact(one)})
