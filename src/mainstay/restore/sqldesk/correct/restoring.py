"""Taking a correction back, row by row, in an open transaction."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.correct.apply import Effects, MismatchError, Transaction
from mainstay.restore.sqldesk.correct.tables import FOLLOWS
from mainstay.restore.sqldesk.domain.images import Key, Row, dump
from mainstay.restore.sqldesk.domain.statement import StatementError
from mainstay.restore.sqldesk.domain.undo import Decision, Verdict, decide, may_restore
from mainstay.restore.sqldesk.engines.base import Name, Table
from mainstay.restore.sqldesk.engines.session import Session

Pairs = Mapping[Key, tuple[Row | None, Row | None]]


@dataclass(frozen=True)
class Kept:
    """The stored image of one table, over all batches of a correction."""

    name: Name
    key: tuple[str, ...]
    columns: tuple[str, ...]
    pairs: Pairs


@dataclass(frozen=True)
class Judged:
    """One row with what was decided for it. ``now`` is the row as it is."""

    table: Name
    key: Key
    before: Row | None
    after: Row | None
    now: Row | None
    decision: Decision
    goes_back: bool

    @property
    def ident(self) -> str:
        """By which a person accepts it: the hash of its table and key."""
        return hashlib.sha256(dump([str(self.table), self.key])).hexdigest()[:16]


@dataclass(frozen=True)
class Undone:
    """What an undo saw and did."""

    effects: Effects
    judged: tuple[Judged, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over every verdict: what was approved is what is carried out."""
        return hashlib.sha256(
            dump([[str(one.table), one.key, one.decision.verdict, one.goes_back] for one in self.judged])
        ).hexdigest()


def undo(session: Session, kept: Sequence[Kept], accepted: Collection[str]) -> Undone:
    """Decide for every row and take back those that may go back. Nothing is committed here.

    What was deleted comes back from parents to children, what was inserted goes from children to parents. Raises ``StatementError`` when a table has no key, or is not
    what it was.
    """
    transaction = Transaction(session)
    kept = _parent_tables_first(transaction, kept)
    judged: list[Judged] = []
    ours = {one.name: {key for key, (before, _) in one.pairs.items() if before is None} for one in kept}
    for one in kept:
        judged += _judge(transaction, one, ours, accepted)
    for one in kept:
        _put_back(transaction, one, [row for row in judged if row.table == one.name and row.goes_back])
    for one in reversed(kept):
        table = transaction.tables.get(one.name)
        gone = [row for row in judged if row.table == one.name and row.goes_back and row.before is None]
        _delete(transaction, table, one, [row.key for row in gone])
    for one in kept:
        image = transaction.image(transaction.tables.get(one.name))
        changed = [row.key for row in judged if row.table == one.name and row.goes_back]
        image.became(changed, rows.by_keys(session, image.table, one.key, changed, lock=False))
    transaction.effects.counts.append(sum(row.goes_back for row in judged))
    _prove(transaction, judged)
    return Undone(transaction.settle(), tuple(judged))


def _parent_tables_first(transaction: Transaction, kept: Sequence[Kept]) -> list[Kept]:
    """In an order in which a table comes after those that it points at, as far as there is one."""
    waiting, found = list(kept), []
    while waiting:
        names = {one.name for one in waiting}
        free = [
            one
            for one in waiting
            if not any(
                reference.to in names and reference.to != one.name
                for reference in transaction.tables.get(one.name).references
            )
        ]
        found += free or waiting
        waiting = [one for one in waiting if free and one not in free]
    return found


