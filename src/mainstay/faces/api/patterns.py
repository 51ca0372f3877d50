"""Patterns of log lines as plain data, and the incidents that they belong to, for the API and the screens."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import not_found
from mainstay.faces.api import logs
from mainstay.faces.api.endpoint import endpoint, whole_of
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.search.times import stamp
from mainstay.observe.logs.seen import services, values
from mainstay.observe.logs.seen.services import Row
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident

# An incident is found by what was first seen this long before it began, too.
BEFORE = logs.BEFORE
MOST_INCIDENTS = 20


def wanted_of(request: HttpRequest) -> dict[str, str]:
    """What an address asks of the list."""
    found = {name: " ".join(request.GET.get(name, "").split())[:200] for name in ("range", "service", "text", "sort")}
    return {**found, "range": found["range"] or logs.DEFAULT_RANGE, "sort": found["sort"] or "count"}


def query_of(pattern: Pattern) -> str:
    """The search for the lines of a pattern, by all numbers that they were stored with."""
    family = pattern.family()
    numbers = " OR ".join(map(str, family))
    return f"pattern:{numbers}" if len(family) == 1 else f"pattern:({numbers})"


def incidents_of(actor: Actor, pattern: Pattern) -> list[tuple[Incident, str]]:
    """The incidents of a pattern, each with why: its first line fell into them, or they were told of it as new."""
    told = set(
        alerts.visible(actor)
        .filter(labels__pattern__in=[str(one) for one in pattern.family()], incident__isnull=False)
        .values_list("incident_id", flat=True)
    )
    first = pattern.first_seen
    during = Q(
        Q(resolved_at__isnull=True) | Q(resolved_at__gte=first),
        service__key=pattern.first_service or None,
        started_at__lte=min(first + BEFORE, clock.now() + BEFORE),
    )
    # An incident that has been open for months did not bring everything that is new.
    during &= Q(started_at__gte=first - logs.LONGEST)
    found = incidents.visible(actor).filter(Q(pk__in=told) | during).order_by("started_at", "pk")
    return [
        (one, "an alert told of it" if one.pk in told else "its first line fell into its time")
        for one in found[:MOST_INCIDENTS]
    ]


def _known(pattern: Pattern) -> dict[str, Any]:
    known = pattern.known_error
    return {
        "number": str(pattern.pk),
        "template": pattern.template,
        "level": pattern.level,
        "first_seen": stamp(pattern.first_seen),
        "first_service": pattern.first_service,
        "known_error": known.key if known else None,
        "fixed_by": known.fixed_by or None if known else None,
        "note": pattern.note,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        **_known(row.pattern),
        "services": list(row.services),
        "lines": row.lines,
        "last_seen": stamp(row.last_seen),
        "new": row.is_new,
        "trend": list(row.trend),
    }


@endpoint("GET")
def every(actor: Actor, request: HttpRequest) -> Any:
    """The patterns that have lines in a range."""
    wanted = wanted_of(request)
    within = logs.range_of(actor, wanted["range"])
    with logs.understood():
        found = services.listed(
            actor, within, wanted["service"], wanted["text"], wanted["sort"], whole_of(request, "limit", 100)
        )
    return {
        "patterns": [_row(row) for row in found.rows],
        "cut": found.cut,
        "from": stamp(within.start),
        "to": stamp(within.end),
        "elapsed_ms": round(found.elapsed_ms, 1),
    }


@endpoint("GET")
def one(actor: Actor, request: HttpRequest, number: str) -> Any:
    """One pattern with its counts, values and incidents. A younger pattern gives the elder that it has become."""
    if not (number.isascii() and number.isdigit() and len(number) < 20):
        raise not_found(f"pattern {number[:40]}")
    pattern = services.get(actor, int(number))
    within = logs.range_of(actor, request.GET.get("range", ""))
    with logs.understood():
        shown = services.shown(actor, pattern, within)
        slots = values.slots_of(actor, pattern, within)
    return {
        **_known(pattern),
        "example": pattern.example,
        "numbers": [str(one) for one in shown.family],
        "lines": shown.lines,
        "last_seen": stamp(shown.last_seen) if shown.last_seen else None,
        "levels": dict(shown.levels),
        "step_seconds": shown.step.total_seconds(),
        "services": [{"service": one.service, "lines": one.lines, "counts": one.counts} for one in shown.services],
        "slots": [
            {
                "slot": slot.number,
                "different": slot.different,
                "values": [{"value": text, "lines": lines} for text, lines in slot.values],
                "quantiles": dict(zip(("p50", "p90", "p99"), slot.quantiles, strict=True)) if slot.quantiles else None,
            }
            for slot in slots.slots
        ],
        "slots_of_lines": slots.lines,
        "slots_cut": slots.cut,
        "incidents": [{"ref": str(incident), "why": why} for incident, why in incidents_of(actor, pattern)],
        "from": stamp(within.start),
        "to": stamp(within.end),
    }


urlpatterns: list[URLPattern] = [path("logs/patterns", every), path("logs/patterns/<str:number>", one)]
