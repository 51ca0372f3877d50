"""What every sender's words come down to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mainstay.core.problems import bad_request


class Phase(StrEnum):
    """How far the pipeline is."""

    STARTED = "started"
    FINISHED = "finished"
    BROKEN_OFF = "broken off"


@dataclass(frozen=True)
class Told:
    """One thing that a pipeline said. ``reference`` is the same for all that it says of one deployment."""

    phase: Phase
    version: str
    reference: str
    link: str = ""
    artefact: str = ""
    summary: str = ""
    by: str = ""


def inner(posted: Mapping[str, Any], *path: str) -> Any:
    """The value at a path of an object, nothing where it is not there."""
    found: Any = posted
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def text(posted: Mapping[str, Any], *path: str, most: int = 200) -> str:
    """The text at a path, cut to a length; a number is one too."""
    found = inner(posted, *path)
    return str(found)[:most] if isinstance(found, (str, int)) and not isinstance(found, bool) else ""


def needed(posted: Mapping[str, Any], *path: str) -> str:
    """The text at a path that has to be there."""
    found = text(posted, *path)
    if not found:
        raise bad_request("is missing", ".".join(path))
    return found
