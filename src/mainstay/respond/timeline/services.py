"""Write to and read from the log of an incident."""

from collections.abc import Sequence
from typing import Any

from mainstay.core import clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.respond.timeline.models import TimelineEntry


def record(incident_id: int, kind: str, text: str, actor: str = "Mainstay", **data: Any) -> None:
    """Add an entry in the caller's transaction, and tell open screens."""
    TimelineEntry.objects.create(incident_id=incident_id, at=clock.now(), kind=kind, actor=actor, text=text, data=data)
    feed.tell("incident", incident_id)


def trail(incident_ids: Sequence[int]) -> list[TimelineEntry]:
    """What became of these incidents, as entries whose ``data`` names an ``event``, oldest first."""
    kinds = ("opened", "acknowledged", "priority", "state", "hold", "resolved")
    found = TimelineEntry.objects.filter(incident_id__in=list(incident_ids), kind__in=kinds).order_by("at", "id")
    return [one for one in found.only("incident_id", "at", "data") if one.data.get("event")]


def entries(actor: Actor, incident_id: int) -> list[TimelineEntry]:
    """The log of an incident, oldest first."""
    require(actor, Right.READ)
    return list(TimelineEntry.objects.filter(incident_id=incident_id).order_by("at", "id"))
