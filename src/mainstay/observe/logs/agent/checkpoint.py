"""How far each file was sent, remembered so that a restart neither loses nor repeats what was acknowledged.

Each acknowledgement appends one line to a journal, which costs one write however many files there are; when the journal
has grown, it is written anew beside the old one and put in its place in one step. A line torn by a crash is the
last one and is left out.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

MARK_BYTES = 256
_COMPACT_BYTES = 1_000_000


class CheckpointError(ValueError):
    """The checkpoint cannot be used; the text says why."""


@dataclass(frozen=True)
class Place:
    """A file (device and inode) and how much of it was acknowledged.

    ``head`` and ``tail`` are marks of its first bytes and of the last ones before ``offset``: an inode is used again
    for another file, and a file is cut and written anew, and neither has the same bytes in the same places.
    """

    key: str
    service: str
    path: str
    offset: int = 0
    head: str = ""
    tail: str = ""

    def after(self, data: bytes) -> "Place":
        """The place when these bytes after it were acknowledged too."""
        head = self.head if self.offset else mark(data[:MARK_BYTES])
        return Place(
            self.key, self.service, self.path, self.offset + len(data), head, mark(data[-MARK_BYTES:]) or self.tail
        )

    def fits(self, read: Callable[[int, int], bytes]) -> bool:
        """Whether a file has what was read up to here. ``read`` is given a place and a number of bytes."""
        return not self.offset or (self.begins(read) and _is(self.tail, read, self.offset - _length(self.tail)))

    def begins(self, read: Callable[[int, int], bytes]) -> bool:
        """Whether a file begins as this one did."""
        return _is(self.head, read, 0)


def mark(data: bytes) -> str:
    """A mark of some bytes: how many, and their hash."""
    return f"{len(data)}:{hashlib.blake2b(data, digest_size=8).hexdigest()}" if data else ""


def _length(known: str) -> int:
    return int(known.partition(":")[0] or 0)


def _is(known: str, read: Callable[[int, int], bytes], at: int) -> bool:
    return not known or mark(read(at, _length(known))) == known


class Checkpoint:
    """The journal. ``fresh`` says that there was none. Raises ``CheckpointError`` when another agent holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fresh = not path.exists()
        self.places: dict[str, Place] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load()
            self._journal = self._rewrite()
        except BlockingIOError:
            raise CheckpointError(f"{path} is in use by another agent; give each its own --checkpoint") from None
        except OSError as error:
            raise CheckpointError(f"{path}: {error.strerror}") from error

    def _load(self) -> None:
        if self.fresh:
            return
        for line in self._path.read_bytes().split(b"\n"):
            try:
                said = json.loads(line)
                place = Place(**said)
            except (ValueError, TypeError):
                continue
            if place.offset < 0:
                self.places.pop(place.key, None)
            else:
                self.places[place.key] = place

    def _rewrite(self) -> int:
        """Write everything anew, and return the journal to append to."""
        fresh = self._path.with_name(self._path.name + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        _write(handle, b"".join(map(_line, self.places.values())))
        os.fsync(handle)
        fresh.replace(self._path)
        self._size = os.fstat(handle).st_size
        return handle

    def put(self, place: Place) -> None:
        """Remember a place."""
        self.places[place.key] = place
        self._append(place)

    def forget(self, key: str) -> None:
        """The file is of no interest any more."""
        place = self.places.pop(key, None)
        if place:
            self._append(Place(key, place.service, place.path, -1))

    def _append(self, place: Place) -> None:
        line = _line(place)
        _write(self._journal, line)
        self._size += len(line)
        if self._size > _COMPACT_BYTES + 600 * len(self.places):
            os.close(self._journal)
            self._journal = self._rewrite()

    def close(self) -> None:
        """Put everything on disk and let others have it."""
        os.close(self._journal)
        os.close(self._rewrite())
        os.close(self._lock)


def _line(place: Place) -> bytes:
    return json.dumps(asdict(place)).encode() + b"\n"


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
