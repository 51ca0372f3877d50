"""Splunk's HTTP Event Collector.

Source: Splunk's "Format events for HTTP Event Collector", "Input endpoint descriptions" and "Possible error codes".
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from mainstay.core.problems import ProblemError
from mainstay.observe.intake import keeping, levels, records, times
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.received import Received, Request, Route

PROTOCOL = "splunk hec"
_next_object = json.JSONDecoder().raw_decode
# Between two events there is nothing, white space, or the comma that some clients write.
_BETWEEN = " \t\r\n,"
_NAMES = {"host": "host.name", "source": "com.splunk.source", "sourcetype": "com.splunk.sourcetype"}
_NAMES["index"] = "com.splunk.index"


def _wrong(code: int, text: str, detail: str, field: str = "") -> ProblemError:
    return ProblemError(400, "Bad request", detail, field, code=code, text=text)


def refuse(problem: ProblemError) -> Received:
    """A refusal with Splunk's code, which its clients know, and with what to do, for people."""
    code, text = {
        401: (2, "Token is required"),
        403: (4, "Invalid token"),
        429: (9, "Server is busy"),
        503: (9, "Server is busy"),
    }.get(problem.status, (6, "Invalid data format"))
    named = {"field": problem.field} if problem.field else {}
    body = {"text": text, "code": code, "detail": problem.detail, **named, **problem.extra}
    return Received(status=problem.status, body=orjson.dumps(body))


def _objects(text: str) -> Iterator[Any]:
    """JSON values that stand one after the other; a list counts as its elements."""
    place, end = 0, len(text)
    while True:
        while place < end and text[place] in _BETWEEN:
            place += 1
        if place == end:
            return
        try:
            found, place = _next_object(text, place)
        except (ValueError, RecursionError) as error:
            raise _wrong(6, "Invalid data format", f"this event is not JSON: {error}") from error
        if isinstance(found, list):
            yield from found
        else:
            yield found


def decode_events(request: Request) -> Received:
    """Events as JSON objects one after the other. Those before a wrong one are kept, as Splunk does."""
    collector, refused = Collector("hec", whole=True), []
    asked = request.asked()
    try:
        for event in _objects(request.body.decode("utf-8", "replace")):
            _add(collector, event, asked, request.sender)
    except ProblemError as problem:
        problem.extra["invalid-event-number"] = len(collector)
        refused.append(problem)
    if refused and not len(collector):
        raise refused[0]
    if not len(collector):
        raise _wrong(5, "No data", "send one event at least")
    return _success([partial(keeping.keep, PROTOCOL, collector.lines())], refused)


def _success(keep: list[Any], refused: list[ProblemError]) -> Received:
    if refused:
        answer = refuse(refused[0])
        return Received(keep=keep, status=answer.status, body=answer.body, noted=refused)
    return Received(keep=keep, body=b'{"text":"Success","code":0}')


def _add(collector: Collector, event: Any, asked: Mapping[str, str], sender: str) -> None:
    if not isinstance(event, dict):
        raise _wrong(6, "Invalid data format", "write an object with the field event")
    said = event.get("event")
    if said is None:
        raise _wrong(12, "Event field is required", "put what happened into the field event", "event")
    if said in ("", {}, []):
        raise _wrong(13, "Event field cannot be blank", "put what happened into the field event", "event")
    fields = event.get("fields") or {}
    if not isinstance(fields, dict):
        raise _wrong(15, "Error in handling indexed fields", "write an object", "fields")
    own = {name: records.text_of(value) for name in _NAMES if (value := event.get(name, asked.get(name)))}
    record = records.read(said if isinstance(said, dict) else {"message": records.text_of(said)})
    more = records.read({"message": "-", **fields})
    if event.get("time") not in (None, ""):
        found = times.read(event["time"])
        record.time, record.said = (record.time, records.text_of(event["time"])) if found is None else (found, "")
    record.level = more.level or record.level
    record.trace_id, record.span_id = more.trace_id or record.trace_id, more.span_id or record.span_id
    record.attributes = {**more.attributes, **record.attributes}
    host, source = own.get("host") or more.host or record.host, own.get("source", "")
    service = more.service or record.service or _service(source)
    stream = records.path_of(host, source, record.instance) or sender
    records.put(collector, record, service, stream, host, {_NAMES[name]: value for name, value in own.items()})


def _service(source: str) -> str:
    """A source that is a name is the service; one that is a file, an address or a port is not."""
    return "" if any(sign in source for sign in "/\\:") else source


def decode_raw(request: Request) -> Received:
    """Lines of text. What they have in common is in the query."""
    asked = request.asked()
    lines = request.body.decode("utf-8", "replace").splitlines()
    collector = Collector("hec", whole=False)
    host, source = asked.get("host", ""), asked.get("source", "")
    about = {_NAMES[name]: asked[name] for name in _NAMES if asked.get(name)}
    stream = records.path_of(host, source) or request.sender
    origin = collector.origin(asked.get("service") or _service(source), stream, about)
    time = times.of_text(asked["time"]) if asked.get("time") else 0
    if time is None:
        raise _wrong(6, "Invalid data format", "write seconds since 1970 or ISO 8601", "time")
    for line in lines:
        if line.strip():
            collector.add(origin, line, time, levels.of_text(asked.get("level", "")))
    if not len(collector):
        raise _wrong(5, "No data", "send one line at least")
    return _success([partial(keeping.keep, PROTOCOL, collector.lines())], [])


def health(request: Request) -> Received:
    """Whether events are taken at all. Clients ask without a token."""
    del request
    return Received(body=b'{"text":"HEC is healthy","code":17}')


def acknowledgements(request: Request) -> Received:
    """There are none to ask for: an event is on disk before its request is answered."""
    del request
    raise _wrong(14, "ACK is disabled", "switch indexer acknowledgement off; an answer of 200 means that it is on disk")


_BASE = "/services/collector"
_EVENTS, _RAW = Route(PROTOCOL, decode_events, refuse), Route(PROTOCOL, decode_raw, refuse)
_HEALTH = Route(PROTOCOL, health, refuse, open=True)
ROUTES = {
    ("POST", _BASE): _EVENTS,
    ("POST", f"{_BASE}/event"): _EVENTS,
    ("POST", f"{_BASE}/event/1.0"): _EVENTS,
    ("POST", f"{_BASE}/raw"): _RAW,
    ("POST", f"{_BASE}/raw/1.0"): _RAW,
    ("POST", f"{_BASE}/ack"): Route(PROTOCOL, acknowledgements, refuse),
    ("GET", f"{_BASE}/health"): _HEALTH,
    ("GET", f"{_BASE}/health/1.0"): _HEALTH,
}
