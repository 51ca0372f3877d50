"""What the other rooms ask of the telemetry store: keep this, and show me that."""

import hashlib
import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mainstay.core import clock, doorbell
from mainstay.core.settings import current
from mainstay.observe.telemetry import client, schema
from mainstay.observe.telemetry.client import Answer, TelemetryError
from mainstay.observe.telemetry.spool import Drained, RefusedError, Spool, SpoolFullError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Answer", "SpoolFullError", "TelemetryError", "ask", "raw", "rows"]

rows, ask, raw = client.rows, client.ask, client.raw
log = logging.getLogger(__name__)

STALE_BITS = 0x7FF0000000000002
# A series is written again after this long, so that "last seen" tells which ones still live.
SERIES_REFRESH_MS = 3_600_000
_STATEMENTS = {name: table.insert() for name, table in schema.TABLES.items() if table.batch}


@lru_cache(maxsize=4)
def _spool_at(path: Path, limit_bytes: int) -> Spool:
    return Spool(path, limit_bytes)


def spool() -> Spool:
    """The spool of this data directory."""
    conf = current()
    return _spool_at(conf.data_dir / "spool", conf.spool_max_mb * 1_000_000)


def series_id(name: str, labels: Mapping[str, str]) -> int:
    """A stable number for a series: 64 bits of BLAKE2b over its name and its labels in order."""
    parts = [name, *(text for pair in sorted(labels.items()) for text in pair)]
    joined = "\x00".join(parts).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")


class _Seen:
    """Which series this process has written lately."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}
        self._lock = threading.Lock()

    def fresh(self, ids: Sequence[int], now: int) -> set[int]:
        with self._lock:
            if len(self._at) > 2_000_000:
                self._at.clear()
            found = {one for one in ids if now - self._at.get(one, -SERIES_REFRESH_MS) >= SERIES_REFRESH_MS}
            self._at.update(dict.fromkeys(found, now))
            return found

    def forget(self, ids: set[int]) -> None:
        """They were not written after all."""
        with self._lock:
            for one in ids:
                self._at.pop(one, None)


_seen = _Seen()


def write_samples(
    series: Sequence[tuple[int, str, Mapping[str, str]]],
    which: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Keep samples. When this returns they are on disk.

    ``series`` is (id, name, labels) of S series; ``which`` (N, index into series), ``times`` (N, ms since 1970 UTC) and
    ``values`` (N) are the samples. Raises ``SpoolFullError``.
    """
    if not len(values):
        return
    spool().check_room()
    now = clock.now_ms()
    fresh = _seen.fresh([one[0] for one in series], now)
    known = {one[0]: one for one in series if one[0] in fresh}
    if known:
        columns: dict[str, Any] = {
            "id": list(known),
            "name": [one[1] for one in known.values()],
            "labels": [dict(one[2]) for one in known.values()],
            "last_seen": [now] * len(known),
        }
        try:
            spool().write("series", columns)
        except OSError:
            # Without its series a sample is found by no rule; they are written with the next batch then.
            _seen.forget(fresh)
            raise
    numbers = np.array([one[0] for one in series], dtype=np.uint64)
    names = sorted({one[1] for one in series})
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    samples = {"series_id": numbers[which], "time": np.ascontiguousarray(times), "bits": bits}
    spool().write("samples", samples, names)
    ring_drainer()


def write(table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Keep rows of another table, column-wise as ``schema`` names them. When this returns they are on disk."""
    spool().check_room()
    spool().write(table, columns)
    ring_drainer()


def write_frame(table: str, frame: "pl.DataFrame") -> None:
    """Keep rows of a table whose batches are Arrow. When this returns they are on disk."""
    spool().check_room()
    spool().write_frame(table, frame)
    ring_drainer()


_wake = threading.Event()


def ring_drainer() -> None:
    """Tell this process's drainer that something was written."""
    _wake.set()


class _Judging:
    """Hands batches to the store and tells a passing failure from a batch that can never go in."""

    def insert(self, sql: str, data: bytes, token: str) -> None:
        try:
            client.connect().insert(sql, data, token)
        except TelemetryError as error:
            if error.passing or error.code in {60, 81}:  # No table or database yet: it is being made.
                raise
            raise RefusedError(str(error)) from error


def drain_once(gather: Collection[str] = ()) -> Drained:
    """Move one group of batches into the store, and ring the worker for rules that watch what arrived."""
    done = spool().drain(_Judging(), _STATEMENTS, gather)
    if done.names:
        doorbell.ring(doorbell.SAMPLES, sorted(done.names) if len(done.names) < 500 else None)
    return done


# When the drainer of this process last got through a round, for whoever watches over it.
drainer_round = [time.monotonic()]


# What this process writes wakes the drainer; what others write is found after so many seconds at most.
IDLE_PAUSE = 0.4
# Of these many small batches come, and nobody misses them for a second. Rules watch samples and want them at once.
GATHERED = frozenset({schema.LOG_LINES.name, schema.SPANS.name})


def run_drainer(stop: threading.Event) -> None:
    """Drain until told to stop. Every process that writes runs this; one of them holds the lock at a time."""
    pause, ready = IDLE_PAUSE, False
    while not stop.is_set():
        try:
            if not ready and spool().take_lock():
                prepare()
                ready = True
            done = drain_once(GATHERED)
            # Who does not hold the lock can but ask for it now and then.
            pause = 0.0 if done.rows else IDLE_PAUSE if spool().take_lock() else 1.0
            drainer_round[0] = time.monotonic()
        except TelemetryError as error:
            log.warning("telemetry waits on disk: %s", error)
            pause = min(max(pause * 2, 0.5), 5.0)
        except Exception:
            # A full disk, an unreadable batch: this thread holds the lock, so it must go on.
            log.exception("the drainer failed; it goes on")
            pause = min(max(pause * 2, 0.5), 5.0)
        if pause:
            _wake.wait(pause)
            _wake.clear()


def prepare() -> None:
    """Make the tables, and bring their retention to what the settings say."""
    store = client.connect()
    for statement in schema.statements(current()):
        store.command(statement)


def aware(moment: datetime) -> datetime:
    """A time from the store, which are all UTC, with its zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def rows_with(sql: str, settings: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a query with settings of its own."""
    return list(client.rows(sql, None, settings))
