"""Rotations and escalation policies."""

from datetime import date, time
from typing import Any

from mainstay.catalog.models import Service, Team
from mainstay.config.kinds.references import one, several
from mainstay.core.access import Actor
from mainstay.core.models import Person
from mainstay.core.people import validate_timezone_name
from mainstay.respond.oncall.models import EscalationPolicy, EscalationStep, Rotation

Entry = dict[str, Any]
Loaded = dict[str, tuple[Entry, str]]


def load_rotations() -> Loaded:
    """Rotations as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "timezone": row.timezone,
                "people": row.people,
                "starts_on": row.starts_on.isoformat(),
                "handover": row.handover.isoformat(),
                "days": row.days,
            },
            row.source,
        )
        for row in Rotation.objects.all()
    }


def save_rotation(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a rotation."""
    del actor
    validate_timezone_name(entry["timezone"])
    several(Person, entry["people"], "people", "email")
    Rotation.objects.update_or_create(
        key=entry["key"],
        defaults={
            "name": entry["name"],
            "timezone": entry["timezone"],
            "people": entry["people"],
            "starts_on": date.fromisoformat(entry["starts_on"]),
            "handover": time.fromisoformat(entry["handover"]),
            "days": entry["days"],
            "source": source,
        },
    )


def remove_rotation(actor: Actor, ident: str) -> None:
    """Delete a rotation."""
    del actor
    Rotation.objects.filter(key=ident).delete()


def load_policies() -> Loaded:
    """Escalation policies as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "team": row.team.key if row.team else None,
                "services": sorted(service.key for service in row.services.all()),
                "default": row.is_default,
                "repeat": row.repeat,
                "steps": [
                    {"people": step.people, "rotations": step.rotations, "wait": float(step.wait_seconds)}
                    for step in row.steps.all()
                ],
            },
            row.source,
        )
        for row in EscalationPolicy.objects.select_related("team").prefetch_related("steps", "services")
    }


def save_policy(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change an escalation policy. Escalations that run go on by the policy as it was."""
    del actor
    policy, _ = EscalationPolicy.objects.update_or_create(
        key=entry["key"],
        defaults={
            "name": entry["name"],
            "team": one(Team, entry["team"], "team"),
            "is_default": entry["default"],
            "repeat": entry["repeat"],
            "source": source,
        },
    )
    policy.services.set(several(Service, entry["services"], "services"))
    for place, step in enumerate(entry["steps"]):
        several(Person, step["people"], f"steps[{place}].people", "email")
        several(Rotation, step["rotations"], f"steps[{place}].rotations")
    policy.steps.all().delete()
    EscalationStep.objects.bulk_create(
        EscalationStep(
            policy=policy,
            position=place,
            people=step["people"],
            rotations=step["rotations"],
            wait_seconds=int(step["wait"]),
        )
        for place, step in enumerate(entry["steps"])
    )


def remove_policy(actor: Actor, ident: str) -> None:
    """Delete an escalation policy."""
    del actor
    EscalationPolicy.objects.filter(key=ident).delete()
