"""Corrections through the REST API: read them, and bring one as far as a program may. People approve."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.documents import markdown
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.correct import facts, record, services
from mainstay.restore.sqldesk.models import Correction

FIELDS: dict[str, type] = {
    "connection": str,
    "incident": int,
    "title": str,
    "reason": str,
    "statements": list,
    "parameters": dict,
    "expected_rows": int,
    "batch_rows": int,
    "checks_before": list,
    "checks_after": list,
}


def plain(correction: Correction) -> dict[str, Any]:
    """A correction as JSON, without the rows that its preview saw: the record has those."""
    return {
        "id": correction.pk,
        "title": correction.title,
        "state": correction.state,
        "state_reason": correction.state_reason,
        "connection": correction.connection.key,
        "incident": correction.incident_id,
        "undoes": correction.undoes_id,
        "statements": correction.statements,
        "expected_rows": correction.expected_rows,
        "requested_by": correction.requested_name,
        "approved_by": correction.approved_name or None,
        "approved_at": correction.approved_at,
        "finished_at": correction.finished_at,
        "hash": facts.hash_of(correction),
        "rows": correction.preview.get("rows"),
        "problems": correction.preview.get("problems", []),
    }


def rows(actor: Actor, limit: int) -> list[dict[str, Any]]:
    """The newest corrections."""
    return [plain(one) for one in services.visible(actor)[:limit]]


@endpoint("GET")
def every(actor: Actor, request: HttpRequest) -> Any:
    """The newest corrections."""
    return {"corrections": rows(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def one(actor: Actor, request: HttpRequest, number: int) -> Any:
    """One correction."""
    del request
    return plain(services.get(actor, number))


@endpoint("GET")
def record_of(actor: Actor, request: HttpRequest, number: int) -> Any:
    """The record of a correction as Markdown."""
    del request
    correction = services.get(actor, number)
    text = markdown(record.blocks(correction, connections.hider(correction.connection)))
    return HttpResponse(text, content_type="text/markdown; charset=utf-8")


@endpoint("POST")
def propose(actor: Actor, request: HttpRequest) -> Any:
    """Write a draft and preview it."""
    fields = fields_of(request, FIELDS)
    for name in ("statements", "checks_before", "checks_after"):
        if not all(isinstance(text, str) for text in fields.get(name, [])):
            raise bad_request("write a list of texts", name)
    connection = fields.pop("connection", "")
    incident = fields.pop("incident", None)
    made = services.propose(actor, connection, fields, incident)
    return plain(services.preview(actor, made.pk))


@endpoint("POST")
def act(actor: Actor, request: HttpRequest, number: int, action: str) -> Any:
    """Preview, ask for approval, start, pause or withdraw."""
    fields_of(request, {})
    deeds: dict[str, Callable[[Actor, int], object]] = {
        "preview": services.preview,
        "request": services.request,
        "start": services.start,
        "pause": services.pause,
        "withdraw": services.withdraw,
    }
    if action not in deeds:
        raise bad_request(f"write one of {', '.join(deeds)}; people approve on the screen", "action")
    deeds[action](actor, number)
    return plain(services.get(actor, number))


urlpatterns: list[URLPattern] = [
    path("corrections", every),
    path("corrections/propose", propose),
    path("corrections/<int:number>", one),
    path("corrections/<int:number>/record", record_of),
    path("corrections/<int:number>/<str:action>", act),
]
