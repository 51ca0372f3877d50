"""Documents as log records: many at once, each with its own answer, or one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from mainstay.core.ids import new_id
from mainstay.core.problems import ProblemError, bad_request
from mainstay.observe.intake import keeping, records
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.elastic.answers import answer, error_of
from mainstay.observe.intake.received import Received, Request

PROTOCOL = "elasticsearch"
# What shippers put around the name of an index: logs-NAME-default, NAME-2026.11.23, .ds-NAME-…-000001.
_DATE = re.compile(r"[-_.](\d{4}([-_.]?\d{2}){0,3}|\d{6})$")
_SHARDS = {"total": 1, "successful": 1, "failed": 0}


@dataclass(frozen=True)
class _Action:
    """One action of a bulk request with the bytes of its document."""

    name: str
    index: str
    ident: str
    document: bytes | None


def service_of(index: str) -> str:
    """The service that an index is named after."""
    parts = index.removeprefix(".ds-").split("-")
    if len(parts) >= 3 and parts[0] in {"logs", "metrics"}:
        return "-".join(parts[1:-1])
    name = index
    while (shorter := _DATE.sub("", name)) != name:
        name = shorter
    return name


def _actions(request: Request) -> Iterator[_Action]:
    """The actions in their order. Raises ``ProblemError`` at a line that is no action: what follows cannot be told."""
    lines = iter(enumerate(request.body.split(b"\n"), 1))
    for number, line in lines:
        if not line.strip():
            continue
        try:
            posted = orjson.loads(line)
            ((name, about),) = posted.items()
            known = name in {"index", "create", "update", "delete"} and isinstance(about, dict)
        except (ValueError, AttributeError) as error:
            raise bad_request(f"line {number} is no action: {error}", f"[{number}]") from error
        if not known:
            raise bad_request(f"line {number}: write index or create, with an object", f"[{number}]")
        index = str(about.get("_index") or request.params.get("index", ""))
        ident = str(about.get("_id") or new_id())
        yield _Action(name, index, ident, None if name == "delete" else next(lines, (0, b""))[1])


def decode_bulk(request: Request) -> Received:
    """Actions and documents as lines of JSON. Each document is taken or refused by itself."""
    collector = Collector("elasticsearch", whole=True)
    items: list[Mapping[str, Any]] = []
    noted: list[ProblemError] = []
    for action in _actions(request):
        try:
            if action.name not in {"index", "create"}:
                raise bad_request("log lines are only added; send index or create", action.name)
            _add(collector, action.document or b"", action.index, request)
        except ProblemError as problem:
            noted.append(problem)
            failed = {"status": 400, "error": error_of("document_parsing_exception", str(problem))}
            items.append({action.name: {"_index": action.index, "_id": action.ident, **failed}})
        else:
            items.append({action.name: _created(action.index, action.ident)})
    if not items:
        raise bad_request("request body is required: an action and a document, each on a line of its own")
    keep = [partial(keeping.keep, PROTOCOL, collector.lines())]
    return answer({"took": 0, "errors": bool(noted), "items": items}, keep=keep, noted=noted)


def decode_document(request: Request) -> Received:
    """One document."""
    collector = Collector("elasticsearch", whole=True)
    index, ident = request.params["index"], request.params.get("id") or new_id()
    _add(collector, request.body, index, request)
    return answer(_created(index, ident), 201, keep=[partial(keeping.keep, PROTOCOL, collector.lines())])


def _created(index: str, ident: str) -> Mapping[str, Any]:
    about = {"_index": index, "_id": ident, "_version": 1, "result": "created", "_shards": _SHARDS}
    return {**about, "_seq_no": 0, "_primary_term": 1, "status": 201}


def _add(collector: Collector, document: bytes, index: str, request: Request) -> None:
    try:
        posted = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the document is not JSON: {error}") from error
    if not isinstance(posted, dict):
        raise bad_request("write the document as an object")
    record = records.read(posted)
    stream = records.path_of(record.host, record.instance) or index or request.sender
    records.put(
        collector, record, record.service or service_of(index), stream, record.host, {"elasticsearch.index": index}
    )
