"""The diagnosis as plain data: one shape for the REST API and for the command line."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import bad_request, not_found
from mainstay.faces.api.endpoint import endpoint, fields_of
from mainstay.faces.api.numbers import number
from mainstay.learn.assistant import services as assistant
from mainstay.learn.diagnosis import confirmed, services
from mainstay.learn.diagnosis.models import Finding

Row = dict[str, Any]


def _row(found: Finding) -> Row:
    about = {"incident": found.incident_id, "at": found.at, "seconds": found.seconds, "digest": found.digest}
    return {**about, "asked_by": found.asked_by or None, **found.said}


def shown(actor: Actor, ident: str) -> Row:
    """What was said last of an incident."""
    found = services.latest(actor, number(ident))
    if found is None:
        raise not_found(f"diagnosis of {ident} yet; ask for one")
    return _row(found)


def again(actor: Actor, ident: str) -> Row:
    """Diagnose an incident now."""
    return _row(services.again(actor, number(ident)))


def own_score(actor: Actor) -> Row:
    """How often it was right about what was confirmed, beside chance."""
    score, _ = confirmed.own_score(actor)
    return asdict(score)


def cause(actor: Actor, ident: str, service: str, change: str = "", note: str = "") -> Row:
    """Say what it was."""
    row = confirmed.confirm(actor, number(ident), service, change, note)
    return {"incident": row.incident_id, **confirmed.truth_of(row)}


def opinion(actor: Actor, ident: str) -> Row:
    """What a language model said last of an incident, as far as it stands."""
    found = assistant.visible(actor, number(ident)).first()
    if found is None:
        raise not_found(f"opinion on {ident} yet; ask for one")
    names = ("state", "asked_by", "asked_at", "ended_at", "model", "kept", "discarded", "exhibits", "digest", "problem")
    return {"incident": found.incident_id, **{name: getattr(found, name) for name in names}}


def ask_opinion(actor: Actor, ident: str) -> Row:
    """Ask the language model."""
    assistant.ask(actor, number(ident))
    return opinion(actor, ident)


@endpoint("GET")
def _opinion(actor: Actor, request: HttpRequest, ident: str) -> Any:
    del request
    return opinion(actor, ident)


@endpoint("POST")
def _ask_opinion(actor: Actor, request: HttpRequest, ident: str) -> Any:
    fields_of(request, {})
    return ask_opinion(actor, ident)


@endpoint("GET")
def _score(actor: Actor, request: HttpRequest) -> Any:
    del request
    return own_score(actor)


@endpoint("POST")
def _cause(actor: Actor, request: HttpRequest, ident: str) -> Any:
    given = fields_of(request, {"service": str, "change": str, "note": str})
    if "service" not in given:
        raise bad_request("write the key of a service, or an empty text for none of the catalog", "service")
    return cause(actor, ident, given["service"], given.get("change", ""), given.get("note", ""))


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, ident: str) -> Any:
    del request
    return shown(actor, ident)


@endpoint("POST")
def _again(actor: Actor, request: HttpRequest, ident: str) -> Any:
    fields_of(request, {})
    return again(actor, ident)


urlpatterns: list[URLPattern] = [
    path("incidents/<str:ident>/diagnosis", _one),
    path("incidents/<str:ident>/diagnose", _again),
    path("incidents/<str:ident>/cause", _cause),
    path("incidents/<str:ident>/opinion", _opinion),
    path("incidents/<str:ident>/ask-assistant", _ask_opinion),
    path("diagnosis/score", _score),
]
