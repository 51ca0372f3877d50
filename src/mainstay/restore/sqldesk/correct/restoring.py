"""Taking a correction back, row by row, in an open transaction."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.correct.apply import Effects, MismatchError, Transaction
from mainstay.restore.sqldesk.correct.tables import FOLLOWS
from mainstay.restore.sqldesk.domain.images import Image, Key, Row, dump, same
from mainstay.restore.sqldesk.domain.statement import StatementError
from mainstay.restore.sqldesk.domain.undo import Decision, Verdict, decide, may_restore
from mainstay.restore.sqldesk.engines.base import Name, Reference, Table
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
    fingerprint: str

    @property
    def digest(self) -> str:
        """SHA-256 over every verdict: what was approved is what is carried out."""
        return hashlib.sha256(
            dump([[str(one.table), one.key, one.decision.verdict, one.goes_back] for one in self.judged])
        ).hexdigest()


def undo(session: Session, kept: Sequence[Kept], accepted: Collection[str]) -> Undone:
    """Decide for every row and take back those that may go back. Nothing is committed here.

    What was deleted comes back from parents to children, what was inserted goes from children to parents. Raises
    ``StatementError`` when a table has no key, or is not what it was.
    """
    transaction = Transaction(session)
    kept = _parent_tables_first(transaction, kept)
    judged: dict[Name, dict[Key, Judged]] = {one.name: _judge(transaction, one, accepted) for one in kept}
    # From children to parents, since whether a row may be deleted depends on what becomes of those that point at it.
    for one in reversed(kept):
        while _spare_referred(transaction, one, judged):
            continue
    going = {name: [row for row in found.values() if row.goes_back] for name, found in judged.items()}
    for one in kept:
        _put_back(transaction, one, going[one.name])
    for one in reversed(kept):
        table = transaction.tables.get(one.name)
        _delete(transaction, table, one, [row.key for row in going[one.name] if row.before is None])
    for one in kept:
        image = transaction.image(transaction.tables.get(one.name))
        changed = [row.key for row in going[one.name]]
        image.became(changed, rows.by_keys(session, image.table, one.key, changed, lock=False))
        _prove(image, going[one.name])
    every = tuple(row for found in judged.values() for row in found.values())
    transaction.effects.counts.append(sum(row.goes_back for row in every))
    return Undone(transaction.settle(), every, transaction.tables.fingerprint())


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


def _judge(transaction: Transaction, kept: Kept, accepted: Collection[str]) -> dict[Key, Judged]:
    """Look at the rows as they are, locked, and decide for each, but for what points at it."""
    table = transaction.tables.get(kept.name)
    if not kept.key:
        raise StatementError(f"{kept.name} has no key that identifies the rows, so nothing of it can be undone here")
    if tuple(column.name for column in table.columns) != kept.columns:
        raise StatementError(f"{kept.name} has other columns than when it was corrected: correct it by hand")
    image = transaction.image(table)
    image.key = kept.key
    now = rows.by_keys(transaction.session, table, kept.key, kept.pairs)
    image.saw(now)
    generated = frozenset(column.name for column in table.columns if column.generated)
    judged = {}
    for key, (before, after) in kept.pairs.items():
        current = now.get(key)
        decision = decide(kept.columns, generated, before, after, current)
        row = Judged(kept.name, key, before, after, current, decision, goes_back=False)
        judged[key] = replace(row, goes_back=may_restore(decision, accepted=row.ident in accepted))
    return judged


def _spare_referred(transaction: Transaction, kept: Kept, judged: dict[Name, dict[Key, Judged]]) -> bool:
    """Keep inserted rows that others point at by now. Returns whether that changed anything."""
    table = transaction.tables.get(kept.name)
    leaving = {key: row for key, row in judged[kept.name].items() if row.goes_back and row.before is None}
    changed = False
    for reference in table.referenced_by if leaving else ():
        places = [kept.columns.index(name) for name in reference.to_columns]
        targets = {tuple((row.now or ())[place] for place in places): key for key, row in leaving.items()}
        for target in _pointed_at(transaction, reference, [one for one in targets if None not in one], judged):
            key = targets.get(target)
            if key is not None:
                said = f"rows of {reference.table} ({reference.name})"
                decision = decide(kept.columns, frozenset(), None, leaving[key].after, leaving[key].now, said)
                judged[kept.name][key] = replace(leaving[key], decision=decision, goes_back=False)
                changed = True
    return changed and any(one.table == table.name for one in table.referenced_by)


def _pointed_at(
    transaction: Transaction,
    reference: Reference,
    targets: Sequence[Key],
    judged: Mapping[Name, Mapping[Key, Judged]],
) -> set[Key]:
    """Those of the values that rows point at which stay: rows of others, or of the correction that do not go back."""
    if not targets:
        return set()
    child = transaction.tables.get(reference.table)
    columns = [one.name for one in child.columns]
    known = judged.get(child.name, {})
    key = transaction.effects.images[child.name].key if known else child.key
    staying = set()
    for one, row in rows.pointing_at(transaction.session, child, key, reference.columns, targets).items():
        ours = known.get(one)
        points = tuple(row[columns.index(name)] for name in reference.columns)
        was = ours.before if ours is not None and ours.goes_back else row
        if was is not None and tuple(was[columns.index(name)] for name in reference.columns) == points:
            staying.add(points)
    return staying


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


def _prove(image: Image, judged: Sequence[Judged]) -> None:
    """What went back must now be what it was; a trigger may have thought otherwise."""
    generated = {column.name for column in image.table.columns if column.generated}
    for row in judged:
        now = image.after.get(row.key)
        # Of a row that changed elsewhere since, only what went back is as it was; any other is whole.
        back = row.decision.columns if row.decision.verdict == Verdict.TOUCHED else image.columns
        wanted = [place for place, name in enumerate(image.columns) if name in {*back} - generated]
        if not same(now, row.before, wanted):
            raise MismatchError(
                f"{image.table.name} {list(row.key)}: it is not what it was after the undo; a trigger changes it"
            )


def restored(judged: Sequence[Judged]) -> dict[str, int]:
    """How many rows got each verdict."""
    counts: dict[str, int] = {}
    for row in judged:
        counts[row.decision.verdict] = counts.get(row.decision.verdict, 0) + 1
    return {verdict: counts[verdict] for verdict in Verdict if verdict in counts}
