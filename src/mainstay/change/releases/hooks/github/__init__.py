"""GitHub: webhooks of deployment statuses, signed by the secret of the webhook.

Source: GitHub documentation, "Webhook events and payloads", ``deployment_status``, and "Validating webhook deliveries".
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from mainstay.change.releases.hooks.told import Phase, Told, needed, text

NAME = "github"
SIGNED = True
_PHASES = {
    "in_progress": Phase.STARTED,
    "success": Phase.FINISHED,
    "failure": Phase.BROKEN_OFF,
    "error": Phase.BROKEN_OFF,
}


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether the body carries the signature of this secret. It takes the same time whatever is wrong."""
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers.get("x-hub-signature-256", "").encode(), wanted.encode())


def decode(headers: Mapping[str, str], posted: Mapping[str, Any], environment: str) -> Told | None:
    """What it says of a deployment to this environment; nothing when it is about something else."""
    if headers.get("x-github-event") != "deployment_status" or text(posted, "deployment", "environment") != environment:
        return None
    phase = _PHASES.get(text(posted, "deployment_status", "state"))
    if phase is None:
        return None
    return Told(
        phase,
        needed(posted, "deployment", "ref"),
        f"github {needed(posted, 'deployment', 'id')}",
        text(posted, "deployment_status", "log_url", most=2000) or text(posted, "repository", "html_url", most=2000),
        text(posted, "deployment", "sha"),
        text(posted, "deployment", "description", most=2000),
        text(posted, "deployment", "creator", "login"),
    )
