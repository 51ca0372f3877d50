"""Loki's push API, as JSON and as protobuf.

Source: Grafana Loki's "HTTP API", ``POST /loki/api/v1/push``; which labels name the service is Loki's own order of
``discover_service_name``.
"""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError

from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.observe.intake import fields, keeping, levels, records, times
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.loki.push import PushRequest
from mainstay.observe.intake.received import Received, Request, Route
from mainstay.observe.intake.unpack import unpack

PROTOCOL = "loki"
SERVICE = (
    "service_name",
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
)
LEVEL = ("detected_level", "level", "severity", "lvl", "loglevel")
HOST = ("host", "hostname", "host_name", "node", "node_name")
TRACE, SPAN = ("trace_id", "traceID", "traceId", "traceid"), ("span_id", "spanID", "spanId", "spanid")
_LABEL = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def decode(request: Request) -> Received:
    """Streams of lines."""
    collector = Collector("loki", whole=False)
    if request.kind() == "application/json":
        _from_json(collector, request)
    else:
        _from_protobuf(collector, request)
    return Received(keep=[partial(keeping.keep, PROTOCOL, collector.lines())], status=204, content_type="")


def _from_json(collector: Collector, request: Request) -> None:
    posted = fields.an_object(fields.parse_json(request.body), "")
    for place, one in enumerate(_a_list(posted.get("streams"), "streams")):
        stream = fields.an_object(one, f"streams[{place}]")
        about = fields.an_object(stream.get("stream") or {}, f"streams[{place}].stream")
        labels = _Labels(
            collector, {str(name): records.text_of(value) for name, value in about.items()}, request.sender
        )
        for at, value in enumerate(_a_list(stream.get("values"), f"streams[{place}].values")):
            if not isinstance(value, list) or not 2 <= len(value) <= 3:
                raise bad_request("write [time in ns as text, line] or both with an object", _at(place, at))
            more = value[2] if len(value) == 3 else {}
            metadata = fields.an_object(more, f"{_at(place, at)}[2]")
            labels.add(_nanos(value[0], f"{_at(place, at)}[0]"), records.text_of(value[1]), metadata)


def _a_list(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request("write a list", field)
    return value


def _at(stream: int, value: int) -> str:
    return f"streams[{stream}].values[{value}]"


def _nanos(value: Any, field: str) -> int:
    try:
        return int(value) // 1000
    except (TypeError, ValueError, OverflowError):
        raise bad_request("write nanoseconds since 1970 as text", field) from None


def _from_protobuf(collector: Collector, request: Request) -> None:
    body = request.body
    if request.headers.get("content-encoding", "").strip().lower() != "snappy":
        # Loki's clients compress with snappy and do not say so.
        body = unpack(body, "snappy", current().intake_max_body_mb * 1_000_000)
    posted = PushRequest()
    try:
        posted.ParseFromString(body)
    except DecodeError as error:
        raise bad_request(f"the body is not a PushRequest of Loki: {error}") from error
    for place, stream in enumerate(posted.streams):
        labels = _Labels(collector, parse_labels(stream.labels, f"streams[{place}].labels"), request.sender)
        for entry in stream.entries:
            metadata = {pair.name: pair.value for pair in entry.structured_metadata}
            time = entry.timestamp.seconds * times.MICROS + entry.timestamp.nanos // 1000
            labels.add(time, entry.line.decode("utf-8", "replace"), metadata)


def parse_labels(text: str, field: str = "labels") -> dict[str, str]:
    """Labels as ``{name="value", …}``. Raises ``ProblemError`` for anything else."""
    inner, found, place = text.strip().removeprefix("{").removesuffix("}").strip(), {}, 0
    while place < len(inner):
        one = _LABEL.match(inner, place)
        if one is None:
            raise bad_request('write {name="value", …}', field)
        found[one[1]] = _ESCAPE.sub(lambda sign: _ESCAPED.get(sign[1], sign[1]), one[2])
        place = one.end()
    return found


def _first(names: Iterable[str], *places: Mapping[str, Any]) -> str:
    return next((records.text_of(place[name]) for place in places for name in names if place.get(name)), "")


class _Labels:
    """Lines of one stream of Loki."""

    def __init__(self, collector: Collector, labels: Mapping[str, str], sender: str) -> None:
        self._collector, self._labels = collector, labels
        self._level = levels.of_text(_first(LEVEL, labels))
        about = {name: value for name, value in labels.items() if name not in LEVEL or not self._level}
        host = _first(HOST, labels)
        named = records.semantic(about) | ({"host.name": host} if host else {})
        # A stack trace may have other labels than its line only where a handler makes a label of the level.
        self._stream = ",".join(f"{name}={about[name]}" for name in sorted(about)) or sender
        self._named = named

    def add(self, time: int, line: str, metadata: Mapping[str, Any]) -> None:
        """One line with what is said of it alone."""
        service = _first(SERVICE, metadata, self._labels)
        level = levels.of_text(_first(LEVEL, metadata)) or self._level
        rest = {name: value for name, value in metadata.items() if name not in (*TRACE, *SPAN)}
        self._collector.add(
            self._collector.origin(service, self._stream, self._named),
            line,
            time,
            level,
            trace_id=_first(TRACE, metadata, self._labels),
            span_id=_first(SPAN, metadata, self._labels),
            attributes=records.semantic(rest) or None,
        )


ROUTES = {("POST", "/loki/api/v1/push"): Route(PROTOCOL, decode)}
