"""Cases for developers as plain data: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.faces.api.numbers import number
from mainstay.learn.escalation import services
from mainstay.learn.escalation.models import Escalation

Row = dict[str, Any]


def _row(case: Escalation) -> Row:
    return {
        "number": case.pk,
        "incident": case.incident_id,
        "state": case.state,
        "problem": case.problem or None,
        "team": case.team.key if case.team else None,
        "asked_at": case.asked_at,
        "built_at": case.built_at,
        "seconds": case.seconds,
        "bytes": case.size or None,
        "digest": case.digest or None,
        "sent_at": case.sent_at,
        "said_at": case.said_at,
    }


def listed(actor: Actor, limit: int, incident: str = "") -> list[Row]:
    """Cases, the latest first, all or those of one incident."""
    found = services.of_incident(actor, number(incident)) if incident else services.visible(actor)
    return [_row(one) for one in found.defer("summary")[:limit]]


def shown(actor: Actor, pk: int) -> Row:
    """One with what is in it, what is missing, its issues and its log."""
    case = services.get(actor, pk)
    return {
        **_row(case),
        "note": case.note,
        **{name: case.summary.get(name) for name in ("glance", "lacks", "cut", "taken_out")},
        "issues": [{"issue": str(one), "url": one.url, "state": one.state} for one in services.issues(actor, case)],
        "log": [{"at": one.at, "who": one.who, "text": one.text} for one in case.notes.all()],
    }


def begun(actor: Actor, incident: str) -> Row:
    """Have one built."""
    return _row(services.begin(actor, number(incident)))


def handed_over(actor: Actor, pk: int, team: str, note: str) -> Row:
    """Give one to a team."""
    return _row(services.hand_over(actor, pk, team, note))


def file_of(actor: Actor, number: int) -> HttpResponse:
    """The answer that saves a case."""
    name, content = services.content(actor, number)
    disposition = f'attachment; filename="{name}"'
    return HttpResponse(content, content_type="application/zip", headers={"Content-Disposition": disposition})


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"cases": listed(actor, whole_of(request, "limit", 100), request.GET.get("incident", ""))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, pk: int) -> Any:
    del request
    return shown(actor, pk)


@endpoint("GET")
def _file(actor: Actor, request: HttpRequest, pk: int) -> Any:
    del request
    return file_of(actor, pk)


@endpoint("POST")
def _begin(actor: Actor, request: HttpRequest, ident: str) -> Any:
    fields_of(request, {})
    return begun(actor, ident)


@endpoint("POST")
def _hand_over(actor: Actor, request: HttpRequest, pk: int) -> Any:
    given = fields_of(request, {"to": str, "note": str})
    if not given.get("to"):
        raise bad_request("write the key of a team", "to")
    return handed_over(actor, pk, given["to"], given.get("note", ""))


@endpoint("POST")
def _say(actor: Actor, request: HttpRequest, pk: int) -> Any:
    given = fields_of(request, {"state": str, "text": str})
    return _row(services.say(actor, pk, given.get("state", ""), given.get("text", "")))


@endpoint("POST")
def _answer(actor: Actor, request: HttpRequest, pk: int) -> Any:
    return _row(services.answer(actor, pk, fields_of(request, {"text": str}).get("text", "")))


urlpatterns: list[URLPattern] = [
    path("incidents/<str:ident>/escalate", _begin),
    path("escalations", _every),
    path("escalations/<int:pk>", _one),
    path("escalations/<int:pk>/file", _file),
    path("escalations/<int:pk>/hand-over", _hand_over),
    path("escalations/<int:pk>/say", _say),
    path("escalations/<int:pk>/answer", _answer),
]
