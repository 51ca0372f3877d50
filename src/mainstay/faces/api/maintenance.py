"""Planned work as plain data: one shape for the REST API and for the command line."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.change.maintenance import conflicts, services
from mainstay.change.maintenance.models import Work
from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, moment_of, whole_of

Row = dict[str, Any]


def _row(work: Work) -> Row:
    return {
        "number": work.pk,
        "title": work.title,
        "services": services.service_keys(work),
        "state": work.state,
        "starts_at": work.starts_at,
        "ends_at": work.ends_at,
        "began_at": work.began_at,
        "ended_at": work.ended_at,
    }


def listed(actor: Actor, limit: int, *, every: bool = False) -> list[Row]:
    """Work that is not over, or all that there ever was, the latest first."""
    found = services.visible(actor)
    return [_row(one) for one in (found if every else found.filter(state__in=services.NOT_OVER))[:limit]]


def shown(actor: Actor, number: int) -> Row:
    """One piece of work with its log, and what else is planned then."""
    work = services.get(actor, number)
    keys = frozenset(services.service_keys(work))
    met = conflicts.of(actor, keys, work.reach, work.starts_at, work.ends_at, but=work.pk)
    return {
        **_row(work),
        "reason": work.reason,
        "reach": work.reach,
        "quiet": work.quiet,
        "announced": work.announced,
        "before": work.before,
        "after": work.after,
        "by_itself": work.by_itself,
        "plan": work.plan.key if work.plan else None,
        "run": work.run_id,
        "hindrance": work.hindrance or None,
        "outcome": work.outcome or None,
        "conflicts": [{"what": one.what, "from": one.start, "to": one.end, "closes": one.closes} for one in met],
        "log": [{"at": one.at, "who": one.who, "text": one.text} for one in work.notes.all()],
    }


def planned(actor: Actor, given: Mapping[str, Any]) -> Row:
    """Plan work of the fields of ``services.Wanted``; moments are texts with their offset."""
    wanted = services.Wanted(
        title=given.get("title", ""),
        reason=given.get("reason", ""),
        services=frozenset(map(str, given.get("services", ()))),
        starts_at=moment_of(given.get("starts_at"), "starts_at"),
        ends_at=moment_of(given.get("ends_at"), "ends_at"),
        reach=given.get("reach", "alone"),
        quiet=given.get("quiet", True),
        announced=given.get("announced", True),
        before=tuple(map(str, given.get("before", ()))),
        after=tuple(map(str, given.get("after", ()))),
        run=given.get("run"),
        by_itself=given.get("by_itself", False),
    )
    return shown(actor, services.plan(actor, wanted).pk)


def acted(actor: Actor, number: int, action: str, given: Mapping[str, Any]) -> Row:
    """Begin, end, extend, move or cancel it."""
    if action == "begin":
        services.begin(actor, number, emergency=given.get("emergency") or None)
    elif action == "end":
        services.end(actor, number, given.get("outcome", ""))
    elif action == "extend":
        services.extend(actor, number, moment_of(given.get("ends_at"), "ends_at"))
    elif action == "move":
        starts, ends = (moment_of(given.get(name), name) for name in ("starts_at", "ends_at"))
        services.move(actor, number, starts, ends)
    elif action == "cancel":
        services.cancel(actor, number, given.get("reason", ""))
    else:
        raise bad_request("write one of begin, end, extend, move, cancel", "action")
    return shown(actor, number)


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"maintenance": listed(actor, whole_of(request, "limit", 100), every=request.GET.get("all") == "true")}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, number: int) -> Any:
    del request
    return shown(actor, number)


_TEXTS = ("title", "reason", "starts_at", "ends_at", "reach")
_FIELDS: dict[str, type] = {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(("services", "before", "after"), list),
    **dict.fromkeys(("quiet", "announced", "by_itself"), bool),
    "run": int,
}
_ACT_FIELDS: dict[str, type] = dict.fromkeys(("emergency", "outcome", "starts_at", "ends_at", "reason"), str)


@endpoint("POST")
def _plan(actor: Actor, request: HttpRequest) -> Any:
    return planned(actor, fields_of(request, _FIELDS))


@endpoint("POST")
def _act(actor: Actor, request: HttpRequest, number: int, action: str) -> Any:
    return acted(actor, number, action, fields_of(request, _ACT_FIELDS))


urlpatterns: list[URLPattern] = [
    path("maintenance", _every),
    path("maintenance/plan", _plan),
    path("maintenance/<int:number>", _one),
    path("maintenance/<int:number>/<str:action>", _act),
]
