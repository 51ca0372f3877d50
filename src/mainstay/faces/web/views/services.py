"""Services: the list, and one with what hangs on it."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from mainstay.catalog import services as catalog
from mainstay.catalog.calendar import gate
from mainstay.catalog.domain import paths_to
from mainstay.catalog.levels import objectives
from mainstay.catalog.models import Service
from mainstay.change.maintenance import services as maintenance
from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import not_found
from mainstay.faces.web.depmap import lay_out
from mainstay.faces.web.views.base import actor_of, show
from mainstay.observe.changes import services as changes
from mainstay.observe.metrics import services as metrics
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import State
from mainstay.respond.oncall import services as oncall

CHANGE_HOURS = 72
WORK_AHEAD = timedelta(days=14)
_BROKEN = (State.OPEN, State.ACKNOWLEDGED)


def _worst(actor: Actor) -> dict[int, tuple[int, int]]:
    """For each service that is broken now: its most urgent priority and that incident's number."""
    found: dict[int, tuple[int, int]] = {}
    broken = incidents.visible(actor).filter(state__in=_BROKEN).exclude(service=None)
    for pk, service, priority in broken.order_by("-priority").values_list("pk", "service_id", "priority"):
        found[service] = (priority, pk)
    return found


def every(request: HttpRequest) -> HttpResponse:
    """All services with their owner, their tier and whether they are broken now."""
    actor = actor_of(request)
    worst = _worst(actor)
    rows = [(one, worst.get(one.pk)) for one in catalog.visible_services(actor)]
    rows.sort(key=lambda row: (row[1] or (9, 0), row[0].tier, row[0].name.lower()))
    return show(request, "services", {"rows": rows, "processes": catalog.visible_processes(actor).order_by("name")})


def _get(actor: Actor, key: str) -> Service:
    found = catalog.visible_services(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"service {key}")
    return found


def one(request: HttpRequest, key: str) -> HttpResponse:
    """One service whole."""
    actor = actor_of(request)
    service = _get(actor, key)
    edges = catalog.dependencies(actor)
    names = dict(catalog.visible_services(actor).values_list("key", "name"))
    processes = [
        (process.key, process.name, frozenset(need.key for need in process.services.all()))
        for process in catalog.visible_processes(actor)
    ]
    reach = paths_to(key, edges)
    policy, why = oncall.policy_for(service.key, service.team.key if service.team else None)
    live = incidents.visible(actor).filter(state__in=incidents.LIVE).order_by("priority", "-opened_at")
    broken = frozenset(live.exclude(service=None).values_list("service__key", flat=True))
    context: dict[str, Any] = {
        "service": service,
        "map": lay_out(key, names, edges, processes, broken),
        "gate": gate.may_change(actor, [key], clock.now(), kind="other"),
        "works": list(maintenance.around(actor, service, clock.now(), clock.now() + WORK_AHEAD)[:5]),
        "standings": objectives.standings(actor, service),
        "needs": sorted((names[callee], callee) for caller, callee in edges if caller == key),
        "needed_by": sorted((names[caller], caller) for caller, callee in edges if callee == key),
        "paths": _paths(processes, reach, names),
        "incidents": list(live.filter(service=service)),
        "past": list(
            incidents.visible(actor).filter(service=service, state=State.RESOLVED).order_by("-resolved_at")[:5]
        ),
        "rules": list(metrics.visible_rules(actor).filter(service=service)),
        "policy": policy,
        "policy_why": why,
        "known_errors": list(catalog.visible_known_errors(actor).filter(services=service, retired_at=None)),
    }
    return show(request, "service", context)


def _paths(
    processes: list[tuple[str, str, frozenset[str]]], reach: dict[str, tuple[str, ...]], names: dict[str, str]
) -> list[tuple[str, list[str]]]:
    """Each business process that needs the service, with the shortest way down to it in names."""
    found = []
    for _, name, needs in processes:
        ways = [reach[key] for key in needs if key in reach]
        if ways:
            way = min(ways, key=lambda one: (len(one), one))
            found.append((name, [names.get(key, key) for key in way]))
    return sorted(found)


def changed(request: HttpRequest, key: str) -> HttpResponse:
    """What changed in a service of late."""
    actor = actor_of(request)
    service = _get(actor, key)
    context: dict[str, Any] = {"hours": CHANGE_HOURS, "scope": [service.key], "title": f"Changes of {service.name}"}
    context["panel"] = "parts/changes.html"
    try:
        context["changes"] = changes.recent(actor, [service.key], clock.now() + timedelta(minutes=1), CHANGE_HOURS)
    except TelemetryError as error:
        context["error"] = str(error)
    return show(request, "panel", context, "parts/changes")
