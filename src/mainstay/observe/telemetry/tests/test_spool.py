"""The spool: what was written arrives once, whatever breaks on the way."""

import random
import shutil
from pathlib import Path

import orjson
import pytest

from mainstay.observe.telemetry.spool import RefusedError, Spool, SpoolFullError

pytestmark = pytest.mark.once
STATEMENTS = {"a": "insert a", "b": "insert b"}


class Crash(Exception):
    """The process ends here."""


class Store:
    """Keeps batches by token, as the engine does, and breaks when it is told to."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self.batches: dict[str, tuple[str, list[int]]] = {}
        self._chance = chance

    def insert(self, sql: str, data: bytes, token: str) -> None:
        if self._chance and self._chance.random() < 0.3:
            raise Crash
        values = orjson.loads(data)["n"]
        if any(value < 0 for value in values):
            raise RefusedError("no negative numbers")
        self.batches.setdefault(token, (sql, values))
        if self._chance and self._chance.random() < 0.3:
            raise Crash

    def rows(self, sql: str) -> list[int]:
        return sorted(value for kind, values in self.batches.values() if kind == sql for value in values)


def drain(spool: Spool, store: Store) -> None:
    while spool.drain(store, STATEMENTS).rows:
        continue


def test_batches_of_one_table_go_in_together(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path, 10**9), Store()
    for number in range(5):
        spool.write("a", {"n": [number], "m": ["x"]}, ["metric"])
    spool.write("b", {"n": [7]})
    done = spool.drain(store, STATEMENTS)
    assert (done.rows, done.names) == (5, frozenset({"metric"}))
    drain(spool, store)
    assert store.rows("insert a") == [0, 1, 2, 3, 4]
    assert store.rows("insert b") == [7]
    assert len(store.batches) == 2
    assert spool.waiting_bytes() == 0


def test_a_drainer_that_may_gather_lets_small_batches_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("mainstay.observe.telemetry.spool.time.monotonic", lambda: now[0])
    spool, store = Spool(tmp_path, 10**9), Store()
    rows = []
    for number, later in enumerate((0.0, 0.4, 0.4, 0.4)):
        now[0] += later
        spool.write("a", {"n": [number]})
        rows.append(spool.drain(store, STATEMENTS, {"a"}).rows)
    assert rows == [1, 0, 0, 3]
    spool.write("a", {"n": [4]})
    spool.write("b", {"n": [5]})
    assert spool.drain(store, STATEMENTS, {"a"}).rows == 1, "who may not wait goes in before who waits"
    assert store.rows("insert b") == [5]
    assert spool.drain(store, STATEMENTS).rows == 1, "nobody waits where nothing is gathered"


def test_what_is_much_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mainstay.observe.telemetry.spool.GATHER_BYTES", 1000)
    spool, store = Spool(tmp_path, 10**9), Store()
    for many in (1, 1000):
        spool.write("a", {"n": list(range(many))})
        assert spool.drain(store, STATEMENTS, {"a"}).rows == many


@pytest.mark.parametrize("seed", range(30))
def test_crashes_at_any_point_neither_lose_nor_double_a_batch(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    whole = shutil.rmtree

    def rmtree(place: Path) -> None:
        """Delete a part, and break, or all of it."""
        if store._chance and chance.random() < 0.4:
            files = sorted(place.iterdir())
            for file in files[: chance.randint(0, len(files))]:
                file.unlink()
            raise Crash
        whole(place)

    monkeypatch.setattr("mainstay.observe.telemetry.spool.shutil.rmtree", rmtree)
    store = Store(chance)
    written = 0
    for _ in range(25):
        # A new object with the same directory is what a new process is; the old one's lock goes with it.
        spool = Spool(tmp_path, 10**9)
        try:
            for _ in range(chance.randint(0, 6)):
                spool.write(chance.choice("ab"), {"n": [written]})
                written += 1
            drain(spool, store)
        except Crash:
            pass
        finally:
            release(spool)
    store._chance = None
    drain(Spool(tmp_path, 10**9), store)
    assert sorted(store.rows("insert a") + store.rows("insert b")) == list(range(written))


def release(spool: Spool) -> None:
    import os

    if spool._lock is not None:
        os.close(spool._lock)


def test_a_refused_batch_is_set_aside_with_its_reason_and_the_others_go_in(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path, 10**9), Store()
    for number in (1, -1, 2):
        spool.write("a", {"n": [number]})
    drain(spool, store)
    assert store.rows("insert a") == [1, 2]
    assert len(spool.refused()) == 1
    assert "negative" in spool.refused()[0].with_suffix(".reason").read_text()


def test_a_full_spool_says_so_and_what_is_there_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100)
    spool.write("a", {"n": list(range(100))})
    with pytest.raises(SpoolFullError, match="send again later"):
        spool.check_room()
    store = Store()
    drain(spool, store)
    assert len(store.rows("insert a")) == 100
    spool.check_room()


def test_one_process_drains_at_a_time(tmp_path: Path) -> None:
    first, second = Spool(tmp_path, 10**9), Spool(tmp_path, 10**9)
    assert first.take_lock()
    assert not second.take_lock()
    release(first)
    assert second.take_lock()


def test_a_half_made_group_is_taken_apart_again(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path, 10**9), Store()
    spool.write("a", {"n": [1]})
    half = tmp_path / "groups" / "x.tmp"
    half.mkdir()
    for file in tmp_path.glob("*.batch"):
        file.rename(half / file.name)
    spool.write("a", {"n": [2]})
    drain(spool, store)
    assert store.rows("insert a") == [1, 2]


def test_a_group_of_which_nothing_is_left_stops_nobody(tmp_path: Path) -> None:
    """As a drainer leaves it that is killed while it deletes a group."""
    spool, store = Spool(tmp_path, 10**9), Store()
    (tmp_path / "groups" / "0").mkdir()
    spool.write("a", {"n": [1]})
    drain(spool, store)
    assert store.rows("insert a") == [1]
    assert not list((tmp_path / "groups").iterdir())


def test_an_unfinished_file_is_not_taken(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path, 10**9), Store()
    (tmp_path / "x-a.tmp").write_bytes(b'{"table":"a"')
    drain(spool, store)
    assert store.batches == {}


def test_it_says_how_full_it_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10_000)
    assert spool.fullness() == 0
    spool.write("a", {"n": list(range(1000))})
    assert 0.3 < spool.fullness() < 0.6
