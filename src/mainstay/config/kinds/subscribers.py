"""Subscribers."""

from typing import Any

from mainstay.catalog.models import BusinessProcess, Service
from mainstay.config.kinds.references import several
from mainstay.core.access import SYSTEM, Actor
from mainstay.core.people import validate_timezone_name
from mainstay.respond.comms import services as comms

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """Subscribers as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "mail": row.mail,
                "timezone": row.timezone,
                "services": sorted(one.key for one in row.services.all()),
                "processes": sorted(one.key for one in row.processes.all()),
            },
            row.source,
        )
        for row in comms.visible(SYSTEM)
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a subscriber."""
    if entry["timezone"]:
        validate_timezone_name(entry["timezone"])
    comms.save(
        actor,
        entry["key"],
        name=entry["name"],
        mail=entry["mail"],
        timezone=entry["timezone"],
        services=several(Service, entry["services"], "services"),
        processes=several(BusinessProcess, entry["processes"], "processes"),
        source=source,
    )


def remove(actor: Actor, ident: str) -> None:
    """Delete a subscriber that left its file."""
    comms.remove(actor, ident)
