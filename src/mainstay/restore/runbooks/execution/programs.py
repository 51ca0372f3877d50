"""What all programs that steps run share, wherever they run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mainstay.core.programs import Sink as Sink  # noqa: PLC0414 - steps take it from here, wherever they run

STEP = "RUNBOOK_STEP"


class NotBegunError(Exception):
    """It surely did not run. The text says why, and what to do."""


class LostError(Exception):
    """It was begun, and nobody can tell what became of it."""


@dataclass(frozen=True)
class Program:
    """Code and its interpreter. Values reach it through the environment; ``identity`` finds it again after a crash."""

    interpreter: str
    text: str
    environment: Mapping[str, str]
    identity: str
    arguments: tuple[str, ...] = field(default=())


def variable(secret: str) -> str:
    """The environment variable that a step finds a secret in."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", secret)
    return f"_{name}" if name[0].isdigit() else name
