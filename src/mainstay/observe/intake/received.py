"""What a protocol makes of a request: what to keep, and what to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from mainstay.core.problems import ProblemError


@dataclass(frozen=True)
class Request:
    """A request as protocols see it: authenticated, unpacked, within its limits."""

    path: str
    query: str
    content_type: str
    body: bytes
    now: datetime
    sender: str


@dataclass
class Received:
    """What to keep before the answer is sent, and the answer.

    ``signals`` go to the inbox, ``keep`` writes telemetry through the spool. ``refused`` are parts that were wrong in a
    request whose other parts are kept.
    """

    signals: Sequence[Mapping[str, Any]] = ()
    keep: Sequence[Callable[[], object]] = ()
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    refused: Sequence[ProblemError] = field(default_factory=list)


class Handler(Protocol):
    """Decodes one kind of request. Raises ``ProblemError`` when nothing of it can be kept."""

    def __call__(self, request: Request) -> Received:
        """Decode."""
