"""The alert that work goes on beyond its time. It ends with the work, or when somebody gives it more time."""

from mainstay.change.maintenance.models import Work
from mainstay.core import clock
from mainstay.respond.alerts import signals


def begun(work: Work) -> None:
    """Let it fire, in the caller's transaction."""
    _send(work, ends=False)


def over(work: Work) -> None:
    """Let it end, if it ever fired."""
    if work.overran_told_at is not None:
        _send(work, ends=True)


def _send(work: Work, *, ends: bool) -> None:
    services = list(work.services.all())
    signals.send(
        "maintenance",
        "MaintenanceOverruns",
        {"maintenance": str(work)},
        services[0] if len(services) == 1 else None,
        summary=f"{work} takes longer than planned: {work.title}",
        description="Its services are not silenced any more. End the work, or give it more time.",
        path=f"/maintenance/{work.pk}",
        began=work.overran_told_at or clock.now(),
        ends=ends,
    )
