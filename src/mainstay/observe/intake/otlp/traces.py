"""Spans of OTLP: who called whom in a request, for how long, and whether it failed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from mainstay.observe.intake.otlp import wire
from mainstay.observe.intake.received import Received, Request
from mainstay.observe.telemetry import services as telemetry

_LONGEST_NAME = 300
_KINDS = {
    Span.SPAN_KIND_SERVER: "server",
    Span.SPAN_KIND_CLIENT: "client",
    Span.SPAN_KIND_PRODUCER: "producer",
    Span.SPAN_KIND_CONSUMER: "consumer",
}
COLUMNS = (
    *("time", "duration", "trace_id", "span_id", "parent_id", "service", "operation", "kind", "failed", "message"),
    "attributes",
)


def decode_traces(request: Request) -> Received:
    """An export of spans."""
    posted = wire.parse(request, ExportTraceServiceRequest())
    response, keep = spans_of(posted)
    return wire.answer(request, response, Received(keep=keep))


def spans_of(
    posted: ExportTraceServiceRequest,
) -> tuple[ExportTraceServiceResponse, list[Callable[[], object]]]:
    """The answer to an export, and what keeps its spans. One that has no id, or ends before it begins, is rejected."""
    rows: list[tuple[Any, ...]] = []
    rejected = 0
    for resource in posted.resource_spans:
        about = wire.attributes(resource.resource.attributes)
        service = about.get("service.name", "")
        for scope in resource.scope_spans:
            for one in scope.spans:
                row = _row(one, service)
                rejected += row is None
                rows += [row] if row is not None else []
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = "a span needs its ids, a start, and an end that is not before it"
    if not rows:
        return response, []
    columns = {name: list(column) for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)}
    return response, [partial(telemetry.write, "spans", columns)]


def _row(one: Span, service: str) -> tuple[Any, ...] | None:
    start, end = one.start_time_unix_nano, one.end_time_unix_nano
    if not (one.trace_id and one.span_id and 0 < start <= end):
        return None
    return (
        start // 1000,
        (end - start) // 1000,
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        service,
        one.name[:_LONGEST_NAME],
        _KINDS.get(one.kind, "internal"),
        int(one.status.code == Status.STATUS_CODE_ERROR),
        one.status.message[:_LONGEST_NAME],
        wire.attributes(one.attributes),
    )
