"""Images: the rows that a transaction changed, before and after, without loss.

A value is what ``Engine.read_value`` gives: PostgreSQL's own text, MySQL's text or bytes, SQLite's value with its type.
Stored, an image is JSON packed by Zstandard: ``{"keys": […], "before": […], "after": […]}``, three lists of the same
length, a row being a list of values in the order of the columns, or null where there was no row.
"""

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import Any

import cramjam
import orjson

from mainstay.restore.sqldesk.engines.base import Name, Table

Key = tuple[Any, ...]
Row = tuple[Any, ...]


@dataclass
class Image:
    """Rows of one table. Without a key, rows are numbered, and nothing can be undone."""

    table: Table
    key: tuple[str, ...]
    before: dict[Key, Row | None] = field(default_factory=dict)
    after: dict[Key, Row | None] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names in the order of the values."""
        return tuple(column.name for column in self.table.columns)

    def saw(self, rows: dict[Key, Row]) -> None:
        """Rows as they are before a statement. What was seen or made earlier in the transaction stands."""
        self.before = {**rows, **self.before}

    def became(self, keys: Iterable[Key], rows: Mapping[Key, Row]) -> None:
        """Rows as they are after it; a key without a row is gone."""
        gone: dict[Key, Row | None] = dict.fromkeys(keys)
        self.before = {**gone, **self.before}
        self.after.update(gone)
        self.after.update(rows)

    def columnwise(self) -> tuple[list[Key], list[Row | None], list[Row | None]]:
        """Keys, before, after of what was changed, but for rows that came and went within the transaction."""
        keys, after = list(self.after), list(self.after.values())
        before = list(map(self.before.get, keys))
        if None not in before or None not in after:
            return keys, before, after
        stayed = [one is not None or other is not None for one, other in zip(before, after, strict=True)]
        return list(compress(keys, stayed)), list(compress(before, stayed)), list(compress(after, stayed))

    def pairs(self) -> Iterable[tuple[Key, Row | None, Row | None]]:
        """The same, row by row."""
        return zip(*self.columnwise(), strict=True)

    def __len__(self) -> int:
        """How many rows it holds."""
        return len(self.columnwise()[0])


@dataclass(frozen=True)
class Packed:
    """The stored form of so many rows, and the SHA-256 of what was packed."""

    rows: bytes
    hash: str
    count: int


def pack(image: Image) -> Packed:
    """Make the stored form."""
    keys, before, after = image.columnwise()
    data = dump({"keys": keys, "before": before, "after": after})
    return Packed(bytes(cramjam.zstd.compress(data, level=1)), hashlib.sha256(data).hexdigest(), len(keys))


def unpack(data: bytes, digest: str) -> list[tuple[Key, Row | None, Row | None]]:
    """Key, before, after. Raises ``ValueError`` when it is not what was packed."""
    plain = bytes(cramjam.zstd.decompress(data))
    if hashlib.sha256(plain).hexdigest() != digest:
        raise ValueError("the stored rows were changed after they were written: they prove nothing any more")
    document = orjson.loads(plain)
    exact = b'{"b64":' not in plain and b'{"float":' not in plain and b'{"text64":' not in plain

    def row(values: list[Any] | None) -> Row | None:
        return None if values is None else tuple(values) if exact else tuple(map(_value, values))

    return [
        (row(key) or (), row(before), row(after))
        for key, before, after in zip(document["keys"], document["before"], document["after"], strict=True)
    ]


def restored_rows(stored: Sequence[Sequence[Any]]) -> list[Row]:
    """Rows that ``dump`` wrote, with what it wrapped taken out again."""
    return [tuple(map(_value, row)) for row in stored]


def dump(document: Any) -> bytes:
    """Values as JSON; what JSON has no form for is wrapped."""
    try:
        data = orjson.dumps(document, default=_wrapped)
        # orjson writes numbers that are not finite as null, which would be another value.
        return orjson.dumps(_exact(document), default=_wrapped) if b"null" in data and _odd(document) else data
    except TypeError:
        return orjson.dumps(_exact(document), default=_wrapped)


def _odd(document: Any) -> bool:
    """Whether a float somewhere is not finite. Only SQLite gives floats, so most rows are done with their types."""
    lists = document.values() if isinstance(document, dict) else [document]
    values = list(chain.from_iterable(row for row in chain.from_iterable(lists) if type(row) in {tuple, list}))
    return float in set(map(type, values)) and any(type(one) is float and not math.isfinite(one) for one in values)


def _wrapped(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"b64": base64.b64encode(bytes(value)).decode()}
    raise TypeError(f"a value of type {type(value).__name__} cannot be kept")


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return {"text64": base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()}
    return value


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    (kind, held), *_ = value.items()
    if kind == "float":
        return float(held)
    data = base64.b64decode(held)
    return data if kind == "b64" else data.decode("utf-8", "surrogateescape")


def same(left: Row | None, right: Row | None, places: Sequence[int]) -> bool:
    """Whether two rows hold the same values, of the same types, in these columns."""
    if left is None or right is None:
        return left is right
    return all(type(left[place]) is type(right[place]) and left[place] == right[place] for place in places)


def name_of(text: str) -> Name:
    """The table of a stored image."""
    schema, _, name = text.partition("\x1f")
    return Name(schema, name)


def stored_name(name: Name) -> str:
    """A table as images store it: names may hold dots."""
    return f"{name.schema}\x1f{name.name}"
