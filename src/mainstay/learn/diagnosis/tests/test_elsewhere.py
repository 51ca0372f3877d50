"""Cases as other systems have them: calls that nobody knows, who is dead, what drifts, and what is a service's own."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mainstay.learn.diagnosis.domain import Alert, Case, Change, Window, diagnose
from mainstay.learn.diagnosis.domain.case import METRICS
from mainstay.learn.diagnosis.domain.deviation import deviations
from mainstay.learn.diagnosis.tests.scenes import CALLS, NORMAL, PROBLEM, SLOW_DB, STEP, case, lines

pytestmark = pytest.mark.once

WINDOWS = Window(0, 100), Window(200, 220)


def series(values: np.ndarray, metric: str, service: str = "a", step: float = 1.0) -> pl.DataFrame:
    times = np.arange(values.size) * step
    return pl.DataFrame({"time": times, "service": service, "metric": metric, "value": values}, schema=METRICS)


def far(values: np.ndarray, metric: str, noticed: pl.Expr | None = None) -> float:
    return float(deviations(series(values, metric), *WINDOWS, noticed)["far"][0])


@pytest.mark.parametrize("seed", range(5))
def test_where_no_calls_are_known_the_cause_is_found_among_all(seed: int) -> None:
    # Seconds add up along the calls, so that those of the cause rose most beside what they were.
    sick = {("db", "latency_avg_seconds"): 12.0, ("pay", "latency_avg_seconds"): 6.0, ("web", "errors_per_second"): 1.5}
    said = diagnose(replace(case(sick, seed), calls=None))
    assert said.services[0].name == "db"
    assert said.services[0].path == ("db",), "no way there is known"
    assert "calls" in said.missing


@pytest.mark.parametrize("seed", range(8))
def test_where_no_calls_are_known_nothing_is_said_of_a_quiet_hour(seed: int) -> None:
    assert diagnose(replace(case({}, seed), calls=None)).services == ()


@pytest.mark.parametrize("gone", [False, True])
def test_who_is_dead_is_to_blame_for_the_errors_of_who_calls_it(gone: bool) -> None:
    sick = {("orders", "errors_per_second"): 40.0, ("web", "errors_per_second"): 30.0}
    whole = case(
        {**sick, ("pay", "requests_per_second"): 0.01, ("db", "requests_per_second"): 0.01}, metric="errors_per_second"
    )
    dead = pl.col("service").is_in(["pay", "db"]) & (pl.col("time") >= PROBLEM.start)
    assert whole.metrics is not None
    seen = whole.metrics.filter(~dead | (pl.col("metric") == "cpu_usage")) if gone else whole.metrics
    said = diagnose(replace(whole, metrics=seen))
    assert said.services[0].name == "pay", "db, which pay calls, is silent because pay is"
    assert "asked as before and fails" in said.services[0].reason


def test_who_is_said_to_be_out_of_reach_is_to_blame() -> None:
    usual = [(float(time), "orders", "info", f"handled request {time}") for time in range(0, 4200, 30)]
    said = "failed to connect to pay:8080: connection refused"
    errors = [(PROBLEM.start + 5.0 * n, "orders", "error", said) for n in range(60)]
    sick = {("orders", "errors_per_second"): 40.0, ("web", "errors_per_second"): 40.0}
    found = diagnose(case(sick, logs=lines(*sorted(usual + errors)), metric="errors_per_second"))
    assert found.services[0].name == "pay"
    assert "connection refused" in found.services[0].reason


def test_who_tells_nothing_of_its_machine_any_more_has_died() -> None:
    whole = case({("orders", "latency_avg_seconds"): 40.0, ("web", "latency_avg_seconds"): 40.0})
    assert whole.metrics is not None
    memory = whole.metrics.filter(pl.col("metric") == "cpu_usage").with_columns(metric=pl.lit("memory_bytes"))
    dead = (pl.col("service") == "stock") & (pl.col("time") >= PROBLEM.start)
    found = diagnose(replace(whole, metrics=pl.concat([whole.metrics, memory]).filter(~dead)))
    assert found.services[0].name == "stock"
    assert "tells nothing of its processor and memory any more" in found.services[0].reason


def test_behind_who_waits_stands_who_is_not_measured() -> None:
    whole = case(
        {
            ("pay", "latency_avg_seconds"): 8.0,
            ("orders", "latency_avg_seconds"): 7.0,
            ("web", "latency_avg_seconds"): 7.0,
        }
    )
    assert whole.metrics is not None
    untold = (pl.col("service") == "db") & (pl.col("metric") != "cpu_usage")
    found = diagnose(replace(whole, metrics=whole.metrics.filter(~untold)))
    assert [one.name for one in found.services[:2]] == ["pay", "db"]
    assert "nothing tells how fast it answers, and pay waits" in found.services[1].reason


def test_of_several_that_are_not_measured_none_has_a_privilege() -> None:
    sick = {(one, "latency_avg_seconds"): 8.0 for one in ("pay", "orders", "web")}
    whole = case(sick)
    assert whole.metrics is not None
    db = whole.metrics.filter(pl.col("service") == "db", pl.col("metric") == "cpu_usage")
    seen = [whole.metrics.filter(pl.col("service") != "db"), db, db.with_columns(service=pl.lit("cache"))]
    found = diagnose(replace(whole, metrics=pl.concat(seen), calls=(*CALLS, ("pay", "cache"))))
    shares = {one.name: one.confidence for one in found.services}
    assert shares["db"] == pytest.approx(shares["cache"])
    assert shares["pay"] > shares["db"]


def test_failures_are_counted_where_they_are_no_part_of_the_requests() -> None:
    # pay is asked for a tenth of what web is asked for, and all failures of web are its own.
    sick = {("pay", "requests_per_second"): 0.1, ("orders", "requests_per_second"): 1.0}
    sick |= {(one, "errors_per_second"): 40.0 for one in ("pay", "orders", "web")}
    assert diagnose(case(sick, metric="errors_per_second")).services[0].name == "pay"


def test_who_reaches_nobody_fails_by_itself() -> None:
    sick = {("orders", "errors_per_second"): 40.0, ("web", "errors_per_second"): 30.0}
    silent = {(one, "requests_per_second"): 0.01 for one in ("pay", "stock", "db")}
    assert diagnose(case({**sick, **silent}, metric="errors_per_second")).services[0].name == "orders"


def test_what_drifted_is_expected_to_drift_on_unless_it_is_what_was_noticed() -> None:
    random = np.random.default_rng(3)
    fills = np.linspace(10, 32, 220) + random.normal(0, 0.2, 220)
    assert far(fills, "disk_used_percent") < 1.5
    crept = deviations(series(fills, "disk_used_percent"), Window(0, 200), Window(200, 220), pl.lit(True))
    assert crept["far"][0] > 1.5
    leaps = np.concatenate([np.full(200, 10.0) + random.normal(0, 0.2, 200), np.full(20, 30.0)])
    assert far(leaps, "disk_used_percent") > 3


def test_what_is_counted_varies_by_some() -> None:
    files = np.concatenate([np.full(200, 16.0), np.full(20, 19.0)])
    assert far(files, "process_open_fds") < 2
    assert far(np.where(files > 16, 160.0, files), "process_open_fds") > 10


@pytest.mark.parametrize(
    ("metric", "before", "after"),
    [
        ("tls_certificate_expiry_timestamp_seconds", 1.79e9 + 90 * 86400, 1.79e9 + 86400),
        ("backup_last_success_timestamp_seconds", 1.79e9 - 3600, 1.79e9 - 90 * 86400),
    ],
)
def test_a_moment_is_read_as_seconds_left_or_passed(metric: str, before: float, after: float) -> None:
    values = np.where(np.arange(220) < 200, before, after)
    moved = series(values, metric).with_columns(pl.col("time") + 1.79e9)
    normal, problem = (Window(one.start + 1.79e9, one.end + 1.79e9) for one in WINDOWS)
    assert deviations(moved, normal, problem)["far"][0] > 3


def test_room_and_memory_are_a_services_own_whatever_those_do_that_it_calls() -> None:
    sick = {("web", "cpu_usage"): 4.0, ("pay", "latency_avg_seconds"): 1.4, ("orders", "latency_avg_seconds"): 1.3}
    assert diagnose(case(sick, metric="cpu_usage")).services[0].name == "web"


def test_a_millisecond_of_who_is_called_explains_no_seconds() -> None:
    random = np.random.default_rng(5)
    size = int(PROBLEM.end / STEP)
    late = np.arange(size) * STEP >= PROBLEM.start
    metrics = pl.concat(
        [
            series(np.where(late, 16.0, 0.1) * random.gamma(30, 1 / 30, size), "queue_oldest_seconds", "orders", STEP),
            series(
                np.where(late, 0.002, 0.001) * random.gamma(90, 1 / 90, size), "query_duration_seconds", "pay", STEP
            ),
        ]
    )
    alert = Alert("orders", PROBLEM.start + 60, "queue_oldest_seconds")
    assert diagnose(Case(alert, NORMAL, PROBLEM, metrics, calls=CALLS)).services[0].name == "orders"


def test_a_stack_trace_that_quotes_a_change_names_it() -> None:
    usual = [(float(time), "web", "info", f"rendered page {time}") for time in range(0, 4200, 30)]
    trace = (
        'unhandled TypeError in GET /p/{}\nTraceback:\n  File "labels.py", line 16\n'
        '    until = date.parse(one["until"])\nTypeError: no text'
    )
    errors = [(PROBLEM.start + 5.0 * n, "web", "error", trace.format(n)) for n in range(30)]
    changes = (
        Change(
            PROBLEM.start - 900,
            "web",
            "deploy",
            "label",
            "tell until when",
            '-  return ""\n+    until = date.parse(one["until"])\n',
        ),
        Change(
            PROBLEM.start - 60, "web", "deploy", "latest", "page through", "-  return pages\n+  return pages[:10]\n"
        ),
    )
    said = diagnose(case(SLOW_DB | {("web", "errors_per_second"): 9.0}, logs=lines(*usual, *errors), changes=changes))
    assert [one.name for one in said.changes][:1] == ["label"]
    assert said.changes[0].reason.startswith("tell until when: ")
    assert "the error names a line that it brought" in said.changes[0].reason
    told = " ".join(sign.text for sign in said.changes[0].evidence)
    assert "unhandled TypeError in GET /p/0 … TypeError: no text" in told, "both ends of the trace tell, not its middle"
    shortly = replace(changes[0], time=PROBLEM.start + 50)
    late = diagnose(case(SLOW_DB, logs=lines(*usual, *errors), changes=(shortly, changes[1])))
    assert late.changes[0].name == "label", "when it began is an estimate"
    after = diagnose(case(SLOW_DB, logs=lines(*usual, *errors), changes=(replace(shortly, time=PROBLEM.start + 300),)))
    assert not after.changes, "it came when the alert had come"
    elsewhere = (replace(changes[0], service="stock"), changes[1])
    every = diagnose(case(SLOW_DB, logs=lines(*usual, *errors), changes=elsewhere))
    assert all("the error names" not in one.reason for one in (*every.changes, *every.cleared)), "it is another's line"
