"""OTLP over gRPC: refusals that exporters understand."""

import asyncio
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

from mainstay.core import access, tokens
from mainstay.observe.intake.app import Intake
from mainstay.observe.intake.listeners import LISTENERS
from mainstay.observe.intake.tests.sending import Kept
from mainstay.observe.logs import services as logs
from mainstay.observe.telemetry import services as telemetry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("intake")]


def export(body: str, count: int = 1) -> Any:
    request = logs_service_pb2.ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for _ in range(count):
        scope.log_records.add(time_unix_nano=2**64 - 1).body.string_value = body
    return request


def call(request: Any, token: str, compression: Any = None) -> Any:
    """Send one export to a listener of its own; the code of the refusal, or the answer."""

    async def run() -> Any:
        intake = Intake(workers=1)
        listener = LISTENERS["otlp_grpc_listen"]("127.0.0.1:0", intake.senders, intake.in_thread)
        await listener.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{listener.server.port}") as channel:
                make: Any = logs_service_pb2_grpc.LogsServiceStub
                metadata = (("authorization", token),) if token else ()
                return await make(channel).Export(request, metadata=metadata, compression=compression, timeout=20)
        except grpc.aio.AioRpcError as error:
            return error.code()
        finally:
            await listener.stop()

    return asyncio.run(run())


@pytest.fixture
def token(close_threads: None) -> str:
    return f"Bearer {tokens.create_token(access.LOCAL, 'sender', 'intake')}"


def test_what_was_answered_is_on_disk_and_an_impossible_time_beside_it(token: str, kept: Kept) -> None:
    assert call(export("by\x00 gRPC"), token) == logs_service_pb2.ExportLogsServiceResponse()
    (row,) = kept.rows()
    assert row["body"] == "by gRPC"
    assert row["attributes"]["time.said"]


def test_tokens_are_demanded(token: str, kept: Kept) -> None:
    assert call(export("x"), "") == grpc.StatusCode.UNAUTHENTICATED
    assert call(export("x"), "Bearer wrong") == grpc.StatusCode.PERMISSION_DENIED
    assert not kept.rows()


def test_a_full_spool_is_unavailable_so_that_exporters_come_again(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(lines: Any) -> int:
        raise telemetry.SpoolFullError("full")

    monkeypatch.setattr(logs, "accept", full)
    assert call(export("x"), token) == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_an_export_over_the_limit_is_refused_packed_or_not(token: str, kept: Kept, compression: Any) -> None:
    assert call(export("x" * 20_000_000), token, compression) == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not kept.rows()
