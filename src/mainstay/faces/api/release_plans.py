"""Plans of releases as plain data: one shape for the REST API and for the command line."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.change.releases.evidence import Evidence
from mainstay.change.releases.models import ReleasePlan
from mainstay.change.releases.plans import draft, services
from mainstay.core import webhooks
from mainstay.core.access import Actor
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of

Row = dict[str, Any]


def _row(plan: ReleasePlan) -> Row:
    return {
        "key": plan.key,
        "name": plan.name,
        "service": plan.service.key,
        "steps": len(plan.steps),
        "enabled": plan.enabled,
        "source": plan.source,
    }


def _said(one: Evidence) -> Row:
    return {**asdict(one), "verdict": str(one.verdict), "until": one.until or None}


def listed(actor: Actor, limit: int) -> list[Row]:
    """Plans by key."""
    return [_row(one) for one in services.visible(actor)[:limit]]


def shown(actor: Actor, key: str) -> Row:
    """One with its steps, without what is not set."""
    plan = services.get(actor, key)
    steps = [one.model_dump(mode="json", exclude_defaults=True) for one in services.steps_of(plan)]
    return {**_row(plan), "steps": steps, "on_failed": plan.on_failed, "on_verdict": _hidden(plan)}


def _hidden(plan: ReleasePlan) -> Row | None:
    """Who is told. The path of an address may hold a secret."""
    told = plan.on_verdict
    return {**told, "webhook": webhooks.mask(told["webhook"])} if told and told["webhook"] else told


def tried(actor: Actor, key: str) -> Row:
    """What each step says now."""
    return {"evidence": [_said(one) for one in services.try_out(actor, key)]}


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"plans": listed(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, key: str) -> Any:
    del request
    return shown(actor, key)


@endpoint("POST")
def _try(actor: Actor, request: HttpRequest, key: str) -> Any:
    fields_of(request, {})
    return tried(actor, key)


@endpoint("GET")
def _draft(actor: Actor, request: HttpRequest, service: str) -> Any:
    del request
    return {"service": service, "draft": draft.draft(actor, service)}


urlpatterns: list[URLPattern] = [
    path("releases/plans", _every),
    path("releases/plans/<str:key>", _one),
    path("releases/plans/<str:key>/try", _try),
    path("releases/draft-plan/<str:service>", _draft),
]
