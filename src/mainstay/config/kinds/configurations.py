"""Sources of configuration."""

from typing import Any

from mainstay.catalog.models import Service
from mainstay.change.configs import services as configs
from mainstay.config.kinds.references import one
from mainstay.core.access import SYSTEM, Actor
from mainstay.core.settings import current
from mainstay.restore.runbooks.models import Host
from mainstay.restore.sqldesk.models import Connection

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """Sources as entries."""
    usual = current().config_interval
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                **{name: getattr(row, name) for name in configs.KEPT_AS_WRITTEN},
                "service": row.service.key if row.service else None,
                "interval": row.interval_seconds if row.interval_seconds != usual else None,
            },
            row.source,
        )
        for row in configs.visible(SYSTEM)
    }


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a source."""
    one(Host, entry["host"], "host")
    one(Connection, entry["connection"], "connection")
    configs.save(actor, entry, one(Service, entry["service"], "service"), source)


def remove(actor: Actor, ident: str) -> None:
    """Forget a source that left its file, and what was seen of it."""
    configs.remove(actor, ident)
