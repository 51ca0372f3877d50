"""Plans of what is looked at after releases."""

from typing import Any

from mainstay.catalog.models import Service
from mainstay.change.releases.plans import services
from mainstay.config.kinds.references import one, several
from mainstay.core.access import SYSTEM, Actor
from mainstay.restore.runbooks.models import Book
from mainstay.restore.sqldesk.models import Connection

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """Plans as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "service": row.service.key,
                **{name: getattr(row, name) for name in services.KEPT_AS_WRITTEN},
            },
            row.source,
        )
        for row in services.visible(SYSTEM)
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a plan."""
    several(Connection, [step["sql"]["connection"] for step in entry["steps"] if step["sql"]], "steps.sql.connection")
    one(Book, (entry["on_failed"] or {}).get("runbook"), "on_failed.runbook")
    services.save(actor, entry, several(Service, [entry["service"]], "service")[0], source)


def remove(actor: Actor, ident: str) -> None:
    """Delete a plan that left its file."""
    services.remove(actor, ident)
