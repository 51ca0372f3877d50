"""The feed: what open screens must show, as rows in the commit of the change itself, so that a stream can resume."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Max, Min, Q

from mainstay.core import clock
from mainstay.core.models import FeedItem

KEPT = timedelta(hours=2)


@dataclass(frozen=True)
class Item:
    """One event for a screen. ``person_id`` is set when it is for one person alone."""

    id: int
    topic: str
    ref: str
    person_id: int | None
    data: dict[str, Any]


def tell(topic: str, ref: object = "", *, person_id: int | None = None, **data: Any) -> None:
    """Write an event in the caller's transaction."""
    FeedItem.objects.create(topic=topic, ref=str(ref), person_id=person_id, data=data, at=clock.now())


def last_id() -> int:
    """The number of the newest event."""
    return FeedItem.objects.aggregate(last=Max("id"))["last"] or 0


def since(last: int, person_id: int | None, limit: int = 200) -> list[Item]:
    """Events after ``last`` that this person may see, oldest first."""
    rows = FeedItem.objects.filter(Q(person=None) | Q(person_id=person_id), id__gt=last).order_by("id")[:limit]
    return [Item(row.pk, row.topic, row.ref, row.person_id, row.data) for row in rows]


def everything_since(last: int, limit: int = 500) -> list[Item]:
    """Events after ``last`` for anybody, oldest first. For the one reader that serves all streams of a process."""
    rows = FeedItem.objects.filter(id__gt=last).order_by("id")[:limit]
    return [Item(row.pk, row.topic, row.ref, row.person_id, row.data) for row in rows]


def reaches_back_to(last: int) -> bool:
    """Whether every event after ``last`` is still kept, so that a stream can resume there without a gap."""
    oldest = FeedItem.objects.aggregate(first=Min("id"))["first"]
    return oldest is None or last >= oldest - 1


def prune() -> int:
    """Delete old events. A stream that was cut for longer reloads its page."""
    return FeedItem.objects.filter(at__lt=clock.now() - KEPT).delete()[0]
