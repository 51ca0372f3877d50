"""Log records of OTLP."""

from functools import partial

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from mainstay.observe.intake import keeping, levels
from mainstay.observe.intake.otlp import wire
from mainstay.observe.intake.received import Received, Request
from mainstay.observe.logs.lines import Lines, Origin


def decode_logs(request: Request) -> Received:
    """An export of log records."""
    posted = wire.parse(request, ExportLogsServiceRequest())
    lines = lines_of(posted, request.sender)
    received = Received(keep=[partial(keeping.keep, "otlp logs", lines)] if lines.bodies else [])
    return wire.answer(request, ExportLogsServiceResponse(), received)


def lines_of(posted: ExportLogsServiceRequest, sender: str) -> Lines:
    """The records of an export. Resource and scope are the origin; what a record says of itself stays with it."""
    origins: list[Origin] = []
    which: list[int] = []
    records: list[LogRecord] = []
    for resource in posted.resource_logs:
        about = wire.attributes(resource.resource.attributes)
        service = about.pop("service.name", "")
        stream = about.get("service.instance.id") or about.get("k8s.pod.name") or about.get("host.name") or sender
        for scope in resource.scope_logs:
            named = {**about, "otel.scope.name": scope.scope.name} if scope.scope.name else about
            origins.append(Origin(service, stream, "otlp", named))
            which += [len(origins) - 1] * len(scope.log_records)
            records += scope.log_records
    return Lines(
        origins,
        which,
        [wire.text(one.body) for one in records],
        [(one.time_unix_nano or one.observed_time_unix_nano) // 1000 for one in records],
        [levels.of_otlp(one.severity_number, one.severity_text) for one in records],
        [one.trace_id.hex() for one in records],
        [one.span_id.hex() for one in records],
        [wire.attributes(one.attributes) for one in records],
        whole=True,
    )
