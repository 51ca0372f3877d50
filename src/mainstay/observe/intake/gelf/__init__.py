"""Graylog's GELF: over HTTP here, over UDP and TCP by the listeners of this package.

Source: Graylog's "GELF" page, "GELF Payload Specification".
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from mainstay.core.problems import bad_request
from mainstay.observe.intake import keeping, levels, records
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.received import Received, Request, Route

PROTOCOL = "gelf"


def parse(data: bytes) -> Mapping[str, Any] | None:
    """The object of a message, or nothing when it is none."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            # Some senders write NaN, or text that is no UTF-8.
            found = json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def add(collector: Collector, message: Mapping[str, Any], sender: str) -> None:
    """One message as a record."""
    fields = {name.removeprefix("_"): value for name, value in message.items() if name != "version"}
    level = levels.of_syslog(fields.pop("level", ""))
    full = records.text_of(fields.pop("full_message", None))
    short = records.text_of(fields.get("short_message"))
    if full:
        fields["short_message"] = full if short in full else f"{short}\n{full}"
    facility = records.text_of(fields.get("facility"))
    record = records.read(fields)
    record.level = level or record.level
    stream = records.path_of(record.host, facility, record.instance, record.attributes.get("process.pid", ""))
    records.put(collector, record, record.service or facility, stream or sender, record.host)


def decode(request: Request) -> Received:
    """One message, or several on a line each."""
    collector = Collector("gelf", whole=True)
    whole = parse(request.body)
    lines = [request.body] if whole else [line for line in request.body.split(b"\n") if line.strip()]
    for place, line in enumerate(lines):
        message = whole or parse(line)
        if message is None:
            raise bad_request("write a GELF message as a JSON object", f"[{place}]")
        add(collector, message, request.sender)
    if not lines:
        raise bad_request("write a GELF message as a JSON object")
    return Received(keep=[partial(keeping.keep, PROTOCOL, collector.lines())], status=202)


ROUTES = {("POST", "/gelf"): Route(PROTOCOL, decode)}
