"""Change events: tell one, and read them."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction

from mainstay.catalog import services as catalog
from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.observe.changes.ranking import Ranked, ranked, ways
from mainstay.observe.telemetry import services as telemetry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChangeEvent:
    """Something that somebody changed."""

    time: datetime
    service: str
    kind: str
    id: str
    summary: str
    author: str
    version: str
    link: str
    diff: str


_COLUMNS = "time, service, kind, id, summary, author, version, link, diff"


def tell(event: ChangeEvent) -> None:
    """Keep a change of Mainstay's own, once the caller's transaction stands. One with the same id replaces it."""
    row = {**asdict(event), "time": _ms(event.time), "received": _ms(clock.now())}

    def write() -> None:
        try:
            telemetry.write("changes", {name: [value] for name, value in row.items()})
        except (telemetry.SpoolFullError, OSError):
            log.exception("the change event %s could not be kept", event.id)

    transaction.on_commit(write)


def recent(actor: Actor, services: Sequence[str], until: datetime, hours: float = 6) -> tuple[ChangeEvent, ...]:
    """Changes of these services in the hours before ``until``, newest first. No services means all of them.

    Raises ``TelemetryError`` when the store does not answer.
    """
    require(actor, Right.READ)
    rows = telemetry.rows(
        f"SELECT {_COLUMNS} FROM changes FINAL "
        "WHERE (empty({services:Array(String)}) OR service IN {services:Array(String)}) "
        "AND time > fromUnixTimestamp64Milli({start:Int64}) AND time <= fromUnixTimestamp64Milli({end:Int64}) "
        "ORDER BY time DESC LIMIT 200",
        {
            "services": list(services),
            "start": _ms(until - timedelta(hours=hours)),
            "end": _ms(until),
        },
    )
    return tuple(ChangeEvent(telemetry.aware(row[0]), *row[1:]) for row in rows)


def near(actor: Actor, service: str, began: datetime, until: datetime, hours: float = 6) -> list[Ranked[ChangeEvent]]:
    """Changes of a service and of those around it in the hours before ``until``, by how near to it and its ``began``.

    Raises ``TelemetryError`` when the store does not answer.
    """
    around = ways(service, catalog.dependencies(actor))
    return ranked(recent(actor, sorted(around), until, hours), around, began)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
