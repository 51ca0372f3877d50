"""The files of a bundle: in folders, archives and compressed files, one in another.

Nothing is extracted by name, so that a name such as ``../../etc/passwd`` is but text. Everything is a stream; only what
must be read from its end (a zip or Parquet file inside of another archive) is put into a temporary file without a name.
"""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

# Below this many bytes no ratio is looked at: a small file of blanks shrinks as much as a bomb.
_RATIO_FROM = 100_000_000
_PIECE = 1 << 20
BROKEN = (
    *(OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
    pa.ArrowInvalid,
)


class BombError(ValueError):
    """A file unpacks to more than is allowed; the text names the setting."""


@dataclass(frozen=True)
class Limits:
    """``ratio`` is unpacked to packed size of one file of the bundle, ``nesting`` how deep archives may lie."""

    total_mb: int
    ratio: int
    files: int
    nesting: int


class Budget:
    """What may still be unpacked: in all, and of the file at hand."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._total, self._files, self._here, self._packed = 0, 0, 0, 1

    def begin(self, packed: int) -> None:
        """A file of the bundle with so many bytes."""
        self._here, self._packed = 0, max(packed, 1)

    def a_file(self) -> None:
        """One more file was found."""
        self._files += 1
        if self._files > self.limits.files:
            raise BombError(f"more than {self.limits.files} files; raise import_max_files if that is right")

    def take(self, count: int) -> None:
        """So many more bytes were unpacked."""
        self._total += count
        self._here += count
        if self._total > self.limits.total_mb * 1_000_000:
            raise BombError(f"unpacks to more than {self.limits.total_mb} MB; raise import_max_mb if that is right")
        if self._here > max(_RATIO_FROM, self._packed * self.limits.ratio):
            raise BombError(
                f"unpacks to more than {self.limits.ratio} times its size; raise import_max_ratio if that is right"
            )


class Stream(io.RawIOBase):
    """What a file unpacks to. Counts against the budget, and can be looked at before it is read."""

    def __init__(self, inner: IO[bytes], budget: Budget) -> None:
        super().__init__()
        self._inner, self._budget, self._ahead = inner, budget, b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read."""
        while len(self._ahead) < size:
            more = self._read(size - len(self._ahead))
            if not more:
                break
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes; fewer only at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        parts, missing = [self._ahead[:size]], size - len(self._ahead[:size])
        self._ahead = self._ahead[size:]
        while missing > 0:
            more = self._read(missing)
            if not more:
                break
            parts.append(more)
            missing -= len(more)
        return b"".join(parts)

    def _read(self, size: int) -> bytes:
        data = self._inner.read(min(size, 8 * _PIECE))
        self._budget.take(len(data))
        return bytes(data)


@dataclass
class Member:
    """A file of text (or Parquet) with the names of what it lies in, and its bytes; ``problem`` if it has none."""

    name: str
    stream: Stream | None
    problem: str = ""


_TEXT_STREAMS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda file: pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"),
}
_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".tgz", ".tbz2", ".txz")


def paths_of(given: Path) -> Iterator[Path]:
    """The files of a path, folders walked in order; links to folders are not followed."""
    if not given.is_dir():
        yield given
        return
    for folder, below, names in os.walk(given):
        below.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield path


def members_of(path: Path, budget: Budget) -> Iterator[Member]:
    """What is in one file of a bundle. Raises ``BombError``; what is broken is a member with a problem."""
    try:
        budget.begin(path.stat().st_size)
        with path.open("rb") as file:
            yield from _inside(str(path), Stream(file, budget), budget, 0)
    except BROKEN as error:
        yield Member(str(path), None, _why(error))


def _inside(name: str, stream: Stream, budget: Budget, depth: int) -> Iterator[Member]:
    head = stream.peek(512)
    is_archive = head.startswith(b"PK\x03\x04") or head[257:262] == b"ustar"
    unpacker = next((call for magic, call in _TEXT_STREAMS.items() if head.startswith(magic)), None)
    if (is_archive or unpacker) and depth >= budget.limits.nesting:
        raise BombError(f"{name}: archives lie deeper than {budget.limits.nesting}; raise import_max_nesting")
    try:
        if unpacker:
            short = next((name.removesuffix(end) for end in _ENDINGS if name.endswith(end)), name)
            with unpacker(stream) as inner:
                yield from _inside(short, Stream(inner, budget), budget, depth + 1)
        elif head.startswith(b"PK\x03\x04"):
            yield from _of_zip(name, stream, budget, depth)
        elif is_archive:
            yield from _of_tar(name, stream, budget, depth)
        else:
            budget.a_file()
            yield Member(name, stream)
    except BROKEN as error:
        yield Member(name, None, _why(error))


def _of_zip(name: str, stream: Stream, budget: Budget, depth: int) -> Iterator[Member]:
    with spooled(stream) as whole, zipfile.ZipFile(whole) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            inner_name = f"{name}!/{info.filename}"
            if info.flag_bits & 1:
                yield Member(inner_name, None, "it is encrypted; unpack it with its password first")
                continue
            with archive.open(info) as inner:
                yield from _inside(inner_name, Stream(inner, budget), budget, depth + 1)


def _of_tar(name: str, stream: Stream, budget: Budget, depth: int) -> Iterator[Member]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            if not info.isreg():
                continue
            inner = archive.extractfile(info)
            if inner is not None:
                yield from _inside(f"{name}!/{info.name}", Stream(inner, budget), budget, depth + 1)


def spooled(stream: Stream) -> IO[bytes]:
    """The rest of a stream as a file that can be read from any place; large ones on disk, without a name."""
    file = tempfile.SpooledTemporaryFile(max_size=64_000_000)  # noqa: SIM115 - the caller closes it
    while data := stream.read(_PIECE):
        file.write(data)
    file.seek(0)
    return file


def _why(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot be read to its end: {text or type(error).__name__}"
