"""A noisy service is held back when it would hold up others, and only then."""

from pathlib import Path

import pytest

from mainstay.core import settings
from mainstay.core.problems import ProblemError
from mainstay.core.rates import Buckets
from mainstay.observe.logs import care
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.spool import Spool

pytestmark = pytest.mark.once


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    """A spool of our own, ten lines a second for each service, held from a quarter of the spool on."""
    loaded = settings.current()
    values = {**loaded.values, "log_service_lines_per_second": 10, "log_rate_pressure": 25}
    monkeypatch.setattr(care, "current", lambda: settings.Loaded(values, loaded.origins))
    monkeypatch.setattr(care, "_rates", Buckets())
    one = Spool(tmp_path, 10_000)
    monkeypatch.setattr(telemetry, "spool", lambda: one)
    return one


def send(service: str, count: int) -> None:
    with care.refusing():
        care.check_rate(Lines([Origin(service)], [0] * count, ["x"] * count))


def test_a_burst_is_taken_while_the_store_keeps_up(spool: Spool) -> None:
    for _ in range(5):
        send("noisy", 1000)
    assert spool.fullness() == 0


def test_when_much_waits_the_noisy_one_waits_and_another_does_not(spool: Spool) -> None:
    send("noisy", 1000)
    spool.write("a", {"n": list(range(1000))})
    with pytest.raises(ProblemError) as caught:
        send("noisy", 1)
    assert caught.value.status == 429
    assert caught.value.extra["retry_after"] >= 1
    send("calm", 5)
