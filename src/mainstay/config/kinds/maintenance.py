"""Plans of maintenance."""

from typing import Any

from mainstay.catalog.models import CalendarEntry, Service
from mainstay.change.maintenance import ahead
from mainstay.change.maintenance.models import Plan
from mainstay.config.kinds.references import one, several
from mainstay.core.access import Actor
from mainstay.core.models import Person
from mainstay.observe.checks.models import Check
from mainstay.restore.runbooks.models import Book

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """Plans as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "window": row.window,
                "services": sorted(service.key for service in row.services.all()),
                "owner": row.owner.email if row.owner else "",
                **{name: getattr(row, name) for name in ahead.KEPT_AS_WRITTEN},
            },
            row.source,
        )
        for row in Plan.objects.select_related("owner").prefetch_related("services")
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a plan. Work that is drafted keeps what it has."""
    one(CalendarEntry, entry["window"], "window")
    one(Book, entry["runbook"], "runbook")
    for field in ("before", "after"):
        several(Check, entry[field], field)
    services = several(Service, entry["services"], "services")
    (owner,) = several(Person, [entry["owner"]], "owner", "email")
    ahead.save(actor, entry, services=services, owner=owner, source=source)


def remove(actor: Actor, ident: str) -> None:
    """Delete a plan that left its file; work that is to come is called off."""
    ahead.remove(actor, ident)
