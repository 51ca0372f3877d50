"""Reports that are sent by themselves."""

from typing import Any

from mainstay.core.access import SYSTEM, Actor
from mainstay.learn.reports import services

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """Plans of reports as entries."""
    names = ("key", "name", "kind", "timezone", "shifts", "mails", "to_team", "enabled")
    return {
        row.key: (
            {**{name: getattr(row, name) for name in names}, "team": row.team.key if row.team else None},
            row.source,
        )
        for row in services.plans(SYSTEM)
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a plan."""
    services.save(actor, entry, source)


def remove(actor: Actor, ident: str) -> None:
    """Delete a plan that left its file."""
    services.remove(actor, ident)
