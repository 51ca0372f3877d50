"""Rows of one table, read and locked without loss, by a condition or by their keys."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add, itemgetter
from typing import Any

from mainstay.restore.sqldesk.domain.images import Key, Row
from mainstay.restore.sqldesk.engines.base import Table
from mainstay.restore.sqldesk.engines.session import Session

AT_ONCE = 500
# A range is read whole, and what does not belong thrown away, where at least one row in this many belongs.
SPARSE = 3


@dataclass(frozen=True)
class Wanted:
    """What a query selects, and how its rows are taken apart. ``hidden`` values stand in front of the columns."""

    sql: str
    places: tuple[int, ...]
    hidden: int

    def keyed(self, found: Sequence[Sequence[Any]]) -> dict[Key, Row]:
        """Rows by their key. Without a key they are numbered."""
        whole = found if not self.hidden else [row[self.hidden :] for row in found]
        if not self.places:
            return {(place,): tuple(row) for place, row in enumerate(whole)}
        # By columns instead of by rows: all of it runs in C.
        keys = zip(*(map(itemgetter(place), found) for place in self.places), strict=True)
        return dict(zip(keys, map(tuple, whole), strict=True))


def wanted(
    session: Session, table: Table, key: Sequence[str], alias: str, columns: Sequence[str] | None = None
) -> Wanted:
    """The columns of a row, all of them unless they are named, and in front what its key needs besides."""
    engine, quoted = session.engine, session.engine.quote(alias)
    known = {column.name: engine.read_value(table, column, quoted) for column in table.columns}
    shown = list(known if columns is None else columns)
    front = [] if set(key) <= set(shown) else list(key)
    listed = [known.get(name, f"{quoted}.{engine.quote(name)}") for name in [*front, *shown]]
    places = range(len(front)) if front else (shown.index(name) for name in key)
    return Wanted(", ".join(listed), tuple(places), len(front))


def overlaid(
    table: Table, before: Mapping[Key, Row], after: Mapping[Key, Row], columns: Sequence[str]
) -> dict[Key, Row]:
    """Whole rows, from those before and the columns that can have changed; those that are gone are left out."""
    keys = list(before) if before.keys() == after.keys() else [key for key in before if key in after]
    names = [column.name for column in table.columns]
    # A row before and its values after, joined, have every value at a known place: all of it runs in C.
    places = [len(names) + columns.index(name) if name in columns else place for place, name in enumerate(names)]
    joined = map(add, map(before.__getitem__, keys), map(after.__getitem__, keys))
    # One place alone would be picked as a bare value.
    whole = map(itemgetter(*places), joined) if len(places) > 1 else ((row[places[0]],) for row in joined)
    return dict(zip(keys, whole, strict=True))


def by_keys(
    session: Session,
    table: Table,
    key: Sequence[str],
    keys: Iterable[Key],
    *,
    lock: bool = True,
    columns: Sequence[str] | None = None,
) -> dict[Key, Row]:
    """The rows with these keys, as this transaction sees them; those that are gone are left out."""
    asked = wanted(session, table, key, table.name.name, columns)
    source = source_of(session, table)
    found: dict[Key, Row] = {}
    listed = list(keys)
    span = _span(table, key, listed) if not lock else None
    if span is not None:
        column = session.engine.quote(key[0])
        marks = f"{column} >= {session.engine.marker} AND {column} <= {session.engine.marker}"
        rows = asked.keyed(session.run(f"SELECT {asked.sql} FROM {source} WHERE {marks}", list(span)).rows)
        mine = set(listed)
        return rows if len(rows) == len(mine) else {one: row for one, row in rows.items() if one in mine}
    for part in parts(listed):
        condition, values = session.engine.matching(table, key, part)
        sql = f"SELECT {asked.sql} FROM {source} WHERE {condition}{session.engine.lock if lock else ''}"
        found.update(asked.keyed(session.run(sql, values).rows))
    return found


def _span(table: Table, key: Sequence[str], keys: Sequence[Key]) -> tuple[int, int] | None:
    """The first and last of many whole numbers that lie close together; nothing for other keys."""
    column = table.column(key[0]) if len(key) == 1 else None
    if len(keys) <= AT_ONCE or column is None or "int" not in column.type.lower():
        return None
    try:
        numbers = [int(one[0]) for one in keys]
    except (TypeError, ValueError):
        return None
    low, high = min(numbers), max(numbers)
    return (low, high) if high - low < SPARSE * len(numbers) else None


def pointing_at(
    session: Session, table: Table, key: Sequence[str], columns: Sequence[str], targets: Iterable[Key]
) -> dict[Key, Row]:
    """The rows whose foreign key has one of these values, locked."""
    asked = wanted(session, table, key, table.name.name)
    found: dict[Key, Row] = {}
    for part in parts(sorted(set(targets), key=repr)):
        condition, values = session.engine.matching(table, columns, part)
        sql = f"SELECT {asked.sql} FROM {source_of(session, table)} WHERE {condition}{session.engine.lock}"
        rows = asked.keyed(session.run(sql, values).rows)
        found.update(rows if key else {(len(found) + place,): row for place, row in enumerate(rows.values())})
    return found


def source_of(session: Session, table: Table) -> str:
    """The table as it stands in a statement."""
    quote = session.engine.quote
    return f"{quote(table.name.schema)}.{quote(table.name.name)}" if table.name.schema else quote(table.name.name)


def parts(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Keys in lots that every database takes in one statement."""
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def values_of(table: Table, rows: Iterable[Row], columns: Sequence[str]) -> list[Key]:
    """The values of some columns of rows, but for those in which one is NULL: such a row is pointed at by nothing."""
    places = [next(place for place, one in enumerate(table.columns) if one.name == name) for name in columns]
    found = [tuple(row[place] for place in places) for row in rows]
    return [one for one in found if None not in one]
