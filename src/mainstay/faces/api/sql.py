"""The REST API of reads at the SQL desk."""

from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.examine import saved, services, values
from mainstay.restore.sqldesk.examine.running import Reading
from mainstay.restore.sqldesk.models import Read, SavedQuery

_ASKED = {
    "connection": str,
    "sql": str,
    "values": dict,
    "saved": int,
    "incident": int,
    "token": str,
    "reason": str,
    "limit": int,
    "offset": int,
    "pin": str,
}


def plain_read(read: Read) -> dict[str, Any]:
    """A read as JSON has it."""
    return {
        "id": read.pk,
        "token": read.token,
        "connection": read.connection.key,
        "sql": read.sql,
        "values": read.values,
        "saved": read.saved.name if read.saved else None,
        "incident": read.incident_id,
        "person": read.person_name,
        "reason": read.reason,
        "state": read.state,
        "message": read.message,
        "rows": read.rows,
        "bytes": read.bytes,
        "cut": read.cut,
        "elapsed_ms": read.elapsed_ms,
        "asked_at": read.asked_at,
        "hash": services.hash_of(read),
    }


def plain_answer(read: Read, reading: Reading, rows: list[list[Any]]) -> dict[str, Any]:
    """An answer as JSON has it. ``masked`` are the places of columns that were hidden."""
    return {
        "read": plain_read(read),
        "columns": [{"name": one.name, "type": one.type} for one in reading.fields],
        "rows": [[values.plain(one) for one in row] for row in rows],
        "cut": reading.cut or None,
        "masked": [place for place, mask in enumerate(reading.masks) if mask is not None],
    }


def plain_saved(query: SavedQuery) -> dict[str, Any]:
    """A saved query as JSON has it."""
    return {
        "id": query.pk,
        "name": query.name,
        "description": query.description,
        "connection": query.connection.key,
        "sql": query.sql,
        "parameters": query.parameters,
        "sensitive": query.sensitive,
        "owner": query.owner_name,
    }


def _begun(actor: Actor, fields: dict[str, Any]) -> Read:
    return services.begin(
        actor,
        fields.get("connection", ""),
        fields.get("sql", ""),
        fields.get("values"),
        saved=fields.get("saved"),
        incident=fields.get("incident"),
        token=fields.get("token", ""),
        reason=fields.get("reason", ""),
    )


@endpoint("GET")
def listed(actor: Actor, request: HttpRequest) -> Any:
    """The connections."""
    del request
    found = connections.visible(actor)
    names = ("key", "name", "dialect", "environment", "sensitive", "corrections", "max_rows", "max_bytes")
    return {"connections": [{name: getattr(one, name) for name in names} for one in found]}


@endpoint("GET")
def schema(actor: Actor, request: HttpRequest, key: str) -> Any:
    """Tables and views with their columns."""
    del request
    return {
        "tables": [
            {
                "schema": one.schema,
                "name": one.name,
                "kind": one.kind,
                "rows": one.rows,
                "columns": [{"name": name, "type": kind} for name, kind in one.columns],
            }
            for one in services.schema(actor, key).relations
        ]
    }


@endpoint("POST")
def run(actor: Actor, request: HttpRequest) -> Any:
    """Run a read. One that a colleague has to approve waits, and is run by its number later."""
    fields = fields_of(request, _ASKED)
    pin, incident = fields.get("pin", ""), fields.get("incident")
    if pin and incident is None:
        raise bad_request("name the incident that it is pinned to", "incident")
    read = _begun(actor, fields)
    if read.state == Read.State.REQUESTED:
        return {"read": plain_read(read)}
    read, reading, rows = services.run(actor, read, offset=fields.get("offset", 0), limit=fields.get("limit"))
    kept = services.pin(actor, read, incident, pin, (reading, rows)) if pin and incident is not None else None
    return {**plain_answer(read, reading, rows), "evidence": kept.pk if kept else None}


@endpoint("POST")
def export(actor: Actor, request: HttpRequest) -> Any:
    """Run a read into a file."""
    fields = fields_of(request, {**_ASKED, "format": str})
    form = fields.pop("format", "csv")
    return file_of(actor, _begun(actor, fields), form)


def file_of(actor: Actor, read: Read, form: str) -> StreamingHttpResponse:
    """An answer as a file that is sent as it is read. What is refused is refused before the first byte."""
    pieces = services.export(actor, read, form)
    first = next(pieces)

    async def body() -> AsyncIterator[bytes]:
        """A browser that goes away ends the read; all of it happens in the thread of the request."""
        take = sync_to_async(lambda: next(pieces, None))
        try:
            yield first
            while (piece := await take()) is not None:
                yield piece
        finally:
            await sync_to_async(pieces.close)()

    answer = StreamingHttpResponse(body(), content_type=values.FORMATS[form])
    answer["Content-Disposition"] = f'attachment; filename="{str(read).lower()}.{form}"'
    return answer


@endpoint("POST")
def cancel(actor: Actor, request: HttpRequest, token: str) -> Any:
    """Stop a read on the server."""
    fields_of(request, {})
    return {"cancelled": services.cancel(actor, token)}


@endpoint("GET")
def reads(actor: Actor, request: HttpRequest) -> Any:
    """The caller's own reads."""
    found = services.history(actor, request.GET.get("connection", ""))[: whole_of(request, "limit", 100)]
    return {"reads": [plain_read(one) for one in found]}


@endpoint("POST")
def run_approved(actor: Actor, request: HttpRequest, number: int) -> Any:
    """Run a read that was approved. It can be run once."""
    fields_of(request, {})
    return plain_answer(*services.run(actor, services.get(actor, number)))


@endpoint("GET")
def saved_queries(actor: Actor, request: HttpRequest) -> Any:
    """The saved queries."""
    del request
    return {"saved": [plain_saved(one) for one in saved.visible(actor)]}


urlpatterns: list[URLPattern] = [
    path("sql/connections", listed),
    path("sql/connections/<str:key>/schema", schema),
    path("sql/run", run),
    path("sql/export", export),
    path("sql/cancel/<str:token>", cancel),
    path("sql/reads", reads),
    path("sql/reads/<int:number>/run", run_approved),
    path("sql/saved", saved_queries),
]
