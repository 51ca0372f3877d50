"""The spool: batches on disk between whoever acknowledged them and the engine.

1. ``write`` puts a batch into a file of its own, syncs it and its directory, and only then returns.
2. One drainer at a time (a lock on the directory, which the system lets go when its process dies) moves files of one
   table into a numbered group, inserts the group with its number as deduplication token, and deletes the group.
3. After a crash the group is still there and is inserted again under the same token, which the engine ignores if it
   has seen it. So a batch that was acknowledged arrives, and it arrives once.
4. A batch that the engine refuses for what is in it is set aside with the reason, so that it cannot stop the others.
"""

import contextlib
import fcntl
import io
import os
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from mainstay.core import ids

if TYPE_CHECKING:
    import polars as pl

GROUP_FILES = 400
GROUP_BYTES = 32 * 1024 * 1024
# A drainer that may gather inserts no more often than this many seconds into one table while less than this waits for
# it: what an insert costs is mostly not its rows.
GATHER = 1.0
GATHER_BYTES = 1024 * 1024
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


class SpoolFullError(Exception):
    """What waits for the engine has reached its limit; the sender should come back later."""


class Store(Protocol):
    """Where batches go."""

    def insert(self, sql: str, data: bytes, token: str) -> None:
        """Insert a batch once."""


class RefusedError(Exception):
    """The store will never take this batch."""


@dataclass(frozen=True)
class Drained:
    """What one round of draining did. ``names`` are the metrics that have new samples."""

    rows: int
    names: frozenset[str]


