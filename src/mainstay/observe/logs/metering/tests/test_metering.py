"""Metrics made of log lines, from lines in a real engine to what PromQL says of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests import engine

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core.access import LOCAL
from mainstay.core.settings import current
from mainstay.observe.logs import frame
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.logs.metering import services
from mainstay.observe.logs.metering.models import LogMetric
from mainstay.observe.logs.models import Pattern
from mainstay.observe.metrics import promql
from mainstay.observe.telemetry import client
from mainstay.observe.telemetry import services as telemetry

pytestmark = pytest.mark.django_db
START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = START

    def ms(self) -> int:
        return int(self.at.timestamp() * 1000)


@pytest.fixture(scope="module", autouse=True)
def _engine() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of this process; the store is empty."""
    found = Clock()
    monkeypatch.setattr("mainstay.core.clock.now", lambda: found.at)
    monkeypatch.setattr("mainstay.core.clock.now_ms", found.ms)
    monkeypatch.setitem(current().values, "log_rule_lag", 1.0)
    monkeypatch.setattr(telemetry, "_seen", telemetry._Seen())
    monkeypatch.setattr(frame, "_numbers", type(frame._numbers)())
    for table in ("log_lines", "samples", "series"):
        client.connect().command(f"TRUNCATE TABLE {table}")
    return found


def put(clock: Clock, bodies: list[str], service: str = "pay", pattern: int = 0, late: float = 0, **more: str) -> None:
    """Lines that come in now."""
    count = len(bodies)
    micros = [int((clock.ms() - late * 1000) * 1000)] * count
    lines = Lines(
        [Origin(service, "h:a", "test")],
        [0] * count,
        bodies,
        micros,
        ["error"] * count,
        [""] * count,
        [""] * count,
        [more] * count,
        whole=True,
    )
    telemetry.write_frame(
        "log_lines", frame.complete(frame.from_lines(lines).with_columns(pattern=pattern), clock.ms(), 400)
    )
    engine.settle()


def apply(text: str) -> None:
    config.apply(LOCAL, read.read([("metrics.yaml", text)]))


def count(clock: Clock) -> None:
    """One round, as a worker that was just started."""
    services.count(LogMetric.objects.select_related("service").get())
    assert LogMetric.objects.get().last_error == ""
    engine.settle()


def value(clock: Clock, expr: str) -> dict[str, float]:
    answer = promql.evaluate_instant(telemetry.rows_with, expr, clock.ms(), lookback_ms=300_000)
    return {
        ",".join(f"{name}={text}" for name, text in one.labels.items() if name != "__name__"): one.value
        for one in answer.series
    }


def test_rate_gives_the_lines_per_second_over_restarts_and_late_lines(clock: Clock) -> None:
    apply("log_metrics: [{key: declined, metric: declined_total, query: '\"charge declined\"'}]")
    count(clock)
    for place in range(20):
        clock.at += timedelta(seconds=15)
        # Thirty lines in fifteen seconds are two a second; a third of them tells of a while ago.
        put(clock, ["charge declined"] * 20 + ["charge accepted"] * 5)
        put(clock, ["charge declined"] * 10, late=400)
        clock.at += timedelta(seconds=2)
        count(clock)
        if place % 7 == 0:
            count(clock)  # Nothing came in between.
        clock.at -= timedelta(seconds=2)
    clock.at += timedelta(seconds=2)
    (per_second,) = value(clock, "rate(declined_total[4m])").values()
    assert per_second == pytest.approx(2.0, rel=0.02)
    assert value(clock, "declined_total") == {"service=pay": 600.0}
    (row,) = LogMetric.objects.get().counts.all()
    assert row.lines == 600


def test_two_workers_count_a_stretch_once(clock: Clock) -> None:
    apply("log_metrics: [{key: all, metric: lines_total, by: []}]")
    count(clock)
    put(clock, ["x"] * 7)
    clock.at += timedelta(seconds=5)
    first, second = LogMetric.objects.get(), LogMetric.objects.get()
    services.count(first)
    services.count(second)
    assert LogMetric.objects.get().counts.get().lines == 7


def test_a_histogram_of_an_attribute_gives_quantiles(clock: Clock) -> None:
    apply(
        "log_metrics: [{key: took, metric: took_ms, value: ms, buckets: [10, 100, 1000], by: [service]}]\n"
        "rules: [{key: slow, expr: 'histogram_quantile(0.5, rate(took_ms_bucket[1m])) > 10'}]"
    )
    count(clock)
    put(clock, ["done"] * 10, ms="5")
    put(clock, ["done"] * 30, ms="50.5")
    put(clock, ["no number"], ms="soon")
    clock.at += timedelta(seconds=5)
    count(clock)
    assert value(clock, "took_ms_count") == {"service=pay": 40.0}
    assert value(clock, "took_ms_sum") == {"service=pay": 10 * 5 + 30 * 50.5}
    (half,) = value(clock, "histogram_quantile(0.5, took_ms_bucket)").values()
    assert half == pytest.approx(10 + 90 * (10 / 30))


def test_a_slot_of_a_pattern_is_a_value_and_merged_patterns_count(clock: Clock) -> None:
    elder = Pattern.objects.create(pk=70, template="order <*> took <*> ms", shape={}, first_seen=START)
    Pattern.objects.create(pk=71, template="order <*> took", shape={}, first_seen=START, merged_into=elder)
    apply("log_metrics: [{key: took, metric: took_ms, pattern: 71, slot: 2}]")
    count(clock)
    put(clock, ["order 88 took 12 ms"] * 3, pattern=70)
    put(clock, ["order 89 took 14 ms"], pattern=71)
    clock.at += timedelta(seconds=5)
    count(clock)
    assert value(clock, "took_ms_sum") == {"service=pay": 50.0}
    assert value(clock, "took_ms_count") == {"service=pay": 4.0}


def test_too_many_series_are_said_and_the_known_ones_go_on(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(current().values, "log_metric_series", 1)
    apply("log_metrics: [{key: all, metric: lines_total}]")
    count(clock)
    put(clock, ["x"])
    clock.at += timedelta(seconds=5)
    count(clock)
    put(clock, ["x"] * 2)
    put(clock, ["x"] * 2, service="other")
    clock.at += timedelta(seconds=5)
    services.count(LogMetric.objects.get())
    assert "log_metric_series" in LogMetric.objects.get().last_error
    assert LogMetric.objects.get().counts.get().lines == 3


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("metric: 'a b'", "pattern"),
        ("metric: a, buckets: [1]", "buckets: name the value"),
        ("metric: a, value: x, buckets: [2, 1]", "bounds that grow"),
        ("metric: a, pattern: 7", "slot: a pattern and the number"),
        ("metric: a, query: '('", "character"),
    ],
)
def test_what_cannot_be_counted_is_refused(clock: Clock, entry: str, said: str) -> None:
    with pytest.raises(read.ConfigError) as caught:
        apply(f"log_metrics: [{{key: a, {entry}}}]")
    assert said in "; ".join(caught.value.problems)


def test_an_entry_is_given_back_as_it_was_written(clock: Clock) -> None:
    text = "log_metrics: [{key: took, name: Took, metric: took_ms, value: ms, buckets: [10, 100], interval: 30s}]"
    apply(text)
    assert config.plan(read.read([("metrics.yaml", text)])) == []
    assert config.plan(read.read([("metrics.yaml", config.export(LOCAL))])) == []
