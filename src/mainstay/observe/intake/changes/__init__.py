"""Change events: a deploy, a configuration change, a data correction. Mainstay's own, one POST from a pipeline."""

from functools import partial
from typing import Any

import orjson

from mainstay.core.ids import new_id
from mainstay.core.problems import bad_request
from mainstay.observe.intake import fields
from mainstay.observe.intake.received import Received, Request
from mainstay.observe.telemetry import services as telemetry

KNOWN = {"service", "summary", "kind", "id", "by", "time", "version", "link", "diff"}


def decode(request: Request) -> Received:
    """One event or a list of them."""
    posted = fields.parse_json(request.body)
    events = posted if isinstance(posted, list) else [posted]
    rows = [_row(one, f"[{place}]" if isinstance(posted, list) else "", request) for place, one in enumerate(events)]
    if not rows:
        raise bad_request("write one event or a list of them")
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    answer = orjson.dumps({"ids": columns["id"]})
    return Received(keep=[partial(telemetry.write, "changes", columns)], status=202, body=answer)


def _row(one: Any, place: str, request: Request) -> dict[str, Any]:
    event = fields.an_object(one, place)
    dot = f"{place}." if place else ""
    for name in event:
        if name not in KNOWN:
            raise bad_request(f"unknown field; known are {', '.join(sorted(KNOWN))}", f"{dot}{name}")
    link = fields.a_text(event.get("link"), f"{dot}link", 2000)
    if link and not link.startswith(("http://", "https://")):
        raise bad_request("write an http or https address", f"{dot}link")
    when = fields.a_time(event.get("time"), f"{dot}time") or request.now
    return {
        "time": int(when.timestamp() * 1000),
        "service": fields.a_text(event.get("service"), f"{dot}service", 200, required=True),
        "kind": fields.a_text(event.get("kind"), f"{dot}kind", 40) or "change",
        "id": fields.a_text(event.get("id"), f"{dot}id", 200) or new_id(),
        "summary": fields.a_text(event.get("summary"), f"{dot}summary", 2000, required=True),
        "author": fields.a_text(event.get("by"), f"{dot}by", 200),
        "version": fields.a_text(event.get("version"), f"{dot}version", 200),
        "link": link,
        "diff": fields.a_text(event.get("diff"), f"{dot}diff", 200_000),
        "received": int(request.now.timestamp() * 1000),
    }
