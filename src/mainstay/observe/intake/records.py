"""Records that are objects with named fields: which field is the message, the time, the level, the service.

Loggers do not agree on names; the first of those that are known is taken. All other fields become attributes, nested
ones with dots between the names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from mainstay.observe.intake import levels, times
from mainstay.observe.intake.collect import Collector
from mainstay.observe.logs.reading.names import HOST, LEVEL, MESSAGE, SERVICE, SPAN, STACK, TIME, TRACE

INSTANCE = (
    "service.instance.id",
    "k8s.pod.name",
    "kubernetes.pod_name",
    "kubernetes.pod.name",
    "container.id",
    "container_id",
    "log.file.path",
)
# Names of others for what OpenTelemetry's semantic conventions have a name for.
SEMANTIC = {
    "kubernetes.pod_name": "k8s.pod.name",
    "kubernetes.pod.name": "k8s.pod.name",
    "kubernetes.namespace_name": "k8s.namespace.name",
    "kubernetes.namespace": "k8s.namespace.name",
    "kubernetes.container_name": "k8s.container.name",
    "kubernetes.container.name": "k8s.container.name",
    "kubernetes.host": "k8s.node.name",
    "kubernetes.node.name": "k8s.node.name",
    "namespace": "k8s.namespace.name",
    "pod": "k8s.pod.name",
    "container": "k8s.container.name",
    "container_name": "container.name",
    "container_id": "container.id",
    "filename": "log.file.path",
    "stream": "log.iostream",
    "log.logger": "logger.name",
    "logger_name": "logger.name",
    "thread_name": "thread.name",
    "threadName": "thread.name",
    "pid": "process.pid",
    "exception": "exception.message",
    "error.type": "exception.type",
    "error.message": "exception.message",
    "env": "deployment.environment.name",
    "environment": "deployment.environment.name",
}
# Attributes that say where a line comes from: many lines have the same ones, so they are said once for all of them.
SHARED = (
    "k8s.",
    "kubernetes.",
    "container.",
    "host.",
    "service.",
    "deployment.",
    "process.",
    "log.file.",
    "log.iostream",
)


@dataclass(slots=True)
class Record:
    """One record. ``time`` is in microseconds, 0 when none was said; ``said`` is a time that could not be read."""

    body: str
    time: int
    said: str
    level: str
    trace_id: str
    span_id: str
    service: str
    host: str
    instance: str
    attributes: dict[str, str]


def text_of(value: Any) -> str:
    """A value of JSON as text; what is nested stays JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int):
        return str(value)
    return as_json(value)


def as_json(value: Any) -> str:
    """A value as JSON, whatever came by MessagePack in it."""
    try:
        options = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
        return orjson.dumps(value, default=_other, option=options).decode()
    except (orjson.JSONEncodeError, TypeError, RecursionError):
        # Lone surrogates, whole numbers over 64 bits, deep nesting: better as Python shows it than not at all.
        try:
            return repr(value)
        except RecursionError:
            return "(nested too deeply to be shown)"


def _other(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def flat(fields: Mapping[Any, Any], before: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested objects as one level of names with dots."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value and depth < 10:
            found |= flat(value, f"{path}.", depth + 1)
        else:
            found[path] = value
    return found


def semantic(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Attributes as text, under the names of OpenTelemetry where there is one."""
    return {SEMANTIC.get(name, name): text_of(value) for name, value in attributes.items() if value not in (None, "")}


def _take(fields: dict[str, Any], names: Sequence[str]) -> str:
    """The first of these fields that holds text or a number, taken out of the fields."""
    for name in names:
        value = fields.get(name)
        if value is None or value == "" or isinstance(value, (dict, list)):
            continue
        return text_of(fields.pop(name))
    return ""


def read(fields: Mapping[Any, Any]) -> Record:
    """A record of named fields. One without a message is its own message, as JSON."""
    rest = flat(fields)
    time, said = _time(rest)
    body = _take(rest, MESSAGE) or as_json(fields)
    stack = _take(rest, STACK)
    if stack and stack not in body:
        body = f"{body}\n{stack}"
    return Record(
        body,
        time,
        said,
        _level(rest),
        _take(rest, TRACE),
        _take(rest, SPAN),
        _take(rest, SERVICE),
        _take(rest, HOST),
        next((text_of(rest[name]) for name in INSTANCE if rest.get(name)), ""),
        semantic(rest),
    )


def _time(fields: dict[str, Any]) -> tuple[int, str]:
    for name in TIME:
        if name in fields:
            found = times.read(fields[name])
            said = text_of(fields.pop(name))
            return (found, "") if found is not None else (0, said)
    return 0, ""


def _level(fields: dict[str, Any]) -> str:
    """The level. One whose name is not known stays with the attributes: nothing of a record is lost."""
    for name in LEVEL:
        found = levels.of_text(text_of(fields.get(name, "")))
        if found:
            del fields[name]
            return found
    return ""


def put(
    collector: Collector,
    record: Record,
    service: str,
    stream: str,
    host: str = "",
    about: Mapping[str, str] | None = None,
) -> None:
    """Add a record to a batch. ``about`` is what it shares with others of its stream."""
    shared = {**(about or {}), **({"host.name": host} if host else {})}
    own: dict[str, str] = {}
    for name, value in record.attributes.items():
        (shared if name.startswith(SHARED) else own)[name] = value
    collector.add(
        collector.origin(service, stream, shared),
        record.body,
        record.time,
        record.level,
        said=record.said,
        trace_id=record.trace_id,
        span_id=record.span_id,
        attributes=own or None,
    )


def path_of(*parts: str) -> str:
    """What is known of these, as the name of a stream."""
    return "/".join(part for part in parts if part)
