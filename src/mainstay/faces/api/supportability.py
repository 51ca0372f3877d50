"""Supportability reviews as plain data: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.change.supportability import services
from mainstay.core.access import Actor
from mainstay.core.problems import not_found
from mainstay.faces.api.endpoint import endpoint, fields_of

Row = dict[str, Any]


def listed(actor: Actor) -> list[Row]:
    """Every service with its last score, the worst first."""
    return [{"service": one.key, "score": score, "at": at} for one, score, at in services.standing(actor)]


def shown(actor: Actor, key: str) -> Row:
    """The last review of a service, and the scores before."""
    service, found = services.of_service(actor, key)
    row = found.first()
    if row is None:
        raise not_found(f"review of {key} yet; make one")
    past = services.trend(actor, service)
    return {
        "service": key,
        "at": row.at,
        "by": row.made_by,
        "score": row.score,
        "findings": row.findings,
        "trend": [{"at": one.at, "score": one.score} for one in past],
    }


def reviewed(actor: Actor, key: str) -> Row:
    """Look at it now."""
    services.review(actor, key)
    return shown(actor, key)


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    del request
    return {"services": listed(actor)}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, key: str) -> Any:
    del request
    return shown(actor, key)


@endpoint("POST")
def _review(actor: Actor, request: HttpRequest, key: str) -> Any:
    fields_of(request, {})
    return reviewed(actor, key)


@endpoint("POST")
def _confirm(actor: Actor, request: HttpRequest, key: str) -> Any:
    given = fields_of(request, {"point": str, "text": str})
    services.confirm(actor, key, given.get("point", ""), given.get("text", ""))
    return {"confirmed": True}


urlpatterns: list[URLPattern] = [
    path("supportability", _every),
    path("supportability/<str:key>", _one),
    path("supportability/<str:key>/review", _review),
    path("supportability/<str:key>/confirm", _confirm),
]
