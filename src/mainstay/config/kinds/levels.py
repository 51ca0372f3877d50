"""What is promised of services: agreements on incidents, and objectives."""

from typing import Any

from mainstay.catalog.levels import objectives
from mainstay.catalog.levels import services as levels
from mainstay.catalog.levels.budgets import DAY
from mainstay.catalog.levels.models import Agreement, Objective
from mainstay.catalog.models import CalendarEntry, Service, Team
from mainstay.config.kinds.references import one, several
from mainstay.core.access import Actor

Entry = dict[str, Any]
Loaded = dict[str, tuple[Entry, str]]


def load_agreements() -> Loaded:
    """Agreements as entries of a file."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "services": sorted(service.key for service in row.services.all()),
                "team": row.team.key if row.team else None,
                "tiers": row.tiers,
                "targets": row.targets,
                "support_hours": row.support_hours,
                "during": row.during,
                "closed": row.closed,
                "stops_for": row.stops_for,
                "stops_in_maintenance": row.stops_in_maintenance,
                "stops_in_windows": row.stops_in_windows,
                "enabled": row.enabled,
            },
            row.source,
        )
        for row in Agreement.objects.select_related("team").prefetch_related("services")
    }


def save_agreement(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change an agreement."""
    for field, keys in (("during", list(filter(None, [entry["during"]]))), ("closed", entry["closed"])):
        several(CalendarEntry, keys, field)
    services = several(Service, entry["services"], "services")
    levels.save(actor, entry, services, one(Team, entry["team"], "team"), source=source)


def remove_agreement(actor: Actor, ident: str) -> None:
    """Delete an agreement that left its file."""
    levels.remove(actor, ident)


def load_objectives() -> Loaded:
    """Objectives as entries of a file."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "service": row.service.key,
                "good": row.good,
                "bad": row.bad,
                "total": row.total,
                "ratio": row.ratio,
                "target": row.target,
                "window": float(row.window_days * DAY) if row.window_days else "month",
                "timezone": row.timezone,
                "alerts": row.alerts,
                "least_failed": row.least_failed,
                "gate": _gate(row),
                "enabled": row.enabled,
            },
            row.source,
        )
        for row in Objective.objects.select_related("service")
    }


def _gate(row: Objective) -> Entry | None:
    if row.gate_below is None:
        return None
    return {"below": row.gate_below, "kinds": row.gate_kinds.split(","), "unknown": row.gate_unknown}


def save_objective(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change an objective. What was measured stays, unless it is measured by something else now."""
    days = 0 if entry["window"] == "month" else int(entry["window"]) // DAY
    (service,) = several(Service, [entry["service"]], "service")
    objectives.save(actor, {**entry, "window_days": days}, service, source=source)


def remove_objective(actor: Actor, ident: str) -> None:
    """Delete an objective that left its file."""
    objectives.remove(actor, ident)
