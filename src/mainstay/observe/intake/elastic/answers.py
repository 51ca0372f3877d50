"""Answers as Elasticsearch gives them. Its clients refuse to speak to a server that does not say that it is one."""

from collections.abc import Mapping
from typing import Any

import orjson

from mainstay.core.problems import ProblemError
from mainstay.observe.intake.received import Received, Request

HEADERS = {"X-Elastic-Product": "Elasticsearch"}
# A version that clients of the releases 7, 8 and 9 all take.
VERSION = "8.19.0"
_TYPES = {
    400: "illegal_argument_exception",
    401: "security_exception",
    403: "security_exception",
    413: "content_too_long_exception",
    429: "es_rejected_execution_exception",
}


def answer(body: Any, status: int = 200, **more: Any) -> Received:
    """JSON with the header that clients look for."""
    return Received(status=status, body=orjson.dumps(body), headers=HEADERS, **more)


def error_of(kind: str, reason: str) -> dict[str, Any]:
    """An error as it stands in an answer or at an item."""
    return {"type": kind, "reason": reason}


def refuse(problem: ProblemError) -> Received:
    """A refusal as clients of Elasticsearch read it."""
    reason = f"{problem.field}: {problem.detail}" if problem.field else problem.detail
    cause = error_of(_TYPES.get(problem.status, "exception"), reason)
    return answer({"error": {"root_cause": [cause], **cause}, "status": problem.status}, problem.status)


def about(request: Request) -> Received:
    """What clients read of a cluster before they send."""
    del request
    version: Mapping[str, Any] = {
        "number": VERSION,
        "build_flavor": "default",
        "build_type": "docker",
        "build_hash": "mainstay",
        "build_date": "2025-01-01T00:00:00.000Z",
        "build_snapshot": False,
        "lucene_version": "9.12.0",
        "minimum_wire_compatibility_version": "7.17.0",
        "minimum_index_compatibility_version": "7.0.0",
    }
    named = {"name": "mainstay", "cluster_name": "mainstay", "cluster_uuid": "mainstay"}
    return answer({**named, "version": version, "tagline": "You Know, for Search"})


def empty(request: Request) -> Received:
    """It is there."""
    del request
    return Received(headers=HEADERS)


def licence(request: Request) -> Received:
    """The licence that shippers ask for before they use what is free."""
    del request
    return answer({"license": {"status": "active", "uid": "mainstay", "type": "basic", "mode": "basic"}})


def health(request: Request) -> Received:
    """The state of the cluster, which is one node that takes documents."""
    del request
    return answer({"cluster_name": "mainstay", "status": "green", "number_of_nodes": 1, "timed_out": False})
