"""Log lines as plain data, and ranges of time as people name them, for the API, the command line and the screens."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.api.numbers import number
from mainstay.observe.changes import services as changes
from mainstay.observe.logs import care, whatchanged
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.answers import Line, Scan
from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.whatchanged import Change, WhatChanged
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.incidents import services as incidents

Row = dict[str, Any]
DEFAULT_RANGE = "last 1h"
_AROUND = re.compile(r"around\s+(?:incident\s+)?((?:INC-)?\d{1,9})\Z", re.IGNORECASE)
BEFORE, LONGEST = timedelta(minutes=15), timedelta(hours=6)


def range_of(actor: Actor, text: str) -> times.Range:
    """The range that a text means now; ``around incident 12`` is the time of that incident.

    Raises ``ProblemError`` that names the field ``range``.
    """
    text = " ".join((text or DEFAULT_RANGE).split())
    around = _AROUND.match(text)
    if not around:
        return times.parse(text, clock.now())
    incident = incidents.get(actor, number(around[1]))
    start = incident.started_at - BEFORE
    end = min((incident.resolved_at or clock.now()) + timedelta(minutes=1), start + LONGEST)
    return times.Range(start, max(end, start + 2 * BEFORE), f"around {incident}")


@contextmanager
def understood(field: str = "query") -> Iterator[None]:
    """Makes problem details of a query that cannot be read, and of a store that does not answer."""
    try:
        yield
    except QueryError as error:
        where = {"at": error.at, "length": error.length, "expected": error.expected, "remedy": error.remedy}
        raise ProblemError(400, "Bad request", str(error), field, **where) from error
    except TelemetryError as error:
        raise ProblemError(503, "Unavailable", str(error)) from error


def line(found: Line) -> Row:
    """One line. Numbers beyond what JavaScript counts exactly are text; ``cursor`` is its place."""
    return {
        "cursor": str(found.cursor),
        "time": times.stamp(found.time),
        "service": found.service,
        "level": found.level,
        "body": found.body,
        "trace_id": found.trace_id,
        "span_id": found.span_id,
        "stream": found.stream,
        "source": found.source,
        "format": found.format,
        "pattern": str(found.pattern) if found.pattern else "",
        "exception": found.exception,
        "frame": found.frame,
        "fingerprint": str(found.fingerprint) if found.fingerprint else "",
        "causes": list(found.causes),
        "attributes": dict(found.attributes),
    }


def lines(found: Iterable[Line]) -> list[Row]:
    """Several lines."""
    return list(map(line, found))


def usage_rows(actor: Actor, days: int) -> list[Row]:
    """What each service sent on each of the last days."""
    return [
        {
            "day": one.day.isoformat(),
            "service": one.service,
            "lines": one.lines,
            "bytes": one.bytes,
            "share": round(one.share, 4),
            "disk_bytes": one.disk,
            "quota_mb": one.quota_mb,
            "over_quota": one.quota_mb is not None and one.bytes > one.quota_mb * 1_000_000,
        }
        for one in care.usage(actor, days)
    ]


def scan(found: Scan) -> Row:
    """What was looked through."""
    return {
        "from": times.stamp(found.start),
        "to": times.stamp(found.end),
        "read_lines": found.read_lines,
        "read_bytes": found.read_bytes,
        "matched": found.matched,
        "matched_is": "exact" if found.exact else "at least",
        "cut": found.cut,
        "sampled": found.sampled,
        "elapsed_ms": round(found.elapsed_ms, 1),
    }


def changed(actor: Actor, services: Sequence[str], within: times.Range, baseline: str, limit: int) -> WhatChanged:
    """What changed in the logs of services; the release is the last change event before the end of the range.

    Raises ``ProblemError`` that names the field ``baseline``.
    """
    if baseline not in whatchanged.BASELINES:
        raise bad_request(f"write one of {', '.join(whatchanged.BASELINES)}", "baseline")
    released = next((one.time for one in changes.recent(actor, services, within.end)), None)
    window = whatchanged.Window(within.start, within.end)
    return whatchanged.what_changed(actor, services, window, baseline, released, limit)


def change(found: Change) -> Row:
    """One difference."""
    return {
        "kind": found.kind,
        "level": found.level,
        "service": found.service,
        "before": found.before,
        "during": found.during,
        "expected": round(found.expected, 1),
        "score": round(found.score, 2),
        "pattern": str(found.pattern) if found.pattern else "",
        "template": found.template,
        "example": found.example,
        "moved": f"value {found.moved.place + 1}: {found.moved.before} -> {found.moved.during}" if found.moved else "",
        "known_error": found.known_error,
        "first_seen": times.stamp(found.first_seen) if found.first_seen else None,
    }
