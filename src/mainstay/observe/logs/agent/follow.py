"""Follow files through rotation and truncation, and remember how far each was sent.

A file is known by its device and inode, so that a rename is seen as what it is: the old file is read to its end before
the new one under the same name is begun. The place is written down only after the lines were accepted.
"""

import glob
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 1_000_000


@dataclass
class Followed:
    """One open file: where it is, how far it was read, and how far what was read is accepted."""

    service: str
    path: str
    handle: int
    key: str
    offset: int
    tail: bytes = b""
    gone: bool = field(default=False)


class Follower:
    """Files by glob, each for a service. ``checkpoint`` is a JSON file of places."""

    def __init__(self, patterns: Sequence[tuple[str, str]], checkpoint: Path) -> None:
        self._patterns, self._checkpoint = patterns, checkpoint
        self._files: dict[str, Followed] = {}
        try:
            self._places: dict[str, int] = json.loads(checkpoint.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            self._places = {}

    def look(self) -> None:
        """Find new files under the patterns, and files that have been moved away or cut."""
        seen = set()
        for service, pattern in self._patterns:
            for path in glob.glob(pattern):  # noqa: PTH207 - patterns may be absolute, which Path.glob refuses
                try:
                    stat = Path(path).stat()
                except FileNotFoundError:
                    continue
                key = f"{stat.st_dev}:{stat.st_ino}"
                seen.add(key)
                known = self._files.get(key)
                if known is None:
                    self._open(service, path, key, stat.st_size)
                elif stat.st_size < known.offset:
                    # It was cut to nothing and begun again.
                    known.offset, known.tail = 0, b""
        for key, one in self._files.items():
            one.gone = key not in seen

    def _open(self, service: str, path: str, key: str, size: int) -> None:
        place = self._places.get(key, 0)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._files[key] = Followed(service, path, handle, key, place if place <= size else 0)

    def read(self) -> Iterator[tuple[Followed, str, int]]:
        """What is new: (file, whole lines, the place after them). At most one chunk of each file."""
        for key, one in list(self._files.items()):
            data = os.pread(one.handle, CHUNK, one.offset)
            end = data.rfind(b"\n") + 1
            if not end and one.gone:
                # Nobody will end its last line any more.
                end = len(data)
            if not end and len(data) == CHUNK:
                # A line longer than a chunk is taken in pieces rather than never.
                end = CHUNK
            if end:
                yield one, data[:end].decode("utf-8", "replace"), one.offset + end
            elif one.gone:
                os.close(one.handle)
                del self._files[key]
                self._places.pop(key, None)

    def accepted(self, one: Followed, offset: int) -> None:
        """The lines up to this place were accepted."""
        one.offset = self._places[one.key] = offset

    def save(self) -> None:
        """Write the places down."""
        fresh = self._checkpoint.with_suffix(".new")
        fresh.write_text(json.dumps(self._places), encoding="utf-8")
        fresh.replace(self._checkpoint)
