"""Problems as plain data: one shape for the REST API and for the command line."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, object_of, whole_of
from mainstay.faces.api.numbers import number
from mainstay.learn.problems import alike, reading, services
from mainstay.learn.problems.domain.costs import Cost
from mainstay.learn.problems.models import Problem

Row = dict[str, Any]


def _cost(cost: Cost) -> Row:
    return {**asdict(cost), "money": str(cost.money) if cost.money is not None else None}


def _row(problem: Problem) -> Row:
    return {
        "problem": str(problem),
        "title": problem.title,
        "state": problem.state,
        "service": problem.service.key if problem.service else None,
        "reason": problem.reason,
        "cause": problem.cause or None,
        "known_error": problem.known_error.key if problem.known_error else None,
        "fix": problem.fix or None,
        "owner": problem.owner.email if problem.owner else None,
        "made_at": problem.made_at,
        "ended_at": problem.ended_at,
    }


def listed(actor: Actor, limit: int, state: str = "") -> list[Row]:
    """Problems in the order of what they have cost; those that are over come last when none is chosen."""
    found = services.visible(actor)
    found = found.filter(state=state) if state else found.exclude(state=Problem.State.DISMISSED)
    rows = reading.ranked(actor, list(found[:500]))
    return [{**_row(one.problem), "cost": _cost(one.share.cost), "up_to": round(one.share.up_to, 3)} for one in rows][
        :limit
    ]


def shown(actor: Actor, pk: int) -> Row:
    """One with its incidents, their cost, and its log."""
    problem = services.get(actor, pk)
    rows = reading.happened(actor, problem)
    incidents = [{"incident": str(one.incident), "why": one.why, "cost": _cost(one.cost)} for one in rows]
    fields = ("workaround", "fix_version", "fixed_at", "verify_days", "common", "differing")
    log = [{"at": one.at, "who": one.who, "text": one.text} for one in problem.notes.all()]
    return {
        **_row(problem),
        **{name: getattr(problem, name) for name in fields},
        "incidents": incidents,
        "impact": reading.impact(rows),
        "log": log,
    }


def created(actor: Actor, given: Row) -> Row:
    """Make one. ``incidents`` are numbers or ``INC-5``."""
    fields = dict(given)
    numbers = [number(str(one)) for one in fields.pop("incidents", ())]
    return shown(actor, services.create(actor, services.Wanted(incidents=numbers, **fields)).pk)


def alike_of(actor: Actor, ident: str) -> list[Row]:
    """Earlier incidents like one: what they have in common, where they differ, and what helped."""
    return [
        {
            "incident": str(one.incident),
            "title": one.incident.title,
            "percent": one.percent,
            "same": one.same or None,
            "common": list(one.common),
            "differing": list(one.differing),
            "cause": one.incident.cause or None,
            "known_error": one.incident.known_error.key if one.incident.known_error else None,
            "run": str(one.run) if one.run else None,
        }
        for one in alike.of_incident(actor, number(ident))
    ]


def _text(given: Row, name: str = "text") -> str:
    return str(given.get(name, ""))


_ACTS: dict[str, Callable[[Actor, int, Row], Any]] = {
    "take": lambda actor, pk, _: services.take(actor, pk),
    "dismiss": lambda actor, pk, given: services.dismiss(actor, pk, _text(given)),
    "cause": lambda actor, pk, given: services.name_cause(
        actor, pk, _text(given), _text(given, "known_error"), _text(given, "workaround")
    ),
    "fix": lambda actor, pk, given: services.plan_fix(actor, pk, _fix(given)),
    "verify": lambda actor, pk, _: services.verify(actor, pk),
    "reopen": lambda actor, pk, given: services.reopen(actor, pk, _text(given)),
    "note": lambda actor, pk, given: services.comment(actor, pk, _text(given)),
    "assign": lambda actor, pk, given: services.assign(actor, pk, _text(given)),
    "add-incident": lambda actor, pk, given: services.add_incident(actor, pk, number(_text(given))),
    "remove-incident": lambda actor, pk, given: services.remove_incident(actor, pk, number(_text(given))),
}
ACTS = tuple(_ACTS)


def _fix(given: Row) -> services.Fix:
    release, days = _text(given, "release").upper().removeprefix("REL-"), _text(given, "days")
    if release and not release.isdigit():
        raise bad_request("write the number of a release, such as REL-12", "release")
    if days and not days.isdigit():
        raise bad_request("write a number of days", "days")
    return services.Fix(
        int(release) if release else None, _text(given, "version"), _text(given), int(days) if days else None
    )


def acted(actor: Actor, pk: int, action: str, given: Row) -> None:
    """Take a step with a problem. ``given`` has the ``text`` that the step asks for, and its fields."""
    if action not in _ACTS:
        raise ProblemError(404, "Not found", f"A problem cannot {action}; it can {', '.join(ACTS)}.")
    _ACTS[action](actor, pk, given)


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"problems": listed(actor, whole_of(request, "limit", 100), request.GET.get("state", ""))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, pk: int) -> Any:
    del request
    return shown(actor, pk)


@endpoint("POST")
def _create(actor: Actor, request: HttpRequest) -> Any:
    known = {"title": str, "incidents": list, "known_error": str, "release": int, "service": str, "cause": str}
    return created(actor, fields_of(request, known))


@endpoint("POST")
def _act(actor: Actor, request: HttpRequest, pk: int, action: str) -> Any:
    acted(actor, pk, action, object_of(request))
    return shown(actor, pk)


@endpoint("GET")
def _alike(actor: Actor, request: HttpRequest, ident: str) -> Any:
    del request
    return {"alike": alike_of(actor, ident)}


urlpatterns: list[URLPattern] = [
    path("problems", _every),
    path("problems/create", _create),
    path("problems/<int:pk>", _one),
    path("problems/<int:pk>/<str:action>", _act),
    path("incidents/<str:ident>/alike", _alike),
]
