"""One shop for all tests that leave it healthy behind."""

from collections.abc import Iterator

import pytest

from tests.cornershop.shop import Running, alive, until


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("shop"), "--speed", "4", "--settlement-every", "3")
    pids = running.pids()
    yield running
    assert running.stop() == 0
    until("no process is left", lambda: not any(alive(pid) for pid in pids), 3)
    assert "Traceback" not in running.output()
    assert "Warning" not in running.output()
