"""A real engine with the lines of a small night."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests import engine

from mainstay.core import clock
from mainstay.observe.logs import frame
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.telemetry import services as telemetry

BODIES = (
    "provider timeout after 9021 ms, order 88001",
    "Provider TIMEOUT after 12 ms, order 880010",
    "timeouts are counted",
    "connection refused: stock-db-3.internal:5432",
    "cart 3f2a-77b1-9c0d is closed\n\tat shop.cart.Cart.add(Cart.java:7)\nCaused by: pool exhausted",
    "GET /api/v1/orders?id=5 200 in 31 ms",
    "order_id=77 reserved; 100% sure it's \\ fine\tyes",
    "Überweisung an Müller abgelehnt",
    "=cmd|' /C calc'!A0",
    "",
)
START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine_running() -> Iterator[None]:
    with engine.running():
        yield


def put(bodies: Sequence[str], levels: Sequence[str], attributes: Sequence[dict[str, str] | None]) -> None:
    """Lines a second apart from START on, with service and stream in turn."""
    count = len(bodies)
    micros = [int((START + timedelta(seconds=place)).timestamp() * 1e6) for place in range(count)]
    origins = [Origin("payments", "host-1:app.log", "test"), Origin("orders", "host-2:app.log", "otlp", {"zone": "b"})]
    lines = Lines(
        origins,
        [place % 2 for place in range(count)],
        bodies,
        micros,
        levels,
        ["ab" * 16 if place % 3 == 0 else "" for place in range(count)],
        [""] * count,
        attributes,
        whole=True,
    )
    now = clock.now_ms()
    found = frame.complete(frame.from_lines(lines), now, 400)
    telemetry.write_frame("log_lines", found)
    engine.settle()


@pytest.fixture(scope="module")
def night(engine_running: None) -> None:
    """One line for each body, with attributes."""
    levels = ["error", "warning", "info", "error", "fatal", "info", "debug", "trace", "", "info"]
    attributes = [{"order": f"{880 + place}", "duration_ms": f"{place * 10.5}"} for place in range(len(BODIES))]
    put(BODIES, levels, [*attributes[:-1], {"cart id": "x y", "service": "shadow"}])
