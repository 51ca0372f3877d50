"""Databases of the SQL desk."""

from typing import Any

from mainstay.catalog.models import Service
from mainstay.config.kinds.references import several
from mainstay.core.access import Actor
from mainstay.restore.sqldesk.models import Connection, Correction, Job

Entry = dict[str, Any]
PLAIN = (
    *("key", "name", "dialect", "environment", "address", "secret", "read_address", "read_secret", "read_role"),
    *("statement_timeout", "lock_timeout", "max_rows", "max_bytes", "masks", "sensitive", "corrections"),
)


def load() -> dict[str, tuple[Entry, str]]:
    """Connections as entries."""
    return {
        one.key: (
            {
                **{name: getattr(one, name) for name in PLAIN},
                "services": sorted(service.key for service in one.services.all()),
                "statement_timeout": float(one.statement_timeout),
                "lock_timeout": float(one.lock_timeout),
            },
            one.source,
        )
        for one in Connection.objects.prefetch_related("services")
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a connection."""
    del actor
    fields = {name: entry[name] for name in PLAIN if name != "key"}
    made, _ = Connection.objects.update_or_create(key=entry["key"], defaults={**fields, "source": source})
    made.services.set(several(Service, entry["services"], "services"))


def remove(actor: Actor, ident: str) -> None:
    """Delete a connection that nothing was corrected on; one with a history stays, and takes no corrections."""
    del actor
    one = Connection.objects.filter(key=ident).first()
    if one is None:
        return
    if any(kind.objects.filter(connection=one).exists() for kind in (Correction, Job)):
        Connection.objects.filter(pk=one.pk).update(corrections=False, source="")
        return
    one.delete()
