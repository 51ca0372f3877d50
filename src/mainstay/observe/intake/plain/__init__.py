"""Mainstay's own: lines of text or of JSON in one POST, for curl and scripts."""

from functools import partial

import orjson

from mainstay.core.problems import bad_request
from mainstay.observe.intake import fields, keeping, levels, records
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.received import Received, Request, Route

PROTOCOL = "plain"
KNOWN = ("service", "stream", "host", "file", "level")
JSON = {"application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines"}


def decode(request: Request) -> Received:
    """Lines. The content type decides: JSON is one record a line or a list of them, all else is text."""
    asked = request.asked()
    for name in asked:
        if name not in KNOWN:
            raise bad_request(f"unknown field of the query; known are {', '.join(KNOWN)}", name)
    if asked.get("level") and not levels.of_text(asked["level"]):
        raise bad_request("write trace, debug, info, warning, error or fatal", "level")
    collector = (_records if request.kind() in JSON else _text)(request, asked)
    keep = [partial(keeping.keep, PROTOCOL, collector.lines())]
    return Received(keep=keep, status=202, body=orjson.dumps({"lines": len(collector)}))


def _text(request: Request, asked: dict[str, str]) -> Collector:
    collector = Collector("plain", whole=False)
    host, file = asked.get("host", ""), asked.get("file", "")
    about = {name: text for name, text in (("host.name", host), ("log.file.path", file)) if text}
    origin = collector.origin(asked.get("service", ""), asked.get("stream") or host or request.sender, about)
    level = levels.of_text(asked.get("level", ""))
    for line in request.body.decode("utf-8", "replace").split("\n"):
        if line.strip():
            collector.add(origin, line.rstrip("\r"), 0, level)
    return collector


def _records(request: Request, asked: dict[str, str]) -> Collector:
    collector = Collector("plain", whole=True)
    whole = request.body.strip()
    if whole.startswith(b"["):
        posted = fields.parse_json(whole)
    else:
        posted = [_line(line, number) for number, line in enumerate(whole.split(b"\n"), 1) if line.strip()]
    level = levels.of_text(asked.get("level", ""))
    for place, one in enumerate(posted):
        record = records.read(fields.an_object(one, f"[{place}]"))
        host = record.host or asked.get("host", "")
        stream = asked.get("stream") or record.instance or host or request.sender
        record.level = record.level or level
        records.put(collector, record, record.service or asked.get("service", ""), stream, host)
    return collector


def _line(line: bytes, number: int) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"line {number} is not JSON: {error}; send text as text/plain", f"[{number - 1}]") from error


ROUTES = {("POST", "/api/v1/logs"): Route(PROTOCOL, decode)}
