"""Argo CD: what a webhook template of its notifications posts.

Source: Argo CD documentation, "Notifications", webhook; the template is in Mainstay's how-to. The application is one of
one environment, so none is compared.
"""

from collections.abc import Mapping
from typing import Any

from mainstay.change.releases.hooks.told import Phase, Told, needed, text

NAME = "argocd"
SIGNED = False
_PHASES = {
    "Running": Phase.STARTED,
    "Succeeded": Phase.FINISHED,
    "Failed": Phase.BROKEN_OFF,
    "Error": Phase.BROKEN_OFF,
}


def decode(headers: Mapping[str, str], posted: Mapping[str, Any], environment: str) -> Told | None:
    """What it says of a synchronisation, by the moment at which that began."""
    del headers, environment
    phase = _PHASES.get(text(posted, "phase"))
    if phase is None:
        return None
    revision = needed(posted, "revision")
    return Told(
        phase,
        text(posted, "version") or revision[:12],
        f"argocd {needed(posted, 'app')} {needed(posted, 'started_at')}",
        text(posted, "link", most=2000),
        revision,
    )
