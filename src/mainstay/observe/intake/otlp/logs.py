"""Log records of OTLP."""

from functools import partial
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from mainstay.observe.intake.otlp import wire
from mainstay.observe.intake.received import Received, Request
from mainstay.observe.telemetry import services as telemetry

# The ranges of the specification's severity numbers: 1-4 trace, 5-8 debug, … 21-24 fatal.
_LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")
_BY_TEXT = {"warn": "warning", "err": "error", "critical": "fatal", "crit": "fatal", "information": "info"}


def level_of(number: int, said: str) -> str:
    """One of six level names, from the severity number, else from its text."""
    if 1 <= number <= 24:
        return _LEVELS[(number - 1) // 4]
    lower = said.strip().lower()
    return _BY_TEXT.get(lower, lower if lower in _LEVELS else "")


def decode_logs(request: Request) -> Received:
    """An export of log records."""
    posted = wire.parse(request, ExportLogsServiceRequest())
    now = int(request.now.timestamp() * 1000)
    columns: dict[str, list[Any]] = {
        name: [] for name in ("time", "service", "level", "body", "trace_id", "span_id", "attributes", "source")
    }
    for resource in posted.resource_logs:
        about = wire.attributes(resource.resource.attributes)
        service = about.pop("service.name", "")
        for scope in resource.scope_logs:
            for record in scope.log_records:
                stamp = record.time_unix_nano or record.observed_time_unix_nano
                columns["time"].append(stamp // 1_000_000 if stamp else now)
                columns["service"].append(service)
                columns["level"].append(level_of(record.severity_number, record.severity_text))
                columns["body"].append(wire.text(record.body))
                columns["trace_id"].append(record.trace_id.hex())
                columns["span_id"].append(record.span_id.hex())
                columns["attributes"].append({**about, **wire.attributes(record.attributes)})
                columns["source"].append("otlp")
    received = Received(keep=[partial(telemetry.write, "logs", columns)] if columns["time"] else [])
    return wire.answer(request, ExportLogsServiceResponse(), received)
