"""Jenkins: what its Notification plugin posts of a job that deploys.

Source: documentation of the Notification plugin, JSON format. The job is one of one environment, so none is compared.
"""

from collections.abc import Mapping
from typing import Any

from mainstay.change.releases.hooks.told import Phase, Told, needed, text

NAME = "jenkins"
SIGNED = False


def decode(headers: Mapping[str, str], posted: Mapping[str, Any], environment: str) -> Told | None:
    """What it says of a build: begun, or completed and how. The version is its parameter VERSION, else its commit."""
    del headers, environment
    phase = text(posted, "build", "phase")
    if phase not in {"STARTED", "COMPLETED"}:
        return None
    number = needed(posted, "build", "number")
    commit = text(posted, "build", "scm", "commit")
    well = text(posted, "build", "status") == "SUCCESS"
    return Told(
        Phase.STARTED if phase == "STARTED" else Phase.FINISHED if well else Phase.BROKEN_OFF,
        text(posted, "build", "parameters", "VERSION") or commit or f"build {number}",
        f"jenkins {needed(posted, 'name')} {number}",
        text(posted, "build", "full_url", most=2000),
        commit,
    )
