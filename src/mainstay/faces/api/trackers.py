"""Trackers and linked issues as plain data: one shape for the REST API and for the command line; and their webhooks."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import SYSTEM, Actor
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.learn.trackers import hooks, services
from mainstay.learn.trackers.models import Issue

Row = dict[str, Any]


def listed(actor: Actor) -> list[Row]:
    """Trackers by key."""
    names = ("key", "name", "kind", "address", "project", "services", "teams", "enabled", "source")
    return [{name: getattr(one, name) for name in names} for one in services.visible(actor)]


def _row(issue: Issue) -> Row:
    names = ("purpose", "ref", "number", "url", "title", "state", "theirs", "trouble", "made_at", "made_by", "seen_at")
    return {"id": issue.pk, "tracker": issue.tracker.key, **{name: getattr(issue, name) for name in names}}


def issues(actor: Actor, limit: int) -> list[Row]:
    """Linked issues, the latest first."""
    return [_row(one) for one in services.issues(actor)[:limit]]


def shown(actor: Actor, pk: int) -> Row:
    """One with what happened to it in its tracker."""
    issue = services.get(actor, pk)
    happened = [
        {name: getattr(one, name) for name in ("kind", "at", "who", "before", "after", "text")}
        for one in services.facts(actor, issue)
    ]
    return {**_row(issue), "facts": happened}


@endpoint("GET")
def _trackers(actor: Actor, request: HttpRequest) -> Any:
    del request
    return {"trackers": listed(actor)}


@endpoint("GET")
def _issues(actor: Actor, request: HttpRequest) -> Any:
    return {"issues": issues(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def _issue(actor: Actor, request: HttpRequest, number: int) -> Any:
    del request
    return shown(actor, number)


@endpoint("POST")
def _retry(actor: Actor, request: HttpRequest, number: int) -> Any:
    fields_of(request, {})
    return {"again": services.retry(actor, services.get(actor, number))}


@endpoint("POST", who=lambda _: SYSTEM)
def _hook(actor: Actor, request: HttpRequest, key: str) -> Any:
    """What a tracker says by itself. Who it is, its signature tells."""
    del actor
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {"issues": hooks.take(services.hooked(key), headers, request.body)}


urlpatterns: list[URLPattern] = [
    path("trackers", _trackers),
    path("trackers/issues", _issues),
    path("trackers/issues/<int:number>", _issue),
    path("trackers/issues/<int:number>/retry", _retry),
    path("trackers/hooks/<str:key>", _hook),
]
