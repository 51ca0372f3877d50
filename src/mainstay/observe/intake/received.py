"""What a protocol makes of a request: what to keep, and what to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

import orjson

from mainstay.core.problems import ProblemError


@dataclass(frozen=True)
class Request:
    """A request as protocols see it: authenticated, unpacked, within its limits.

    ``headers`` have lower-case names. ``params`` are what varies in the path, by the names of the route.
    """

    path: str
    query: str
    content_type: str
    body: bytes
    now: datetime
    sender: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)

    def kind(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    def asked(self) -> dict[str, str]:
        """The fields of the query; of one that is there twice the last."""
        return dict(parse_qsl(self.query, errors="replace"))


@dataclass
class Received:
    """What to keep before the answer is sent, and the answer.

    ``signals`` go to the inbox, ``keep`` writes telemetry through the spool. ``refused`` are parts that were wrong in a
    request whose other parts are kept: the answer is an error that names them. ``noted`` are wrong parts that the
    answer names already by itself; they too are kept for the operator to see.
    """

    signals: Sequence[Mapping[str, Any]] = ()
    keep: Sequence[Callable[[], object]] = ()
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[ProblemError] = field(default_factory=list)
    noted: Sequence[ProblemError] = field(default_factory=list)


class Handler(Protocol):
    """Decodes one kind of request. Raises ``ProblemError`` when nothing of it can be kept."""

    def __call__(self, request: Request) -> Received:
        """Decode."""


def problem_details(problem: ProblemError) -> Received:
    """A refusal as RFC 9457 has it."""
    body = orjson.dumps(problem.body())
    return Received(status=problem.status, body=body, content_type="application/problem+json")


@dataclass(frozen=True)
class Route:
    """One kind of request: the name of its protocol, what decodes it, and how a refusal looks to its clients.

    ``open`` routes need no token, because their clients send none there and nothing is kept. A request of a route with
    ``split`` may be endless: it is kept in parts, cut where ``split`` says that a record ends (0 for nowhere yet).
    """

    protocol: str
    handler: Handler
    refuse: Callable[[ProblemError], Received] = problem_details
    open: bool = False
    split: Callable[[bytes], int] | None = None
