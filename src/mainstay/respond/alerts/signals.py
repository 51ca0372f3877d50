"""Signals that Mainstay's own rooms send of what they see themselves, as rows in the transaction of whoever saw it."""

from collections.abc import Mapping
from datetime import datetime

from mainstay.catalog.models import Service
from mainstay.core import clock, ids, inbox
from mainstay.core.settings import current


def send(
    source: str,
    name: str,
    about: Mapping[str, str],
    service: Service | None,
    *,
    summary: str,
    description: str,
    path: str,
    began: datetime,
    ends: bool = False,
) -> None:
    """Let an alert fire that began then, or end. ``about`` names the thing that it is about; ``path`` leads to it."""
    labels = {"alertname": name, "severity": "warning", **about}
    if service is not None:
        labels["service"] = service.key
    signal = {
        "source": source,
        "fingerprint": ids.fingerprint(labels),
        "labels": labels,
        "annotations": {"summary": summary, "description": description},
        "link": f"{current().public_url}{path}",
        "state": "resolved" if ends else "firing",
        "starts_at": began.isoformat(),
        "ends_at": clock.now().isoformat() if ends else None,
    }
    inbox.put("alert", [signal])
