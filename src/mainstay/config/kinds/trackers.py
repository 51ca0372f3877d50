"""Trackers of issues."""

from typing import Any

from mainstay.catalog.models import Service, Team
from mainstay.config.kinds.references import several
from mainstay.core.access import SYSTEM, Actor
from mainstay.learn.trackers import services

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """Trackers as entries."""
    return {
        row.key: (
            {"key": row.key, "name": row.name, **{name: getattr(row, name) for name in services.KEPT_AS_WRITTEN}},
            row.source,
        )
        for row in services.visible(SYSTEM)
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a tracker."""
    several(Service, entry["services"], "services")
    several(Team, entry["teams"], "teams")
    services.save(actor, entry, source)


def remove(actor: Actor, ident: str) -> None:
    """Forget a tracker that left its file."""
    services.remove(actor, ident)
