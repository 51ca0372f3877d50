"""The judge, on windows whose truth is known."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.change.releases.judge import Judgement, Reason, Verdict, judge
from mainstay.change.releases.judge import statistics as stats
from mainstay.change.releases.judge.kinds import Kind, read

pytestmark = pytest.mark.once
HOUR, WEEK = 3600.0, 7 * 86_400.0
RELEASE = 1_790_000_000.0
LATENCY = "request_duration_seconds"


def window(
    seed: int,
    starts: float = RELEASE,
    *,
    samples: int = 240,
    instances: int = 3,
    traffic: float = 1.0,
    errors: float = 0.002,
    slow: float = 1.0,
    only: int | None = None,
    cold: float = 0.0,
    memory: float = 1.0,
    tag: str = "i",
) -> pl.DataFrame:
    """An hour of a service: requests, errors, a duration, memory. ``only`` is the one instance that is bad."""
    chance = np.random.default_rng(seed)
    times = starts + np.arange(samples) * 15.0
    rows = []
    for number in range(instances):
        bad = only is None or only == number
        requests = chance.poisson(150 * traffic, samples)
        failed = chance.binomial(requests, errors if bad else 0.002)
        near = np.exp(-np.arange(samples) * 15.0 / cold) if cold else 0.0
        took = chance.gamma(25, 0.004, samples) * (slow if bad else 1.0) * (1 + 3 * near)
        held = 4e8 * (memory if bad else 1.0) + chance.normal(0, 1e6, samples)
        values = {
            'http_requests_total{status="200"}': np.cumsum(requests - failed),
            'http_requests_total{status="500"}': np.cumsum(failed),
            LATENCY: took,
            "process_resident_memory_bytes": held,
            "build_info": np.ones(samples),
        }
        for metric, row in values.items():
            rows.append(
                pl.DataFrame({"time": times, "value": row.astype(float)}).with_columns(
                    service=pl.lit("checkout"), instance=pl.lit(f"{tag}{number}"), metric=pl.lit(metric)
                )
            )
    return pl.concat(rows)


def before(seed: int = 1, **more: Any) -> pl.DataFrame:
    return window(seed, RELEASE - HOUR, **more)


def reasons(said: Judgement) -> set[str]:
    return {str(one.reason) for one in said.findings if one.verdict is Verdict.FAILED}


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_release_that_changes_nothing_passes(seed: int) -> None:
    said = judge(before(seed), window(seed + 1_000_000))
    assert said.verdict is Verdict.PASSED, said.reason


@pytest.mark.parametrize(
    ("bad", "metric"),
    [
        ({"errors": 0.03}, 'http_requests_total{status="500"} per request'),
        ({"slow": 1.6}, LATENCY),
        ({"memory": 1.7}, "process_resident_memory_bytes"),
    ],
)
@pytest.mark.parametrize("traffic", [0.5, 1.0, 2.0])
def test_harm_is_found_whatever_the_traffic(bad: dict[str, Any], metric: str, traffic: float) -> None:
    said = judge(before(), window(2, traffic=traffic, **bad))
    assert said.verdict is Verdict.FAILED
    assert {one.metric for one in said.findings if one.verdict is Verdict.FAILED} == {metric}
    assert said.confidence > 0.99


def test_one_bad_instance_of_many_is_named() -> None:
    said = judge(before(instances=12), window(2, instances=12, slow=2.0, only=7))
    assert said.verdict is Verdict.FAILED
    assert [(one.instance, one.reason) for one in said.findings if one.verdict is Verdict.FAILED] == [
        ("i7", Reason.ONE_INSTANCE)
    ]


@pytest.mark.parametrize("traffic", [0.3, 0.6, 1.7, 3.0])
def test_traffic_alone_is_no_harm(traffic: float) -> None:
    assert judge(before(), window(2, traffic=traffic)).verdict is Verdict.PASSED


def test_a_cold_cache_settles() -> None:
    said = judge(before(), window(2, cold=120.0))
    assert said.verdict is Verdict.PASSED
    assert {one.reason for one in said.findings if one.metric == LATENCY} == {Reason.SETTLED}


def test_what_is_usual_at_this_hour_is_no_harm() -> None:
    seasons = [window(10 + week, RELEASE - week * WEEK, slow=1.6) for week in (1, 2)]
    assert judge(before(), window(2, slow=1.6)).verdict is Verdict.FAILED
    said = judge(before(), window(2, slow=1.6), seasons)
    assert said.verdict is Verdict.PASSED
    assert Reason.SEASON in {one.reason for one in said.findings}
    assert judge(before(), window(2, slow=2.6), seasons).verdict is Verdict.FAILED


def test_instances_with_new_names_are_set_beside_those_that_went() -> None:
    assert judge(before(), window(2, tag="new")).verdict is Verdict.PASSED
    assert judge(before(), window(2, tag="new", slow=1.6)).verdict is Verdict.FAILED


def test_errors_that_were_not_there_before() -> None:
    clean = before(errors=0.0).filter(pl.col("metric") != 'http_requests_total{status="500"}')
    said = judge(clean, window(2, errors=0.02))
    assert said.verdict is Verdict.FAILED
    assert str(Reason.NEW_ERRORS) in reasons(said)


def test_an_instance_that_stops_reporting_has_failed() -> None:
    after = window(2).filter((pl.col("instance") != "i1") | (pl.col("time") < RELEASE + 600))
    said = judge(before(), after)
    assert said.verdict is Verdict.FAILED
    assert str(Reason.STOPPED) in reasons(said)


def test_a_metric_that_is_gone_leaves_doubt() -> None:
    said = judge(before(), window(2).filter(pl.col("metric") != LATENCY))
    assert said.verdict is Verdict.INCONCLUSIVE
    assert str(Reason.GONE) in said.reason


@pytest.mark.parametrize("samples", [1, 3, 10, 20])
def test_too_little_data_never_passes(samples: int) -> None:
    assert judge(before(), window(2, samples=samples)).verdict is not Verdict.PASSED
    assert judge(before(samples=samples), window(2)).verdict is not Verdict.PASSED


def test_an_empty_window_is_inconclusive() -> None:
    assert judge(before(), window(2).clear()).verdict is Verdict.INCONCLUSIVE


def test_a_metric_that_wanders_by_itself_is_not_sure() -> None:
    """A slow random walk has few independent values, however many samples it has."""
    failed = 0
    for seed in range(30):
        walk = 100 + np.cumsum(np.random.default_rng(seed).normal(0, 1.5, 480))
        frame = pl.DataFrame({"time": RELEASE - HOUR + np.arange(480) * 15.0, "value": np.abs(walk)}).with_columns(
            service=pl.lit("s"), instance=pl.lit("i"), metric=pl.lit("latency_ms")
        )
        parts = frame.filter(pl.col("time") < RELEASE), frame.filter(pl.col("time") >= RELEASE)
        failed += judge(*parts).verdict is Verdict.FAILED
    assert failed <= 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("http_requests_total", Kind.TRAFFIC),
        ('http_requests_total{status="503"}', Kind.ERRORS),
        ('http_requests_total{path="/errors",status="200"}', Kind.TRAFFIC),
        ("checkoutErrorCount", Kind.ERRORS),
        ("http.server.duration.p99", Kind.LATENCY),
        ("http_request_duration_seconds_count", Kind.TRAFFIC),
        ("process_cpu_seconds_total", Kind.CPU),
        ("jvm_memory_used_bytes", Kind.MEMORY),
        ("node_memory_MemAvailable_bytes", Kind.HEADROOM),
        ("orders_placed_total", Kind.OUTCOME),
        ('payments_charges_total{outcome="timeout"}', Kind.ERRORS),
        ("orders_queue_depth", Kind.LOAD),
        ("tls_certificate_expiry_timestamp_seconds", Kind.HEADROOM),
        ("settlement_last_success_timestamp_seconds", Kind.LATENCY),
        ("build_info", Kind.NEUTRAL),
        ("config_value", Kind.NEUTRAL),
        ("CPUUtilization", Kind.CPU),
        ("HTTPCode_Target_5XX_Count", Kind.ERRORS),
        ("5XXError", Kind.ERRORS),
        ("UnHealthyHostCount", Kind.ERRORS),
        ("HealthyHostCount", Kind.HEADROOM),
        ('istio_requests_total{response_code="503"}', Kind.ERRORS),
        ("PodWorkload(Ops)", Kind.TRAFFIC),
        ("PodServerLatencyP90(s)", Kind.LATENCY),
        ("http_server_requests_seconds_max", Kind.LATENCY),
        ("mysql_global_variables_max_connections", Kind.NEUTRAL),
        ("mysql_global_status_threads_running", Kind.LOAD),
        ("pg_stat_activity_count", Kind.LOAD),
        ("node_load1", Kind.LOAD),
        ("node_filesystem_avail_bytes", Kind.HEADROOM),
        ("node_netstat_Tcp_RetransSegs", Kind.ERRORS),
        ("up", Kind.HEADROOM),
        ("mysql_up", Kind.HEADROOM),
        ("temperature", Kind.NEUTRAL),
    ],
)
def test_kinds_are_read_from_names(name: str, kind: Kind) -> None:
    assert read(name).kind is kind


_ROWS = st.lists(st.integers(0, 6), min_size=2, max_size=12)


@given(_ROWS, _ROWS)
@settings(deadline=None)
def test_delta_is_what_counting_pairs_gives(one: list[int], other: list[int]) -> None:
    found = stats.compare(np.array([one], float), np.array([other], float), np.ones(1))
    pairs = [(a > b) - (a < b) for a in other for b in one]
    assert found.delta[0] == pytest.approx(sum(pairs) / len(pairs))
    assert 0 < found.p[0] <= 1


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=30))
def test_discoveries_keep_the_order_and_never_get_surer(p: list[float]) -> None:
    given_p = np.array(p)
    adjusted = stats.discoveries(given_p)
    assert (adjusted >= given_p - 1e-12).all()
    assert (np.diff(adjusted[np.argsort(given_p)]) >= -1e-12).all()


def test_p_of_equal_samples_is_even() -> None:
    """Without harm p is below a bound about as often as it says, neighbours that resemble each other included."""
    chance = np.random.default_rng(5)
    noise = chance.normal(size=(4000, 120))
    for n in range(1, 120):
        noise[:, n] += 0.5 * noise[:, n - 1]
    rows = noise[:, :60], noise[:, 60:]
    p = stats.compare(*rows, stats.inflation(rows[0])).p
    assert np.mean(p < 0.05) < 0.075
    assert np.mean(p < 0.001) < 0.004
