"""The alert that work goes on beyond its time. It ends with the work, or when somebody gives it more time."""

from mainstay.change.maintenance.models import Work
from mainstay.core import clock, ids, inbox
from mainstay.core.settings import current


def begun(work: Work) -> None:
    """Let it fire, in the caller's transaction."""
    _signal(work, ends=False)


def over(work: Work) -> None:
    """Let it end, if it ever fired."""
    if work.overran_told_at is not None:
        _signal(work, ends=True)


def _signal(work: Work, *, ends: bool) -> None:
    labels = {"alertname": "MaintenanceOverruns", "maintenance": str(work), "severity": "warning"}
    keys = [one.key for one in work.services.all()]
    if len(keys) == 1:
        labels["service"] = keys[0]
    signal = {
        "source": "maintenance",
        "fingerprint": ids.fingerprint(labels),
        "labels": labels,
        "annotations": {
            "summary": f"{work} takes longer than planned: {work.title}",
            "description": "Its services are not silenced any more. End the work, or give it more time.",
        },
        "link": f"{current().public_url}/maintenance/{work.pk}",
        "state": "resolved" if ends else "firing",
        "starts_at": (work.overran_told_at or clock.now()).isoformat(),
        "ends_at": clock.now().isoformat() if ends else None,
    }
    inbox.put("alert", [signal])
