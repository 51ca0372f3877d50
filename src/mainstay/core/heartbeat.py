"""Signs of life: each loop leaves one a round, and the health screen reads them."""

from collections.abc import Iterable

from mainstay.core import clock
from mainstay.core.models import Heartbeat


def beat_all(beats: Iterable[tuple[str, bool, str]]) -> None:
    """Leave signs of life: (name, whether it went well, what there is to say), all in one write."""
    at = clock.now()
    rows = [Heartbeat(name=name, at=at, ok=ok, detail=detail[:500]) for name, ok, detail in beats]
    Heartbeat.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["name"], update_fields=["at", "ok", "detail"]
    )


def all_beats() -> list[Heartbeat]:
    """Every sign of life, by name."""
    return list(Heartbeat.objects.order_by("name"))
