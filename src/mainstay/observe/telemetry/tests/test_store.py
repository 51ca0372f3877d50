"""The embedded engine: a batch that is sent twice at the same time."""

import threading
from pathlib import Path
from typing import Any

import pytest

from mainstay.observe.telemetry.engine.store import StatementError, Store

pytestmark = pytest.mark.once
ROWS = b'{"n":[1,2,3]}'
INSERT = "INSERT INTO t SELECT n FROM input('n Int64') FORMAT JSONColumns"


@pytest.fixture
def slow(chdb_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store whose first insert stands still until it is told to go on, or to fail."""

    class Slow:
        def __init__(self) -> None:
            self.store = Store(chdb_path, "test", connections=2)
            self.store.query("DROP TABLE IF EXISTS t", "Null", {}, {})
            self.store.query("CREATE TABLE t (n Int64) ENGINE = MergeTree ORDER BY n", "Null", {}, {})
            self.began, self.go, self.fails = threading.Event(), threading.Event(), False
            self.order: list[str] = []
            from mainstay.observe.telemetry.engine import store

            real = store._insert_from

            def wait(sql: str, name: str) -> str:
                if not self.began.is_set():
                    self.began.set()
                    assert self.go.wait(10)
                    self.order.append("first")
                    if self.fails:
                        raise StatementError("Code: 236. it is being stopped")
                else:
                    self.order.append("second")
                return real(sql, name)

            monkeypatch.setattr(store, "_insert_from", wait)

        def insert(self, token: str) -> threading.Thread:
            def run() -> None:
                try:
                    self.store.insert(INSERT, ROWS, {"insert_deduplication_token": token})
                except StatementError:
                    self.order.append("failed")

            thread = threading.Thread(target=run)
            thread.start()
            return thread

    one = Slow()
    yield one
    one.go.set()
    one.store.close()


@pytest.mark.parametrize("fails", [False, True], ids=["first ends well", "first fails"])
def test_a_second_insert_of_a_batch_waits_for_the_first(slow: Any, fails: bool) -> None:
    slow.fails = fails
    first = slow.insert("batch-1")
    assert slow.began.wait(10)
    second = slow.insert("batch-1")
    second.join(0.2)
    assert second.is_alive()
    assert slow.order == []
    slow.go.set()
    first.join(10)
    second.join(10)
    assert slow.order == (["first", "failed", "second"] if fails else ["first", "second"])
    assert b"3" in slow.store.query("SELECT uniqExact(n) FROM t", "TSV", {}, {}).data


def test_another_batch_does_not_wait(slow: Any) -> None:
    first = slow.insert("batch-1")
    assert slow.began.wait(10)
    slow.insert("batch-2").join(10)
    assert slow.order == ["second"]
    slow.go.set()
    first.join(10)
