"""What is promised of services, as plain data: one shape for the REST API and for the command line."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.catalog.levels import objectives
from mainstay.catalog.levels import services as promised
from mainstay.catalog.levels.objectives import Standing
from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.faces.api.numbers import number
from mainstay.respond.clocks import services as clocks
from mainstay.respond.clocks.domain import Clock
from mainstay.respond.clocks.services import Clocks

Row = dict[str, Any]


def clock_row(one: Clock) -> Row:
    """One clock. ``left`` is below zero when more time was used than agreed."""
    return {
        "goal": one.goal,
        "state": one.state,
        "limit_seconds": _seconds(one.limit),
        "spent_seconds": _seconds(one.spent),
        "left_seconds": _seconds(one.left),
        "due": one.due,
        "breached_at": one.breached_at,
        "why": one.reason,
    }


def _seconds(length: timedelta | None) -> int | None:
    return int(length.total_seconds()) if length is not None else None


def clocks_row(found: Clocks | None) -> Row | None:
    """Both clocks of an incident, and the agreement that they follow."""
    if found is None:
        return None
    return {
        "agreement": found.agreement.key,
        "waits_for": found.held or None,
        **{one.goal.value: clock_row(one) for one in found.both},
    }


def agreements(actor: Actor, limit: int) -> list[Row]:
    """Agreements by key."""
    return [
        {
            "key": one.key,
            "name": one.name,
            "services": sorted(service.key for service in one.services.all()),
            "team": one.team.key if one.team else None,
            "tiers": one.tiers,
            "targets": one.targets,
            "enabled": one.enabled,
            "source": one.source,
        }
        for one in promised.visible(actor)[:limit]
    ]


def counts(actor: Actor, days: int) -> list[Row]:
    """How often each goal was met and breached by incidents that were resolved in the last days."""
    found = clocks.counts(actor, clock.now() - timedelta(days=days))
    return [
        {"goal": goal, "met": met, "breached": broken, "days": days} for goal, (met, broken) in sorted(found.items())
    ]


def objective_row(one: Standing) -> Row:
    """How an objective stands. What is null is not known, and ``unknown`` says why."""
    budget = one.budget
    return {
        "key": one.objective.key,
        "service": one.objective.service.key,
        "state": one.state,
        "target": one.objective.target,
        "kept": one.compliance,
        "budget_left": budget.left,
        "minutes_left": one.minutes_left,
        **{f"burn_{name}": rate for name, rate in one.burns},
        "unknown": one.unknown or None,
        "measured_until": budget.measured_until,
    }


def standings(actor: Actor, limit: int) -> list[Row]:
    """Objectives and how they stand."""
    return [objective_row(one) for one in objectives.standings(actor)[:limit]]


def standing(actor: Actor, key: str) -> Row:
    """One objective with its days."""
    found = objectives.get(actor, key)
    return {
        **objective_row(objectives.standing(found, clock.now())),
        "name": found.name,
        "window_days": found.window_days or None,
        "gate": {"below": found.gate_below, "kinds": found.gate_kinds.split(","), "unknown": found.gate_unknown}
        if found.gate_below is not None
        else None,
        "renews_at": found.budget.renews_at,
        "known": objectives.standing(found, clock.now()).known,
        "days": [{"from": start, "kept": share} for start, share in objectives.days(actor, found)],
    }


@endpoint("GET")
def every_objective(actor: Actor, request: HttpRequest) -> Any:
    """Objectives and how they stand."""
    return {"objectives": standings(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def one_objective(actor: Actor, request: HttpRequest, key: str) -> Any:
    """One objective whole."""
    del request
    return standing(actor, key)


@endpoint("GET")
def every_agreement(actor: Actor, request: HttpRequest) -> Any:
    """Agreements, and how they were kept of late."""
    rows = agreements(actor, whole_of(request, "limit", 100))
    return {"agreements": rows, "kept": counts(actor, whole_of(request, "days", 90))}


@endpoint("POST")
def hold(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Say that an incident waits for somebody outside."""
    fields = fields_of(request, {"why": str, "note": str})
    clocks.hold(actor, number(ident), fields.get("why", ""), fields.get("note", ""))
    return {"held": True}


@endpoint("POST")
def resume(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Say that it waits no more."""
    fields_of(request, {})
    clocks.resume(actor, number(ident))
    return {"held": False}


urlpatterns: list[URLPattern] = [
    path("agreements", every_agreement),
    path("objectives", every_objective),
    path("objectives/<str:key>", one_objective),
    path("incidents/<str:ident>/hold", hold),
    path("incidents/<str:ident>/resume", resume),
]
