"""A real engine with lines that a test puts at moments of its own."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests import engine

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core.access import LOCAL
from mainstay.core.models import InboxItem
from mainstay.core.settings import current
from mainstay.observe.logs import frame
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.logs.rules.evaluate import Breach, breaches
from mainstay.observe.metrics.models import Rule
from mainstay.observe.metrics.rules import evaluate
from mainstay.observe.telemetry import client
from mainstay.observe.telemetry import services as telemetry

NOW = datetime(2026, 3, 11, 10, 0, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)

Put = Callable[..., None]
Round = Callable[[datetime], list[dict[str, object]]]


@pytest.fixture(scope="module")
def engine_running() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture
def put(engine_running: None, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts lines into the store: how long before NOW in seconds each, their text, service, level, pattern."""
    monkeypatch.setitem(current().values, "log_rule_lag", 0.0)
    monkeypatch.setattr("mainstay.core.clock.now", lambda: NOW)
    for table in ("log_lines", "log_minutes"):
        client.connect().command(f"TRUNCATE TABLE {table}")

    def lines(
        ages: Sequence[float],
        body: str = "charge declined",
        service: str = "pay",
        level: str = "error",
        pattern: int = 0,
        **more: str,
    ) -> None:
        micros = [int((NOW - timedelta(seconds=age)).timestamp() * 1e6) for age in ages]
        count = len(ages)
        made = Lines(
            [Origin(service, "host:app.log", "test")],
            [0] * count,
            [body] * count,
            micros,
            [level] * count,
            [""] * count,
            [""] * count,
            [more] * count,
            whole=True,
        )
        found = frame.complete(frame.from_lines(made).with_columns(pattern=pattern), int(NOW.timestamp() * 1000), 400)
        telemetry.write_frame("log_lines", found)
        engine.settle()

    return lines


def asked(watched: Sequence[dict[str, str]] = (), now: datetime = NOW, **entry: object) -> list[Breach]:
    """The breaches of a definition."""
    return breaches(entry, watched, now, LONG_AGO)


@pytest.fixture
def play(db: None, monkeypatch: pytest.MonkeyPatch) -> Round:
    """Runs one round of all rules at a moment, as a worker that was just started. The signals that this gave."""

    def run(at: datetime) -> list[dict[str, object]]:
        monkeypatch.setattr("mainstay.core.clock.now", lambda: at)
        last = InboxItem.objects.order_by("-id").values_list("id", flat=True).first() or 0
        evaluate.run(
            list(Rule.objects.filter(enabled=True)),
            lambda definition, watched, now: breaches(definition, watched, now, LONG_AGO),
        )
        assert set(Rule.objects.values_list("last_error", flat=True)) <= {""}
        return [item.payload for item in InboxItem.objects.filter(id__gt=last).order_by("id")]

    return run


def apply(text: str) -> None:
    """Apply a configuration file."""
    config.apply(LOCAL, read.read([("rules.yaml", text)]))
