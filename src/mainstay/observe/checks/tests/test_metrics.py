"""What checks measure, asked in PromQL: a real program and a real engine."""

from collections.abc import Iterator

import pytest
from tests import engine

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core.access import LOCAL
from mainstay.observe.checks.loop import Checks
from mainstay.observe.metrics import services as metrics

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once, pytest.mark.usefixtures("company")]
CHECK = """
checks:
  - key: queue
    service: pay
    script: "#!/bin/sh\\necho \\"slow | 'open orders'=12;10;20 wait=250ms\\"; exit 1"
"""


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with engine.running():
        yield


def test_performance_data_can_be_asked_for() -> None:
    config.apply(LOCAL, read.read([("checks.yaml", CHECK)]))
    loop = Checks()
    loop.run_due()
    loop.wait()
    engine.settle()

    def value(expr: str) -> list[float]:
        return [found for _, found in metrics.evaluate(LOCAL, expr)]

    assert value('check_state{check="queue",service="pay"}') == [1.0]
    assert value('check_value{check="queue",unit="seconds"}') == [0.25]
    assert value('check_value{label="open orders"} > on (check, label) check_value_warning') == [12.0]
    assert len(value('check_duration_seconds{check="queue"} < 30')) == 1
