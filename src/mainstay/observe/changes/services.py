"""Read change events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mainstay.core.access import Actor, Right, require
from mainstay.observe.telemetry import services as telemetry


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


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
