"""Follow files through rotation and truncation.

1. A file is known by its device and inode, so that a rename is seen as what it is: the old file is read to its end,
   also when it was deleted, and is held for a while because its writer may not have noticed yet.
2. A file that is shorter than what was read of it, or has other bytes there, was cut. If a copy of it lies beside it
   (``copytruncate``), what was not yet read of the old content is read from the copy.
3. After a start, files of the checkpoint that no pattern finds any more are looked for beside their old path.
4. Where a file was rotated twice while nobody looked, what lay between is beside it too, under a rotated name, younger
   than the file that was known.
"""

import glob
import gzip
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mainstay.observe.logs.agent import text
from mainstay.observe.logs.agent.checkpoint import Checkpoint, Place

# Seconds: the last record of a file may still grow; a line without an end may still end; a renamed file be written to.
HOLD, HOLD_PARTIAL, LINGER, COPYING = 1.0, 5.0, 60.0, 5.0
# A file that grows all the time is sent so often: each batch costs both sides the same, however short it is.
GATHER = 1.0
ZIPPED = ".gz"
_ROTATED_NAME = re.compile(r"[.-]\d[\w.-]*")


class Plain:
    """An open file. Its handle keeps it readable when it is renamed or deleted."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        stat = os.fstat(self._handle)
        self.key = f"{stat.st_dev}:{stat.st_ino}"

    def at(self, place: int, size: int) -> bytes:
        """Bytes from a place on."""
        return os.pread(self._handle, size, place)

    def size(self, read: int) -> int:
        """How long it is now."""
        del read
        return os.fstat(self._handle).st_size

    def written(self) -> int:
        """When it was last written to (nanoseconds)."""
        return os.fstat(self._handle).st_mtime_ns

    def close(self) -> None:
        """Let it go."""
        os.close(self._handle)


class Zipped:
    """A file that gzip made, as what it unpacks to."""

    def __init__(self, path: str) -> None:
        stat = Path(path).stat()
        self.key, self._written = f"{stat.st_dev}:{stat.st_ino}", stat.st_mtime_ns
        self._file = gzip.open(path)  # noqa: SIM115 - held open, as the others are
        self._end: int | None = None

    def at(self, place: int, size: int) -> bytes:
        """Bytes from a place on. What is damaged is its end."""
        try:
            self._file.seek(place)
            data = self._file.read(size)
        except (OSError, EOFError, zlib.error):
            data = b""
        if len(data) < size:
            self._end = place + len(data)
        return data

    def size(self, read: int) -> int:
        """How long it is, or until that is known, more than was read."""
        return read + 1 if self._end is None else max(self._end, read)

    def written(self) -> int:
        """When it was last written to (nanoseconds)."""
        return self._written

    def close(self) -> None:
        """Let it go."""
        self._file.close()


@dataclass
class Followed:
    """One open file and what is acknowledged of it; monotonic seconds: when it grew, is to be read and was sent."""

    source: Plain | Zipped
    place: Place
    seen: int = -1
    grown: float = 0.0
    due: float = 0.0
    sent: float = 0.0
    gone: bool = False


class Follower:
    """Files by glob, each for a service. ``say`` tells the person something."""

    def __init__(
        self,
        patterns: Sequence[tuple[str, str]],
        checkpoint: Checkpoint,
        say: Callable[[str], None],
        *,
        rotated: bool = False,
    ) -> None:
        self._patterns, self._checkpoint, self._say = list(patterns), checkpoint, say
        self._files: dict[str, Followed] = {}
        self._said: set[str] = set()
        lost = dict(checkpoint.places)
        if rotated and checkpoint.fresh:
            for service, pattern in patterns:
                for path in [*_matching(f"{pattern}.*"), *_matching(f"{pattern}-*"), *_matching(pattern)]:
                    self._open(service, path, zipped=True)
        self.look()
        for place in lost.values():
            if place.key not in self._files:
                self._find_again(place)

    def look(self) -> None:
        """Find new files under the patterns, and files that have been moved away."""
        seen = set()
        for service, pattern in self._patterns:
            for path in _matching(pattern):
                try:
                    stat = Path(path).stat()
                except OSError:
                    continue
                key = f"{stat.st_dev}:{stat.st_ino}"
                seen.add(key)
                if key not in self._files:
                    self._open(service, path)
        for key, one in list(self._files.items()):
            if key not in seen and not one.gone:
                self._missed(one.place, one.source.written())
            one.gone = key not in seen

    def _open(self, service: str, path: str, *, zipped: bool = False) -> None:
        is_zipped = path.endswith(ZIPPED)
        if not Path(path).is_file():
            return
        source = _opened(path)
        if source is None:
            self._say_once(f"{path} cannot be read")
            return
        place = self._checkpoint.places.get(source.key)
        if source.key in self._files or (is_zipped and not zipped and place is None):
            source.close()
            return
        if place is not None and not (source.size(place.offset) >= place.offset and place.fits(source.at)):
            self._rescue(place)
            place = None
        elif place is None:
            origin = self._copied_from(path, source)
            if origin is not None and origin.offset > source.size(0) and _is_fresh(path):
                source.close()  # It is still being copied.
                return
            if origin is not None and origin.fits(source.at):
                place = Place(source.key, service, origin.path, origin.offset, origin.head, origin.tail)
        place = place or Place(source.key, service, path)
        self._checkpoint.put(place)
        self._files[source.key] = Followed(source, place)

    def _copied_from(self, path: str, source: Plain | Zipped) -> Place | None:
        """The place in a file whose copy this seems to be: its name begins with the other's, and so do its bytes."""
        for place in list(self._checkpoint.places.values()):
            beside = path != place.path and path.startswith(place.path)
            if beside and place.offset and place.begins(source.at):
                return place
        return None

    def _find_again(self, place: Place) -> None:
        """Open a file of the checkpoint that no pattern finds: it was renamed, or compressed, while nobody looked."""
        if not self._rescue(place) and Path(place.path).parent.is_dir():
            self._say(f"{place.path} (inode {place.key}) is no longer there; what was not sent of it is lost")
        if place.key not in self._files:
            self._checkpoint.forget(place.key)

    def _rescue(self, place: Place) -> bool:
        """Look beside a file for one that has what was read of it, to read the rest from there."""
        for path in _matching(glob.escape(place.path) + "*"):
            source = _opened(path)
            if source is None:
                continue
            known = self._files.get(source.key)
            fits = source.size(place.offset) >= place.offset and place.fits(source.at)
            # A file of which nothing was sent is known by its inode alone.
            fits = fits and (place.offset > 0 or source.key == place.key)
            if known is None and fits:
                found = Place(source.key, place.service, place.path, place.offset, place.head, place.tail)
                self._checkpoint.put(found)
                self._files[source.key] = Followed(source, found, gone=True)
                self._missed(place, source.written())
                return True
            source.close()
            if known is not None and fits and known.place.key != place.key:
                return True
        return False

    def _missed(self, place: Place, written: int) -> None:
        """Open the rotated files beside a path that are younger than the one that was known, and that nobody knows."""
        for path in _matching(glob.escape(place.path) + "[.-]*"):
            if not _ROTATED_NAME.fullmatch(path.removeprefix(place.path)) or not Path(path).is_file():
                continue
            source = _opened(path)
            if source is None:
                continue
            copied = any(known.offset and known.begins(source.at) for known in self._checkpoint.places.values())
            if source.key in self._files or copied or source.written() <= written:
                source.close()
                continue
            found = Place(source.key, place.service, place.path)
            self._checkpoint.put(found)
            self._files[source.key] = Followed(source, found, gone=True)

    def read(
        self, *, flush: bool = False, waiting: Callable[[str], bool] = lambda _: False
    ) -> Iterator[tuple[Followed, bytes]]:
        """What is new of each file: whole records, at most one batch. ``flush`` holds nothing back.

        Files of services that are ``waiting`` are not read.
        """
        for one in sorted(self._files.values(), key=lambda file: not file.gone):
            if waiting(one.place.service):
                continue
            now = time.monotonic()
            data = self._new(one, now, flush=flush)
            if data:
                yield one, data
            elif one.gone and now - one.grown > LINGER:
                one.source.close()
                del self._files[one.place.key]
                self._checkpoint.forget(one.place.key)

    def _new(self, one: Followed, now: float, *, flush: bool) -> bytes:
        offset = one.place.offset
        size = one.source.size(offset)
        if size != one.seen:
            full = size - offset >= text.BATCH_BYTES
            one.seen, one.grown, one.due = size, now, now if full else max(now, one.sent + GATHER)
        if size == offset or (now < one.due and not flush):
            return b""
        if size < offset or (isinstance(one.source, Plain) and not one.place.fits(one.source.at)):
            self._cut(one)
            offset = 0
        data = one.source.at(offset, text.BATCH_BYTES)
        quiet = now - one.grown
        partial = flush or quiet >= HOLD_PARTIAL
        end = text.end_of_whole(data, flush=partial or quiet >= HOLD, flush_partial=partial)
        # More than one batch waits: go on with the next at once. Else look again when it has grown or has held long.
        one.due = now if end and size > offset + len(data) else one.grown + (HOLD if quiet < HOLD else HOLD_PARTIAL)
        return data[:end]

    def _cut(self, one: Followed) -> None:
        """A file was cut to nothing and begun again."""
        old = one.place
        one.place = Place(old.key, old.service, old.path)
        self._rescue(old)
        self._checkpoint.put(one.place)

    def accepted(self, one: Followed, data: bytes) -> None:
        """These bytes of a file were acknowledged."""
        one.place, one.sent = one.place.after(data), time.monotonic()
        self._checkpoint.put(one.place)

    def _say_once(self, message: str) -> None:
        if message not in self._said and len(self._said) < 10_000:
            self._said.add(message)
            self._say(message)


def _opened(path: str) -> Plain | Zipped | None:
    """A file, or nothing when it cannot be read."""
    try:
        return Zipped(path) if path.endswith(ZIPPED) else Plain(path)
    except OSError:
        return None


def _matching(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute, which Path.glob refuses


def _is_fresh(path: str) -> bool:
    with suppress(OSError):
        return time.time() - Path(path).stat().st_mtime < COPYING
    return False
