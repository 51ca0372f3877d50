"""Values of an answer as text, JSON, CSV and Parquet."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
# A cell that begins like this is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
Rows = Iterable[Sequence[Sequence[Any]]]


def plain(value: Any) -> Any:
    """A value as JSON holds it, without loss: large numbers and decimals are text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # Bytes that are no text come from SQLite as lone surrogates, which JSON and files cannot hold.
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return str(value)


def size_of(row: Sequence[Any]) -> int:
    """About how many bytes a row takes."""
    return sum(len(one) if isinstance(one, str | bytes) else len(str(one)) for one in row if one is not None)


def text_of(value: Any) -> str:
    """A value as one cell of text."""
    found = plain(value)
    return (
        "" if found is None else json.dumps(found, ensure_ascii=False) if isinstance(found, dict | list) else str(found)
    )


def export(names: Sequence[str], chunks: Rows, form: str) -> Iterator[bytes]:
    """Rows as a file, piece by piece."""
    return {"csv": _csv, "json": _json, "parquet": _parquet}[form](names, chunks)


def _cell(value: Any) -> str:
    """Text that a spreadsheet takes for text. A number stays a number, also a negative one."""
    text = text_of(value)
    risky = text.startswith(_FORMULA) and not isinstance(value, int | float | Decimal | timedelta)
    return f"'{text}" if risky else text


def _csv(names: Sequence[str], chunks: Rows) -> Iterator[bytes]:
    for rows in (iter([[names]]), chunks):
        for chunk in rows:
            made = io.StringIO()
            csv.writer(made, lineterminator="\r\n").writerows([[_cell(one) for one in row] for row in chunk])
            yield made.getvalue().encode()


def _json(names: Sequence[str], chunks: Rows) -> Iterator[bytes]:
    """An array of objects. Names that come twice get a number, because an object has each once."""
    keys = _distinct(names)
    first = True
    yield b"["
    for chunk in chunks:
        lines = [json.dumps(dict(zip(keys, map(plain, row), strict=True)), ensure_ascii=False) for row in chunk]
        if lines:
            yield (("\n" if first else ",\n") + ",\n".join(lines)).encode()
            first = False
    yield b"\n]\n"


def _distinct(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return made


def _parquet(names: Sequence[str], chunks: Rows) -> Iterator[bytes]:
    """A Parquet file ends with its table of contents, so it is written to disk first. Columns whose values are of one
    kind keep it; others are text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [row for chunk in chunks for row in chunk]
    keys = _distinct(names)
    columns = [_column([row[place] for row in rows]) for place in range(len(keys))]
    with TemporaryDirectory(prefix="mainstay-export-") as folder:
        path = Path(folder) / "rows.parquet"
        pq.write_table(pa.table(dict(zip(keys, columns, strict=True))), path)
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece


def _column(values: Sequence[Any]) -> Any:
    import pyarrow as pa

    kinds = {type(one) for one in values if one is not None}
    if len(kinds) == 1 and kinds <= {bool, int, float, str, bytes, datetime, date, Decimal}:
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError, ValueError):
            pass
    return pa.array([None if one is None else text_of(one) for one in values], pa.string())


def sealed(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Columns and rows as canonical bytes, for a hash."""
    return json.dumps([list(names), [[plain(one) for one in row] for row in rows]], sort_keys=True).encode()