def _judge(
    transaction: Transaction, kept: Kept, ours: Mapping[Name, Collection[Key]], accepted: Collection[str]
) -> list[Judged]:
    session = transaction.session
    table = transaction.tables.get(kept.name)
    if not kept.key:
        raise StatementError(f"{kept.name} has no key that identifies the rows, so nothing of it can be undone here")
    if tuple(column.name for column in table.columns) != kept.columns:
        raise StatementError(f"{kept.name} has other columns than when it was corrected: correct it by hand")
    image = transaction.image(table)
    image.key = kept.key
    now = rows.by_keys(session, table, kept.key, kept.pairs)
    image.saw({key: row for key, row in now.items() if key in kept.pairs})
    generated = frozenset(column.name for column in table.columns if column.generated)
    referring = _referring(transaction, table, kept, ours)
    judged = []
    for key, (before, after) in kept.pairs.items():
        current = now.get(key)
        decision = decide(kept.columns, generated, before, after, current, referring.get(key, ""))
        row = Judged(kept.name, key, before, after, current, decision, goes_back=False)
        goes_back = may_restore(decision, accepted=row.ident in accepted)
        judged.append(Judged(kept.name, key, before, after, current, decision, goes_back))
    return judged


def _referring(
    transaction: Transaction, table: Table, kept: Kept, ours: Mapping[Name, Collection[Key]]
) -> dict[Key, str]:
    """For rows that the correction inserted: which rows of others point at them by now."""
    inserted = {key: after for key, (before, after) in kept.pairs.items() if before is None and after is not None}
    found: dict[Key, str] = {}
    for reference in table.referenced_by if inserted else ():
        child = transaction.tables.get(reference.table)
        child_key = child.key
        places = [[one.name for one in table.columns].index(name) for name in reference.to_columns]
        pointed = {tuple(row[place] for place in places): key for key, row in inserted.items()}
        targets = [one for one in pointed if None not in one]
        hit = rows.pointing_at(transaction.session, child, child_key, reference.columns, targets) if targets else {}
        columns = [one.name for one in child.columns]
        for key, row in hit.items():
            if key in ours.get(child.name, ()):
                continue
            target = tuple(row[columns.index(name)] for name in reference.columns)
            if target in pointed:
                found[pointed[target]] = f"rows of {child.name} ({reference.name})"
    return found


def _put_back(transaction: Transaction, kept: Kept, judged: Sequence[Judged]) -> None:
    table = transaction.tables.get(kept.name)
    deleted = [row for row in judged if row.before is not None and row.now is None]
    updates: dict[tuple[str, ...], list[Judged]] = {}
    for row in judged:
        if row.before is not None and row.now is not None:
            updates.setdefault(row.decision.columns, []).append(row)
    for columns, found in updates.items():
        _update(transaction, table, kept, columns, found)
    _insert(transaction, table, kept, deleted)


def _update(
    transaction: Transaction, table: Table, kept: Kept, columns: Sequence[str], judged: Sequence[Judged]
) -> None:
    session, engine = transaction.session, transaction.session.engine
    _refuse_moving(transaction, table, columns, judged)
    known = {column.name: column for column in table.columns}
    written = ", ".join(f"{engine.quote(name)} = {engine.write_value(known[name])}" for name in columns)
    places = [kept.columns.index(name) for name in columns]
    condition, _ = engine.matching(table, kept.key, [judged[0].key])
    values = []
    for row in judged:
        _, bound = engine.matching(table, kept.key, [row.key])
        values.append([*((row.before or ())[place] for place in places), *bound])
    sql = f"UPDATE {rows.source_of(session, table)} SET {written} WHERE {condition}"
    matched = session.many(sql, values)
    if matched not in {len(judged), -1}:
        raise MismatchError(f"{table.name}: {matched:,} of {len(judged):,} rows could be restored")
    transaction.effects.note(table, "UPDATE", len(judged))


def _refuse_moving(transaction: Transaction, table: Table, columns: Sequence[str], judged: Sequence[Judged]) -> None:
    """A foreign key that follows would carry rows along which came later."""
    names = {one.lower() for one in columns}
    for reference in table.referenced_by:
        if reference.on_update in FOLLOWS and names & {one.lower() for one in reference.to_columns}:
            targets = rows.values_of(table, [row.now for row in judged if row.now], reference.to_columns)
            child = transaction.tables.get(reference.table)
            if rows.pointing_at(transaction.session, child, child.key, reference.columns, targets):
                raise StatementError(
                    f"rows of {child.name} follow {', '.join(reference.to_columns)} of {table.name} by a foreign key, "
                    "and some may be later work: correct it by hand"
                )


