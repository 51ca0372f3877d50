"""Configuration as plain data: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.change.configs import services
from mainstay.change.configs.models import Snapshot, Source
from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of

Row = dict[str, Any]


def _row(source: Source) -> Row:
    return {
        "key": source.key,
        "name": source.name,
        "kind": source.kind,
        "service": source.service.key if source.service else None,
        "host": source.host or None,
        "looked_at": source.looked_at,
        "problem": source.problem or None,
        "like": source.like or None,
        "drift": source.drift_text or None,
    }


def _look(row: Snapshot) -> Row:
    return {"number": row.pk, "at": row.at, "files": row.files, "summary": row.summary, "why": row.why or None}


def listed(actor: Actor, limit: int) -> list[Row]:
    """Sources by key."""
    return [_row(one) for one in services.visible(actor)[:limit]]


def shown(actor: Actor, key: str, limit: int = 20) -> Row:
    """One source with what was seen of it, the newest first."""
    source = services.get(actor, key)
    return {**_row(source), "snapshots": [_look(one) for one in services.snapshots(actor, source)[:limit]]}


def taken(actor: Actor, key: str, why: str = "") -> Row:
    """Look now; ``snapshot`` is nothing where nothing has changed."""
    row = services.take(actor, key, why)
    return {"snapshot": _look(row) if row is not None else None}


def differing(actor: Actor, after: int, before: int) -> Row:
    """What differs between two looks, of one source or of two."""
    found = services.compared(actor, services.snapshot(actor, after), services.snapshot(actor, before))
    return {
        "summary": found.found.summary,
        "changed": found.found.changed,
        "added": found.found.added,
        "removed": found.found.removed,
        "patch": found.patch,
    }


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"configurations": listed(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, key: str) -> Any:
    return shown(actor, key, whole_of(request, "limit", 20))


@endpoint("POST")
def _take(actor: Actor, request: HttpRequest, key: str) -> Any:
    return taken(actor, key, fields_of(request, {"why": str}).get("why", "")[:120])


@endpoint("GET")
def _diff(actor: Actor, request: HttpRequest) -> Any:
    numbers = [request.GET.get(name, "") for name in ("after", "before")]
    for name, text in zip(("after", "before"), numbers, strict=True):
        if not (text.isascii() and text.isdigit() and len(text) < 15):
            raise bad_request("write the number of a snapshot", name)
    return differing(actor, *map(int, numbers))


urlpatterns: list[URLPattern] = [
    path("configurations", _every),
    path("configurations/diff", _diff),
    path("configurations/<str:key>", _one),
    path("configurations/<str:key>/take", _take),
]
