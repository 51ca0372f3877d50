"""Objectives measured in a real engine: what is left, how it burns, what fires and ends, and what stays unknown."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count

import numpy as np
import pytest

from mainstay.catalog.calendar import gate
from mainstay.catalog.levels import objectives
from mainstay.catalog.levels.models import Budget, Tally
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock
from mainstay.core.access import LOCAL, SYSTEM
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.alerts import services as alerts
from mainstay.respond.alerts.models import Alert
from mainstay.respond.objectives import loop
from tests import engine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company", "engine_running")]
MIN = timedelta(minutes=1)
_runs = count()

OBJECTIVE = """
objectives:
  - key: pay-ok
    name: Payments go through
    service: pay
    good: rate(pay_total{code="200"}[2m])
    total: rate(pay_total[2m])
    target: 0.9
    window: 7d
    gate: {below: 0.5}
"""


@pytest.fixture(scope="module")
def engine_running() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture(autouse=True)
def empty(engine_running: None) -> Iterator[None]:
    """Nothing has been written, and no minute ends while a test looks at what was measured."""
    engine.empty()
    with clock.held():
        yield


def declare(text: str = OBJECTIVE) -> None:
    config.apply(LOCAL, read.read([("levels.yaml", text)]))


def served(
    minutes: int, good: float = 60.0, bad: float = 0.0, *, ago: int = 0, since: Sequence[float] = (0, 0)
) -> None:
    """Counters that grow each minute by so many good and bad requests, for some minutes up to ``ago`` minutes ago."""
    end = (clock.now_ms() // 60_000 - ago) * 60_000
    times = np.arange(end - minutes * 60_000, end + 1, 20_000, dtype=np.int64)
    steps = np.arange(len(times)) / 3
    named = [("200", since[0] + steps * good), ("500", since[1] + steps * bad)]
    # Series that were written once are not written again, so each call has its own.
    run = str(next(_runs))
    labels = [{"code": code, "run": run} for code, _ in named]
    series = [(telemetry.series_id("pay_total", one), "pay_total", one) for one in labels]
    which = np.repeat(np.arange(2), len(times))
    telemetry.write_samples(series, which, np.tile(times, 2), np.concatenate([values for _, values in named]))
    engine.settle()


def pass_all() -> None:
    """Passes until everything is caught up with."""
    for _ in range(40):
        if not loop.run_due():
            break
    alerts.drain()


def standing() -> objectives.Standing:
    return objectives.standing(objectives.get(SYSTEM, "pay-ok"), clock.now())


def test_files_are_applied_and_given_back_as_they_were() -> None:
    declare()
    assert config.plan(read.read([("levels.yaml", OBJECTIVE)])) == []
    assert "target: 0.9" in config.export(LOCAL)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("good: x, target: 0.9", "write either good or bad, and total; or ratio"),
        ("ratio: x, total: y, target: 0.9", "write either ratio"),
        ("ratio: 'sum(', target: 0.9", "ratio: "),
        ("ratio: x, target: 1", "0.999999"),
        ("ratio: x, target: 0.9, window: 25h", "whole days"),
        ("ratio: x, target: 0.9, timezone: Mars/Base", "not a time zone"),
    ],
)
def test_what_cannot_be_measured_is_named(keys: str, told: str) -> None:
    with pytest.raises(read.ConfigError, match=told):
        declare(f"objectives:\n  - {{key: pay-ok, service: pay, {keys}}}\n")


def test_what_was_served_is_added_up_and_the_rest_of_the_budget_is_told() -> None:
    declare()
    served(120, good=54, bad=6)
    pass_all()
    found = standing()
    assert found.unknown == ""
    assert found.compliance == pytest.approx(0.9, abs=0.001)
    assert dict(found.burns)["1h"] == pytest.approx(1.0, abs=0.01)
    # Two of the 168 hours burnt at the rate that is allowed.
    assert found.budget.left == pytest.approx(1 - 2 / 168, abs=0.001)
    assert found.minutes_left == pytest.approx(0.1 * 7 * 1440 * (1 - 2 / 168), rel=0.01)


def test_no_minute_is_counted_twice_and_each_pass_goes_on_where_the_last_ended() -> None:
    declare()
    served(30)
    pass_all()
    before = Budget.objects.get()
    pass_all()
    assert Budget.objects.get().total == before.total
    with clock.moved(10 * MIN):
        served(8)
        pass_all()
        minutes = Tally.objects.filter(grain=60)
        assert minutes.count() == len({one.start for one in minutes})
        assert 420 < Budget.objects.get().total - before.total < 600


def test_a_fast_burn_pages_and_ends_by_itself() -> None:
    declare()
    served(60, good=6, bad=54)
    pass_all()
    alert = Alert.objects.get(labels__severity="page")
    assert (alert.name, alert.state, alert.service.key) == ("SloBurn", "firing", "pay")  # type: ignore[union-attr]
    assert "times as fast as it may" in alert.annotations["summary"]
    assert alert.incident is not None
    with clock.moved(60 * MIN):
        served(59, good=60, since=(1000, 4000))
        pass_all()
        alert.refresh_from_db()
        assert alert.state == "resolved"
        assert standing().budget.page_since is None


def test_an_objective_that_leaves_its_file_ends_its_alert() -> None:
    declare()
    served(60, good=6, bad=54)
    pass_all()
    declare("objectives: []")
    pass_all()
    assert not Alert.objects.filter(state="firing").exists()


def test_while_the_engine_is_away_it_is_unknown_and_never_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    declare()
    served(60, good=6, bad=54)
    pass_all()
    before = Budget.objects.get()

    def away(*_: object) -> None:
        raise TelemetryError("nobody answers")

    with clock.moved(5 * MIN):
        with monkeypatch.context() as patch:
            patch.setattr(telemetry, "rows_with", away)
            pass_all()
        found = standing()
        assert (found.state, "nobody answers" in found.unknown) == ("unknown", True)
        assert found.budget.left == before.left
        assert Alert.objects.filter(state="firing").exists()
        answer = gate.may_change(SYSTEM, ["pay"], clock.now(), kind="release")
        assert (answer.allowed, "is not known" in answer.reason) == (False, True)
        assert gate.may_change(SYSTEM, ["pay"], clock.now(), kind="correction").allowed
        declare(OBJECTIVE.replace("below: 0.5", "below: 0.5, unknown: open"))
        assert gate.may_change(SYSTEM, ["pay"], clock.now(), kind="release").allowed
        pass_all()
        assert standing().unknown == ""


def test_without_data_it_is_unknown() -> None:
    declare()
    pass_all()
    assert standing().state == "unknown"
    assert "gave nothing in the last 15 minutes" in standing().unknown
    served(60)
    Budget.objects.update(measured_until=None)
    pass_all()
    assert standing().state == "kept"
    with clock.moved(30 * MIN):
        pass_all()
        assert standing().state == "unknown"


def test_the_gate_closes_while_too_little_is_left_and_an_emergency_passes() -> None:
    declare(OBJECTIVE.replace("window: 7d", "window: 1d"))
    served(300, good=30, bad=30)
    pass_all()
    assert standing().budget.left == pytest.approx(1 - 5 * 300 / 1440, abs=0.05)
    answer = gate.may_change(SYSTEM, ["pay"], clock.now(), kind="release")
    assert not answer.allowed
    assert "of the budget of errors of Payments go through is left, and 50% must be" in answer.reason
    assert gate.may_change(SYSTEM, ["front"], clock.now(), kind="release").allowed
    assert standing().state == "exhausted"


def test_bad_events_and_ratios_are_measured_too() -> None:
    expr = 'sum(rate(pay_total{code="200"}[2m])) / sum(rate(pay_total[2m]))'
    served(120, good=45, bad=15)
    for measured in (
        "bad: 'rate(pay_total{code=\"500\"}[2m])', total: 'rate(pay_total[2m])'",
        f"ratio: '{expr}'",
    ):
        declare(f"objectives:\n  - {{key: pay-ok, service: pay, {measured}, target: 0.5, window: month}}\n")
        pass_all()
        assert standing().compliance == pytest.approx(0.75, abs=0.001)
        assert standing().budget.renews_at is not None


def test_an_expression_that_gives_several_series_says_so() -> None:
    served(30)
    declare("objectives:\n  - {key: pay-ok, service: pay, ratio: pay_total, target: 0.5}\n")
    pass_all()
    assert "ratio gives 2 series" in standing().unknown
