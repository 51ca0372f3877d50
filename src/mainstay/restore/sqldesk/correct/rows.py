"""Rows of one table, read and locked without loss, by a condition or by their keys."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mainstay.restore.sqldesk.domain.images import Key, Row
from mainstay.restore.sqldesk.engines.base import Table
from mainstay.restore.sqldesk.engines.session import Session

AT_ONCE = 500


def expressions(session: Session, table: Table, key: Sequence[str], alias: str) -> str:
    """What a query selects to get the key and then all columns of a row."""
    engine, quoted = session.engine, session.engine.quote(alias)
    columns = {column.name: engine.read_value(table, column, quoted) for column in table.columns}
    named = [columns.get(name, f"{quoted}.{engine.quote(name)}") for name in key]
    return ", ".join([*named, *columns.values()])


def keyed(rows: Iterable[Sequence[Any]], width: int) -> dict[Key, Row]:
    """Rows by their key, which stands in front. Without a key they are numbered."""
    if not width:
        return {(place,): tuple(row) for place, row in enumerate(rows)}
    return {tuple(row[:width]): tuple(row[width:]) for row in rows}


def by_keys(
    session: Session, table: Table, key: Sequence[str], keys: Iterable[Key], *, lock: bool = True
) -> dict[Key, Row]:
    """The rows with these keys, as this transaction sees them; those that are gone are left out."""
    wanted = expressions(session, table, key, table.name.name)
    source = source_of(session, table)
    found: dict[Key, Row] = {}
    for part in parts(list(keys)):
        condition, values = session.engine.matching(table, key, part)
        sql = f"SELECT {wanted} FROM {source} WHERE {condition}{session.engine.lock if lock else ''}"
        found.update(keyed(session.run(sql, values).rows, len(key)))
    return found


def pointing_at(
    session: Session, table: Table, key: Sequence[str], columns: Sequence[str], targets: Iterable[Key]
) -> dict[Key, Row]:
    """The rows whose foreign key has one of these values, locked."""
    wanted = expressions(session, table, key, table.name.name)
    found: dict[Key, Row] = {}
    for part in parts(sorted(set(targets), key=repr)):
        condition, values = session.engine.matching(table, columns, part)
        sql = f"SELECT {wanted} FROM {source_of(session, table)} WHERE {condition}{session.engine.lock}"
        rows = keyed(session.run(sql, values).rows, len(key))
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
