"""Entries of the calendar."""

from typing import Any

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.models import CalendarEntry
from mainstay.config.schema import calendar_raw
from mainstay.core.access import Actor

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """Entries of the calendar as entries of a file."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "kind": row.kind,
                "services": sorted(service.key for service in row.services.all()),
                "reach": row.reach,
                "changes": _several(row.changes),
                "start": row.start,
                "timezone": row.timezone,
                "lasts": float(row.lasts) if row.lasts is not None else None,
                "to": row.to,
                "days_later": row.days_later,
                "rrule": row.rrule,
                "rdate": _several(row.rdate),
                "exdate": _several(row.exdate),
                "until": row.until,
                "reason": row.reason,
                "enabled": row.enabled,
            },
            row.source,
        )
        for row in CalendarEntry.objects.prefetch_related("services")
    }


def _several(text: str) -> list[str]:
    return sorted(filter(None, text.split(",")))


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change an entry."""
    calendar.save(actor, calendar_raw(entry), source=source, enabled=entry["enabled"])


def remove(actor: Actor, ident: str) -> None:
    """Delete an entry that left its file."""
    row = calendar.get(actor, ident)
    calendar.remove(actor, ident, source=row.source)
