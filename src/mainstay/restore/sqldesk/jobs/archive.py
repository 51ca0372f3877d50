"""Rows as Parquet: one file a batch, on disk and read back before the rows it holds are deleted.

A file is written part by part in a thread of its own, so that the database goes on sending meanwhile.

Values are those that ``Engine.read_value`` gives, so that nothing is rounded: text, but for whole numbers, doubles and
bytes. Where a column mixes kinds (SQLite may), each value is JSON. The database's own type stands with each column.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from mainstay.restore.sqldesk.domain.images import Key, dump
from mainstay.restore.sqldesk.engines.base import Column, Table
from mainstay.restore.sqldesk.jobs.files import ArchiveError, Written

# What stands for NULL in CSV, outside of quotes; a text that reads the same stands in quotes.
NULL = "\\N"
_WHOLE = re.compile(r"(tiny|small|medium|big)?int(eger)?\b")


def of_rows(source: Table, found: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows, whose values are in the order of the table's columns, as Arrow."""
    columns = list(zip(*found, strict=True)) if found else [()] * len(source.columns)
    return _table(source, [_array(column, values) for column, values in zip(source.columns, columns, strict=True)])


def of_csv(source: Table, data: bytes) -> pa.Table:
    """Rows that PostgreSQL copied out as CSV, in the order of the table's columns."""
    names = [f"c{place}" for place in range(len(source.columns))]
    read = pa_csv.read_csv(
        pa.BufferReader(data),
        # Threads would take the server's processor, and one block is one chunk.
        pa_csv.ReadOptions(column_names=names, block_size=len(data), use_threads=False),
        pa_csv.ParseOptions(newlines_in_values=True),
        pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[NULL],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    columns = [column.combine_chunks() for column in read.columns]
    return _table(source, [_typed(*pair) for pair in zip(source.columns, columns, strict=True)])


def keys_of(rows: pa.Table, columns: Sequence[str]) -> list[Key]:
    """What rows have in these columns, as text."""
    return list(zip(*(pc.cast(rows[name], pa.string()).to_pylist() for name in columns), strict=True))


def keys_in(path: Path, rows: int, columns: Sequence[str]) -> list[Key]:
    """The keys of the rows that a file holds. Raises ``ArchiveError``."""
    return keys_of(_read(path, rows), columns)


def _table(source: Table, arrays: Sequence[pa.Array]) -> pa.Table:
    fields = [
        pa.field(column.name, array.type, metadata={"type": column.type})
        for column, array in zip(source.columns, arrays, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"table": str(source.name)}))


def _array(column: Column, values: Sequence[Any]) -> pa.Array:
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        try:
            texts = pa.array(values, pa.string())
        except UnicodeEncodeError:
            return _as_json(values)
        try:
            return _typed(column, texts)
        except pa.ArrowInvalid:  # SQLite lets any text into a column of numbers.
            return texts
    if len(kinds) > 1 or not kinds <= {int, float, bytes}:
        return _as_json(values)
    return pa.array(values)


def _as_json(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if one is None else dump(one).decode() for one in values], pa.string())


def _typed(column: Column, found: pa.Array) -> pa.Array:
    """Whole numbers and doubles as such; everything else stays text, which is exact."""
    kind = column.type.lower()
    if _WHOLE.match(kind) and "unsigned" not in kind and "[" not in kind:
        return pc.cast(found, pa.int64())
    return pc.cast(found, pa.float64()) if kind in {"double", "double precision"} else found


class Writing:
    """A file in the making. What goes wrong beside is raised by what ``finish`` gives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = path.with_name(f".{path.name}.part")
        self._beside = ThreadPoolExecutor(1)
        self._parts: list[pa.Table] = []
        self._adding: list[Future[None]] = []
        self._file: IO[bytes] | None = None
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        """Nothing is on disk before the first part."""
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.shutdown(cancel_futures=True)
        if self._file is not None:
            self._file.close()
        self._fresh.unlink(missing_ok=True)

    def add(self, part: pa.Table) -> None:
        """Have the next rows written."""
        self._parts.append(part)
        self._adding.append(self._beside.submit(self._add, part))

    @property
    def rows(self) -> pa.Table | None:
        """What was added, or nothing."""
        return pa.concat_tables(self._parts) if self._parts else None

    def finish(self) -> "Future[Written]":
        """Have the file forced to disk and read back. Gives ``ArchiveError`` unless it holds what was added."""
        return self._beside.submit(self._finish)

    def _add(self, part: pa.Table) -> None:
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self._fresh.open("wb")
            # Old rows rarely repeat a value, so that dictionaries would cost time and save nothing.
            self._writer = pq.ParquetWriter(
                self._file, part.schema, compression="zstd", compression_level=1, use_dictionary=False
            )
        self._writer.write_table(part)

    def _finish(self) -> Written:
        for one in self._adding:
            one.result()
        wanted = self.rows
        if wanted is None or self._writer is None or self._file is None:
            raise ArchiveError(f"{self._path.name} was given no rows")
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._fresh.replace(self._path)
        _sync_folder(self._path.parent)
        if not _read(self._path, wanted.num_rows).equals(wanted, check_metadata=True):
            raise ArchiveError(f"{self._path.name} holds other rows than were written")
        return Written(self._path, self._path.stat().st_size, _checksum(wanted))


def verify(path: Path, rows: int, checksum: str) -> None:
    """Read a file from disk and compare its rows by number and checksum. Raises ``ArchiveError``."""
    if _checksum(_read(path, rows)) != checksum:
        raise ArchiveError(f"{path.name} holds other rows than were written")


def _read(path: Path, rows: int) -> pa.Table:
    try:
        read = pq.read_table(path, use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise ArchiveError(f"{path.name} cannot be read back: {error}") from error
    if read.num_rows != rows:
        raise ArchiveError(f"{path.name} holds {read.num_rows:,} rows instead of {rows:,}")
    return read


def _checksum(table: pa.Table) -> str:
    """SHA-256 over the rows as one stream of Arrow, whatever chunks they came in."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks(), max_chunksize=1 << 20)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _sync_folder(folder: Path) -> None:
    """A file is there after a crash only if its folder says so."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
