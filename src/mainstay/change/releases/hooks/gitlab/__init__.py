"""GitLab: deployment events, with a token of Mainstay as the secret token of the webhook.

Source: GitLab documentation, "Webhook events", deployment events.
"""

from collections.abc import Mapping
from typing import Any

from mainstay.change.releases.hooks.told import Phase, Told, needed, text

NAME = "gitlab"
SIGNED = False
_PHASES = {
    "running": Phase.STARTED,
    "success": Phase.FINISHED,
    "failed": Phase.BROKEN_OFF,
    "canceled": Phase.BROKEN_OFF,
}


def decode(headers: Mapping[str, str], posted: Mapping[str, Any], environment: str) -> Told | None:
    """What it says of a deployment to this environment; nothing when it is about something else."""
    del headers
    phase = _PHASES.get(text(posted, "status"))
    if text(posted, "object_kind") != "deployment" or text(posted, "environment") != environment or phase is None:
        return None
    return Told(
        phase,
        text(posted, "ref") or needed(posted, "short_sha"),
        f"gitlab {needed(posted, 'deployment_id')}",
        text(posted, "deployable_url", most=2000),
        text(posted, "short_sha"),
        text(posted, "commit_title", most=2000),
        text(posted, "user", "username"),
    )
