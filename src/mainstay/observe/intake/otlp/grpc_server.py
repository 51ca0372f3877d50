"""OTLP over gRPC: the services for logs, metrics and traces, with the same decoding as over HTTP.

Source: OpenTelemetry specification, "OTLP/gRPC": UNAVAILABLE means come again, INVALID_ARGUMENT and the codes of a
wrong token mean do not.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

from mainstay.core import clock
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.intake import counters, keeping
from mainstay.observe.intake.auth import Senders
from mainstay.observe.intake.otlp.logs import lines_of
from mainstay.observe.intake.otlp.metrics import samples_of
from mainstay.observe.intake.otlp.traces import spans_of
from mainstay.observe.intake.threads import into_spool

LOGS, METRICS, TRACES = "otlp/grpc logs", "otlp/grpc metrics", "otlp/grpc traces"
GRACE = 3.0
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    429: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
}
InThread = Callable[..., Awaitable[Any]]


class _Service:
    """One of the services: who sends, then decoding and keeping in a thread, then the answer."""

    def __init__(self, protocol: str, keep: Callable[[Any, str], Any], senders: Senders, in_thread: InThread) -> None:
        self._protocol, self._keep, self._senders, self._in_thread = protocol, keep, senders, in_thread

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in OTLP
        """Take one export. It is answered with OK only after it is on disk."""
        said = {str(name).lower(): value for name, value in context.invocation_metadata() or ()}
        try:
            sender = await self._senders.of(_text(said.get("authorization", "")))
            counters.add(self._protocol, bytes=request.ByteSize())
            return await self._in_thread(into_spool, self._keep, request, sender)
        except ProblemError as problem:
            counters.add(self._protocol, refused=1)
            await context.abort(_CODES.get(problem.status, grpc.StatusCode.UNKNOWN), problem.detail)


def _text(value: "str | bytes") -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _keep_logs(request: Any, sender: str) -> Any:
    keeping.keep(LOGS, lines_of(request, sender))
    return logs_service_pb2.ExportLogsServiceResponse()


def _keep_metrics(request: Any, sender: str) -> Any:
    del sender
    response, keep = samples_of(request, clock.now_ms())
    for one in keep:
        one()
    return response


def _keep_traces(request: Any, sender: str) -> Any:
    del sender
    response, keep = spans_of(request)
    for one in keep:
        one()
    return response


class GrpcServer:
    """Listens for exports, with or without TLS."""

    def __init__(self, address: str, senders: Senders, in_thread: InThread, *, tls: bool) -> None:
        self._address, self._senders, self._in_thread, self._tls = address, senders, in_thread, tls
        self._server: Any = None
        self.port = 0

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when the address cannot be had."""
        limit = current().intake_max_body_mb * 1_000_000
        options = [("grpc.max_receive_message_length", limit), ("grpc.so_reuseport", 0)]
        self._server = grpc.aio.server(options=options)
        logs = _Service(LOGS, _keep_logs, self._senders, self._in_thread)
        metrics = _Service(METRICS, _keep_metrics, self._senders, self._in_thread)
        traces = _Service(TRACES, _keep_traces, self._senders, self._in_thread)
        add_logs: Any = logs_service_pb2_grpc.add_LogsServiceServicer_to_server
        add_metrics: Any = metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server
        add_traces: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
        add_logs(logs, self._server)
        add_metrics(metrics, self._server)
        add_traces(traces, self._server)
        try:
            if self._tls:
                self.port = self._server.add_secure_port(self._address, _credentials())
            else:
                self.port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._address}: {error}") from error
        await self._server.start()

    async def stop(self) -> None:
        """Take no more, and answer what has come."""
        if self._server is not None:
            await self._server.stop(GRACE)


def _credentials() -> Any:
    conf = current()
    if not conf.intake_tls_cert or not conf.intake_tls_key:
        raise ValueError("set intake_tls_cert and intake_tls_key to the files of the certificate and its key")
    pair = (Path(conf.intake_tls_key).read_bytes(), Path(conf.intake_tls_cert).read_bytes())
    ca = Path(conf.intake_tls_client_ca).read_bytes() if conf.intake_tls_client_ca else None
    return grpc.ssl_server_credentials([pair], root_certificates=ca, require_client_auth=ca is not None)
