"""The REST API of log lines."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api import logs
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.observe.logs.search import services as search
from mainstay.observe.logs.search.answers import Cursor
from mainstay.observe.logs.search.export import FORMATS
from mainstay.observe.logs.search.times import Range, stamp
from mainstay.observe.telemetry.services import aware


def _asked(actor: Actor, request: HttpRequest) -> tuple[str, Range]:
    return request.GET.get("query", ""), logs.range_of(actor, request.GET.get("range", ""))


def cursor_of(request: HttpRequest, name: str) -> Cursor | None:
    """The place of a line that the address names."""
    text = request.GET.get(name, "")
    return Cursor.parse(text, name) if text else None


def _needed_cursor(request: HttpRequest) -> Cursor:
    found = cursor_of(request, "cursor")
    if found is None:
        raise bad_request("name the line by its cursor, as answers give it", "cursor")
    return found


@endpoint("GET")
def search_lines(actor: Actor, request: HttpRequest) -> Any:
    """A page of lines."""
    query, within = _asked(actor, request)
    before, after = cursor_of(request, "before"), cursor_of(request, "after")
    with logs.understood():
        page = search.search(actor, query, within, whole_of(request, "limit", 100), before, after)
    return {
        "lines": logs.lines(page.lines),
        "older": str(page.older) if page.older else None,
        "newer": str(page.newer) if page.newer else None,
        "scan": logs.scan(page.scan),
        "sql": page.sql,
    }


@endpoint("GET")
def histogram(actor: Actor, request: HttpRequest) -> Any:
    """Counts over time by level."""
    query, within = _asked(actor, request)
    with logs.understood():
        found = search.histogram(actor, query, within, whole_of(request, "buckets", 60))
    return {
        "step_seconds": found.step.total_seconds(),
        "starts": list(map(stamp, found.starts)),
        "counts": {level: list(row) for level, row in found.counts.items()},
        "scan": logs.scan(found.scan),
    }


@endpoint("GET")
def changed(actor: Actor, request: HttpRequest) -> Any:
    """What changed in the logs of services from a baseline to a range."""
    services = [name.strip() for name in request.GET.get("services", "").split(",") if name.strip()]
    if not services:
        raise bad_request("name one service or several with commas between", "services")
    _, within = _asked(actor, request)
    with logs.understood():
        found = logs.changed(
            actor, services, within, request.GET.get("baseline", "before"), whole_of(request, "limit", 20)
        )
    return {
        "changes": list(map(logs.change, found.changes)),
        "left_out": found.left_out,
        "lines": found.lines,
        "during": {"from": stamp(found.during.start), "to": stamp(found.during.end)},
        "before": {"from": stamp(found.before.start), "to": stamp(found.before.end)},
    }


@endpoint("GET")
def facets(actor: Actor, request: HttpRequest) -> Any:
    """The most frequent values of fields."""
    query, within = _asked(actor, request)
    names = [name.strip() for name in request.GET.get("fields", "").split(",") if name.strip()]
    with logs.understood():
        found = search.facets(actor, query, within, *([names] if names else []))
    rows = [
        {
            "field": one.field,
            "values": [{"value": value, "lines": count} for value, count in one.values],
            "other_values": one.other_values,
            "other_lines": one.other_lines,
        }
        for one in found.facets
    ]
    return {"facets": rows, "scan": logs.scan(found.scan)}


@endpoint("GET")
def context(actor: Actor, request: HttpRequest) -> Any:
    """A line between its neighbours."""
    scope = request.GET.get("scope", "stream")
    before, after = whole_of(request, "before", 20), whole_of(request, "after", 20)
    with logs.understood():
        found = search.context(actor, _needed_cursor(request), before, after, scope)
    sides = {"before": logs.lines(found.before), "line": logs.line(found.line), "after": logs.lines(found.after)}
    return {**sides, "scope": found.scope}


@endpoint("GET")
def line(actor: Actor, request: HttpRequest) -> Any:
    """One line."""
    with logs.understood():
        return logs.line(search.line(actor, _needed_cursor(request)))


@endpoint("GET")
def journey(actor: Actor, request: HttpRequest) -> Any:
    """The lines of all services that hold a key."""
    _, within = _asked(actor, request)
    with logs.understood():
        found = search.journey(actor, request.GET.get("key", ""), within)
    stops = [
        {
            **logs.line(stop.line),
            "gap_ms": stop.gap.total_seconds() * 1000,
            "long_gap": stop.long,
            "first_error": stop.first_error,
        }
        for stop in found.stops
    ]
    return {"key": found.key, "services": list(found.services), "lines": stops, "scan": logs.scan(found.scan)}


@endpoint("GET")
def export(actor: Actor, request: HttpRequest) -> Any:
    """All lines that match, as a file."""
    query, within = _asked(actor, request)
    form = request.GET.get("format", "ndjson")
    with logs.understood():
        chunks = search.export(actor, query, within, form)
    return file_of(chunks, form, within)


def file_of(chunks: Iterator[bytes], form: str, within: Range) -> StreamingHttpResponse:
    """An answer that is saved as a file while it is made."""
    name = f"logs-{within.start:%Y%m%dT%H%M%SZ}-{within.end:%Y%m%dT%H%M%SZ}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_in_threads(chunks), content_type=FORMATS[form], headers=headers)


async def _in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is made in a thread of the pool, so that a large file holds up nobody."""
    take = sync_to_async(lambda: next(chunks, None), thread_sensitive=False)
    while (chunk := await take()) is not None:
        if chunk:
            yield chunk


@endpoint("POST")
def sql(actor: Actor, request: HttpRequest) -> Any:
    """The rows of a person's own SELECT over the tables of logs."""
    statement = fields_of(request, {"sql": str}).get("sql", "")
    with logs.understood("sql"):
        found = search.sql(actor, statement)
    rows = [[_plain(value) for value in row] for row in found.rows]
    cost = {"read_lines": found.read_lines, "read_bytes": found.read_bytes, "elapsed_ms": round(found.elapsed_ms, 1)}
    return {"names": list(found.names), "rows": rows, "cut": found.cut, **cost}


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return stamp(aware(value))
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    # Whole numbers beyond this are not exact in JavaScript.
    big = isinstance(value, int) and abs(value) > 2**53
    return value if isinstance(value, int | float | str | bool | None) and not big else str(value)


@endpoint("GET")
def usage(actor: Actor, request: HttpRequest) -> Any:
    """What each service sent on each day."""
    with logs.understood():
        return {"usage": logs.usage_rows(actor, whole_of(request, "days", 7))}


urlpatterns: list[URLPattern] = [
    path("logs/search", search_lines),
    path("logs/histogram", histogram),
    path("logs/changed", changed),
    path("logs/facets", facets),
    path("logs/context", context),
    path("logs/line", line),
    path("logs/journey", journey),
    path("logs/export", export),
    path("logs/sql", sql),
    path("logs/usage", usage),
]
