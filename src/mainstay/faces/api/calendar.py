"""The gate as JSON: one shape for the REST API and for the command line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.catalog.calendar import gate
from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint


def moment(text: str) -> datetime:
    """The moment that a request names with its offset, or now."""
    if not text:
        return clock.now()
    try:
        # In an address a plus sign means a blank.
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise bad_request(f"{text!r} is no moment; write one such as 2026-03-01T02:00:00Z, with its offset", "at")
    return found.astimezone(UTC)


def ask(actor: Actor, services: Sequence[str], at: str, kind: str) -> dict[str, Any]:
    """What the gate answers."""
    now = moment(at)
    answer = gate.may_change(actor, services, now, kind=kind or "other")
    return {
        "allowed": answer.allowed,
        "why": answer.reason,
        "until": answer.until,
        "at": now,
        "kind": kind or "other",
        "services": sorted(set(services)),
        "entries": [
            {"key": one.key, "name": one.name, "kind": one.kind, "from": one.start, "to": one.end}
            for one in answer.entries
        ],
    }


@endpoint("GET")
def may_change(actor: Actor, request: HttpRequest) -> Any:
    """May these services be changed?"""
    return ask(actor, request.GET.getlist("service"), request.GET.get("at", ""), request.GET.get("kind", ""))


urlpatterns: list[URLPattern] = [path("gate", may_change)]