def sync_directory(path: Path) -> None:
    """Put a directory's entries on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Spool:
    """A directory of batches. Any number of processes may write; one drains."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path, self._limit = path, limit_bytes
        self._groups, self._refused = path / "groups", path / "refused"
        for directory in (path, self._groups, self._refused):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock: int | None = None
        self._taken: dict[str, float] = {}

    def waiting_bytes(self) -> int:
        """How much waits for the engine."""
        total = 0
        for place in (self.path, *self._groups.iterdir()):
            # The drainer moves and deletes files and groups while they are counted here.
            with contextlib.suppress(FileNotFoundError):
                for entry in os.scandir(place):
                    with contextlib.suppress(FileNotFoundError):
                        total += entry.stat().st_size if entry.name.endswith(".batch") else 0
        return total

    def waiting_since(self) -> float | None:
        """When the oldest batch that waits was written, in seconds since 1970 UTC."""
        oldest: float | None = None
        for place in (self.path, *self._groups.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                for entry in os.scandir(place):
                    with contextlib.suppress(FileNotFoundError):
                        if entry.name.endswith(".batch"):
                            at = entry.stat().st_mtime
                            oldest = at if oldest is None else min(oldest, at)
        return oldest

    def fullness(self) -> float:
        """What waits, as a share of what may wait."""
        return self.waiting_bytes() / self._limit

    def refused(self) -> list[Path]:
        """Batches that were set aside."""
        return sorted(self._refused.glob("*.batch"))

    def check_room(self) -> None:
        """Raise ``SpoolFullError`` when no more may be taken."""
        waiting = self.waiting_bytes()
        if waiting >= self._limit:
            raise SpoolFullError(f"{waiting // 1_000_000} MB wait for the telemetry engine; send again later")

    def write(self, table: str, columns: Mapping[str, Any], names: Sequence[str] = ()) -> None:
        """Keep a batch of equally long columns. When this returns it is on disk."""
        count = len(next(iter(columns.values()), ()))
        if count:
            head = {"table": table, "rows": count, "names": list(names)}
            self._keep(head, orjson.dumps(dict(columns), option=_OPTIONS))

    def write_frame(self, table: str, frame: "pl.DataFrame") -> None:
        """Keep a batch as Arrow. When this returns it is on disk."""
        if frame.height:
            self._keep({"table": table, "rows": frame.height, "names": [], "format": "arrow"}, _as_arrow(frame))

    def _keep(self, head: Mapping[str, Any], body: bytes) -> None:
        final = self.path / f"{ids.new_id()}-{head['table']}.batch"
        fresh = final.with_suffix(".tmp")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, orjson.dumps(head) + b"\n")
            view = memoryview(body)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        except OSError:
            fresh.unlink()
            raise
        finally:
            os.close(handle)
        fresh.rename(final)
        sync_directory(self.path)

    def take_lock(self) -> bool:
        """Become the drainer, unless another process is."""
        if self._lock is not None:
            return True
        handle = os.open(self.path / ".drainer", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def drain(self, store: Store, statements: Mapping[str, str], gather: Collection[str] = ()) -> Drained:
        """Insert one group; a table of ``gather`` whose last one was just now waits for more.

        Raises what the store raises for a failure that may pass; nothing is lost then.
        """
        if not self.take_lock():
            return Drained(0, frozenset())
        group = self._next_group(gather)
        if group is None:
            return Drained(0, frozenset())
        files = sorted(group.glob("*.batch"))
        try:
            done = self._insert(store, statements, files, group.name)
        except RefusedError:
            # One bad batch spoils a group: insert each alone, and set aside the one that is refused.
            done = self._insert_singly(store, statements, files)
        # Renamed at one stroke: a drainer that is killed while it deletes would leave half a group, or an empty one.
        over = group.with_suffix(".done")
        group.rename(over)
        shutil.rmtree(over)
        return done

    def _next_group(self, gather: Collection[str]) -> Path | None:
        for over in self._groups.glob("*.done"):
            shutil.rmtree(over)
        for path in sorted(path for path in self._groups.iterdir() if path.suffix != ".tmp"):
            if any(path.glob("*.batch")):
                return path
            # Of an earlier version, or all of its batches were refused and set aside just before a kill.
            path.rmdir()
        for half_made in self._groups.glob("*.tmp"):
            for file in half_made.iterdir():
                file.rename(self.path / file.name)
            half_made.rmdir()
        names = sorted(entry.name for entry in os.scandir(self.path) if entry.name.endswith(".batch"))
        tables = dict.fromkeys(name.partition("-")[2] for name in names)
        may_wait = [f"{name}.batch" for name in gather]
        table = next((one for one in tables if one not in may_wait or self._is_due(one, names)), None)
        if table is None:
            return None
        self._taken[table] = time.monotonic()
        making = self._groups / f"{ids.new_id()}.tmp"
        making.mkdir()
        size = 0
        for name in [name for name in names if name.partition("-")[2] == table][:GROUP_FILES]:
            size += (self.path / name).stat().st_size
            (self.path / name).rename(making / name)
            if size >= GROUP_BYTES:
                break
        final = making.with_suffix("")
        making.rename(final)
        return final

    def _is_due(self, table: str, names: Sequence[str]) -> bool:
        if time.monotonic() - self._taken.get(table, float("-inf")) >= GATHER:
            return True
        mine = (self.path / name for name in names if name.endswith(table))
        return sum(path.stat().st_size for path in mine) >= GATHER_BYTES

    def _insert(self, store: Store, statements: Mapping[str, str], files: list[Path], token: str) -> Drained:
        heads, bodies = [], []
        for file in files:
            head, _, body = file.read_bytes().partition(b"\n")
            heads.append(orjson.loads(head))
            bodies.append(body)
        joined = _joined_arrow(bodies) if heads[0].get("format") == "arrow" else _joined(bodies)
        store.insert(statements[heads[0]["table"]], joined, token)
        names = frozenset(name for head in heads for name in head["names"])
        return Drained(sum(head["rows"] for head in heads), names)

    def _insert_singly(self, store: Store, statements: Mapping[str, str], files: list[Path]) -> Drained:
        rows, names = 0, frozenset[str]()
        for file in files:
            try:
                one = self._insert(store, statements, [file], file.stem)
            except RefusedError as error:
                (self._refused / f"{file.stem}.reason").write_text(str(error), encoding="utf-8")
                file.rename(self._refused / file.name)
            else:
                rows, names = rows + one.rows, names | one.names
        return Drained(rows, names)


def _joined(bodies: list[bytes]) -> bytes:
    """Several column-wise batches of one table as one."""
    if len(bodies) == 1:
        return bodies[0]
    merged: dict[str, list[Any]] = orjson.loads(bodies[0])
    for body in bodies[1:]:
        for name, values in orjson.loads(body).items():
            merged[name].extend(values)
    return orjson.dumps(merged)


def _as_arrow(frame: "pl.DataFrame") -> bytes:
    """A frame as a compressed Arrow stream, with the string layout that every reader of Arrow knows."""
    import polars as pl

    body = io.BytesIO()
    frame.write_ipc_stream(body, compression="lz4", compat_level=pl.CompatLevel.oldest())
    return body.getvalue()


def _joined_arrow(bodies: list[bytes]) -> bytes:
    """Several Arrow batches of one table as one."""
    import polars as pl

    if len(bodies) == 1:
        return bodies[0]
    return _as_arrow(pl.concat([pl.read_ipc_stream(body) for body in bodies]))
