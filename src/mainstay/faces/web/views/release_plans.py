"""Plans of releases: all, one with its steps, trying it, and the first draft of one."""

from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from mainstay.catalog import services as catalog
from mainstay.change.releases.models import ReleasePlan
from mainstay.change.releases.plans import draft, services
from mainstay.change.releases.plans.model import Step
from mainstay.core.problems import not_found
from mainstay.faces.web.views.base import actor_of, sheet_of, show


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All plans, and the services that have none."""
    actor = actor_of(request)
    planned = services.visible(actor).values("service")
    bare = catalog.visible_services(actor).exclude(pk__in=planned).order_by("name").values_list("key", "name")
    return show(request, "release_plans", {"sheet": sheet_of(request, services.visible(actor)), "bare": bare[:200]})


@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """One plan."""
    return _page(request, services.get(actor_of(request), key))


def _page(request: HttpRequest, plan: ReleasePlan, **more: Any) -> HttpResponse:
    rows = [{"step": step, "text": _text(step)} for step in services.steps_of(plan)]
    return show(request, "release_plan", {"plan": plan, "rows": rows, **more})


def _text(step: Step) -> str:
    """A step as it stands in the file, without what has a line of its own."""
    said = step.model_dump(mode="json", exclude_defaults=True, exclude={"key", "name", "why"})
    return str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100)).strip()


@require_POST
def try_out(request: HttpRequest, key: str) -> HttpResponse:
    """Carry it out now, and show what each step said."""
    actor = actor_of(request)
    return _page(request, services.get(actor, key), evidence=services.try_out(actor, key))


@require_GET
def draft_of(request: HttpRequest, service: str) -> HttpResponse:
    """The first draft for a service."""
    actor = actor_of(request)
    found = catalog.visible_services(actor).filter(key=service).first()
    if found is None:
        raise not_found(f"service {service}")
    return show(request, "release_plan_draft", {"service": found, "text": draft.draft(actor, service)})
