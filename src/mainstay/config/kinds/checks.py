"""Health checks as scripts."""

from typing import Any

from mainstay.catalog.models import Service
from mainstay.config.kinds.references import one
from mainstay.core.access import Actor
from mainstay.observe.checks import services
from mainstay.observe.checks.models import Check
from mainstay.restore.runbooks import looks

Entry = dict[str, Any]
_SAME = ("name", *services.KEPT_AS_WRITTEN)


def load() -> dict[str, tuple[Entry, str]]:
    """Checks as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                **{name: getattr(row, name) for name in _SAME},
                "service": row.service.key if row.service else None,
                "interval": row.interval_seconds,
                "timeout": row.timeout_seconds,
            },
            row.source,
        )
        for row in Check.objects.select_related("service")
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a check. What it said stays; it is run at once."""
    services.check_entry(entry)
    if entry["runbook"]:
        looks.require_fitting(actor, entry["runbook"], entry["inputs"])
    services.save(entry, one(Service, entry["service"], "service"), source)


def remove(actor: Actor, ident: str) -> None:
    """Delete a check, and end what it has told of."""
    del actor
    services.remove(ident)
