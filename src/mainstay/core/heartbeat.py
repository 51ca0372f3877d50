"""Signs of life: each loop leaves one a round, and the health screen reads them."""

from mainstay.core import clock
from mainstay.core.models import Heartbeat


def beat(name: str, *, ok: bool = True, detail: str = "") -> None:
    """Leave a sign of life."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.now(), "ok": ok, "detail": detail[:500]})


def all_beats() -> list[Heartbeat]:
    """Every sign of life, by name."""
    return list(Heartbeat.objects.order_by("name"))