def _insert(transaction: Transaction, table: Table, kept: Kept, judged: Sequence[Judged]) -> None:
    if not judged:
        return
    session, engine = transaction.session, transaction.session.engine
    columns = [column for column in table.columns if not column.generated]
    names = [engine.quote(column.name) for column in columns]
    marks = [engine.write_value(column) for column in columns]
    places = [kept.columns.index(column.name) for column in columns]
    if table.row_id:
        names, marks = ["rowid", *names], ["?", *marks]
    system = " OVERRIDING SYSTEM VALUE" if any(column.identity_always for column in columns) else ""
    sql = f"INSERT INTO {rows.source_of(session, table)} ({', '.join(names)}){system} VALUES ({', '.join(marks)})"
    for lot in _parents_first(table, kept, judged):
        values: list[list[Any]] = []
        for row in lot:
            front = list(row.key) if table.row_id else []
            values.append([*front, *((row.before or ())[place] for place in places)])
        session.many(sql, values)
    transaction.effects.note(table, "INSERT", len(judged))


def _parents_first(table: Table, kept: Kept, judged: Sequence[Judged]) -> list[list[Judged]]:
    """Rows in lots, so that a row comes after those of its own table that it points at."""
    own = [one for one in table.references if one.to == table.name]
    if not own:
        return [list(judged)]
    waiting, lots = list(judged), []
    while waiting:
        pending = {
            reference.name: {
                tuple((row.before or ())[kept.columns.index(n)] for n in reference.to_columns) for row in waiting
            }
            for reference in own
        }

        def free(row: Judged, pending: Mapping[str, Collection[Any]] = pending) -> bool:
            before = row.before or ()
            for reference in own:
                points = tuple(before[kept.columns.index(name)] for name in reference.columns)
                itself = tuple(before[kept.columns.index(name)] for name in reference.to_columns)
                if points != itself and points in pending[reference.name]:
                    return False
            return True

        lot = [row for row in waiting if free(row)]
        if not lot:
            raise StatementError(f"rows of {table.name} point at each other in a circle: correct them by hand")
        lots.append(lot)
        taken = {row.key for row in lot}
        waiting = [row for row in waiting if row.key not in taken]
    return lots


def _delete(transaction: Transaction, table: Table, kept: Kept, keys: Sequence[Key]) -> None:
    session = transaction.session
    for part in rows.parts(keys):
        condition, values = session.engine.matching(table, kept.key, part)
        count = session.run(f"DELETE FROM {rows.source_of(session, table)} WHERE {condition}", values).count
        if count != len(part):
            raise MismatchError(f"{table.name}: {count:,} of {len(part):,} inserted rows could be deleted")
    transaction.effects.note(table, "DELETE", len(keys))


def _prove(transaction: Transaction, judged: Sequence[Judged]) -> None:
    """What went back must now be what it was, column by column; a trigger may have thought otherwise."""
    for name, image in transaction.effects.images.items():
        generated = {column.name for column in image.table.columns if column.generated}
        for row in judged:
            if row.table != name or not row.goes_back:
                continue
            now = image.after.get(row.key)
            wanted = set(row.decision.columns) - generated
            if (row.before is None) != (now is None) or any(
                now is not None and row.before is not None and now[place] != row.before[place]
                for place, column in enumerate(image.columns)
                if column in wanted
            ):
                raise MismatchError(
                    f"{name} {list(row.key)}: it is not what it was after the undo; a trigger changes it"
                )


def restored(judged: Sequence[Judged]) -> dict[str, int]:
    """How many rows got each verdict."""
    counts: dict[str, int] = {}
    for row in judged:
        counts[row.decision.verdict] = counts.get(row.decision.verdict, 0) + 1
    return {verdict: counts[verdict] for verdict in Verdict if verdict in counts}
