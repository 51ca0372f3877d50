"""Rows as Parquet: one file a batch, on disk and read back before the rows it holds are deleted.

Values are those that ``Engine.read_value`` gives, so that nothing is rounded: text, but for whole numbers, doubles and
bytes. Where a column mixes kinds (SQLite may), each value is JSON. The database's own type stands with each column.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from mainstay.restore.sqldesk.domain.images import Key, dump
from mainstay.restore.sqldesk.engines.base import Column, Table
from mainstay.restore.sqldesk.jobs.files import ArchiveError, Written

# What stands for NULL in CSV, outside of quotes; a text that reads the same stands in quotes.
NULL = "\\N"
_WHOLE = ("int", "bigint", "smallint", "tinyint", "mediumint")


def of_rows(source: Table, found: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows, whose values are in the order of the table's columns, as Arrow."""
    columns = list(zip(*found, strict=True)) if found else [()] * len(source.columns)
    return _table(source, [_array(column, values) for column, values in zip(source.columns, columns, strict=True)])


def of_csv(source: Table, data: bytes, width: int) -> tuple[list[Key], pa.Table]:
    """The keys, which stand in front, and the rows of what PostgreSQL copied out as CSV."""
    names = [f"c{place}" for place in range(width + len(source.columns))]
    if not data:
        return [], of_rows(source, [])
    read = pa_csv.read_csv(
        pa.BufferReader(data),
        pa_csv.ReadOptions(column_names=names, block_size=max(len(data), 1)),
        pa_csv.ParseOptions(newlines_in_values=True),
        pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[NULL],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    keys = zip(*(read.column(place).to_pylist() for place in range(width)), strict=True)
    columns = [read.column(width + place).combine_chunks() for place in range(len(source.columns))]
    return list(keys), _table(source, [_typed(*pair) for pair in zip(source.columns, columns, strict=True)])


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
            return _typed(column, pa.array(values, pa.string()))
        except UnicodeEncodeError:
            return _as_json(values)
    if len(kinds) > 1 or not kinds <= {int, float, bytes}:
        return _as_json(values)
    return pa.array(values)


def _as_json(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if one is None else dump(one).decode() for one in values], pa.string())


def _typed(column: Column, found: pa.Array) -> pa.Array:
    """Whole numbers and doubles as such; everything else stays text, which is exact."""
    kind = column.type.lower()
    if kind.startswith(_WHOLE) and "unsigned" not in kind and "[" not in kind:
        return pc.cast(found, pa.int64())
    return pc.cast(found, pa.float64()) if kind in {"double", "double precision"} else found


def write(wanted: pa.Table, path: Path) -> Written:
    """Write a batch, force it to disk, and read it back. Raises ``ArchiveError`` unless it is the same."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.part")
    with fresh.open("wb") as file:
        # Old rows rarely repeat a value, so that dictionaries would cost time and save nothing.
        pq.write_table(wanted, file, compression="zstd", compression_level=1, use_dictionary=False)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)
    if not _read(path, wanted.num_rows).equals(wanted, check_metadata=True):
        raise ArchiveError(f"{path.name} holds other rows than were written")
    return Written(path, path.stat().st_size, _checksum(wanted))


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
