"""One batch: rows are selected, brought to safety where they shall be kept, and deleted, in one transaction.

Selected, archived and deleted are counted against each other before the commit; anything else rolls back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.engines.base import Table
from mainstay.restore.sqldesk.engines.postgres import copied_out
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.jobs.files import Written
from mainstay.restore.sqldesk.jobs.plan import Key, Plan, between, copying, select, within

if TYPE_CHECKING:
    from mainstay.restore.sqldesk.jobs.archive import Writing


class CountError(Exception):
    """The rows of a batch do not add up. It was rolled back."""


@dataclass(frozen=True)
class Done:
    """What a transaction did, before its commit. ``keys`` are nothing where the file has them."""

    rows: int
    first: Key
    last: Key
    keys: list[Key] | None = None
    written: Written | None = None


def carry_out(
    session: Session,
    plan: Plan,
    after: Key | None,
    limit: int,
    *,
    file: Path | None,
    may_go_on: Callable[[], None],
) -> Done | None:
    """Everything but the commit; nothing when no row is left. ``may_go_on`` is called between statements.

    Raises ``CountError``, ``ArchiveError``, ``DeskError``, or what ``may_go_on`` raises.
    """
    if file is not None:
        return _archive(session, plan, after, limit, file, may_go_on)
    width = len(plan.key)
    selected = select(session, plan, after, limit, whole=plan.destination is not None)
    found = {tuple(row[:width]): tuple(row[width:]) for row in selected}
    if not found:
        return None
    read = _done(list(found))
    may_go_on()
    if plan.destination is not None:
        _move(session, plan, plan.destination, found)
        may_go_on()
    _delete(session, plan, read)
    return read


def _delete(session: Session, plan: Plan, read: Done) -> None:
    condition, values = within(session, plan, read.first, read.last)
    deleted = session.run(f"DELETE FROM {rows.source_of(session, plan.source)} WHERE {condition}", values).count
    if deleted != read.rows:
        raise CountError(f"{read.rows:,} rows were selected and {deleted:,} deleted")


def _archive(
    session: Session, plan: Plan, after: Key | None, limit: int, file: Path, may_go_on: Callable[[], None]
) -> Done | None:
    """The file is written while the server sends, and read back while it deletes; both end before the commit."""
    from mainstay.restore.sqldesk.jobs import archive  # Arrow, some 40 MB: for jobs that write files

    with archive.Writing(file) as writing:
        copies = session.engine.name == "postgres"
        read = (_copied_out if copies else _read_out)(session, plan, after, limit, writing)
        if read is None:
            return None
        may_go_on()
        written = writing.finish()
        _delete(session, plan, read)
        return replace(read, written=written.result())


def _copied_out(session: Session, plan: Plan, after: Key | None, limit: int, writing: "Writing") -> Done | None:
    """The next rows as PostgreSQL copies them, which is quicker than rows. No value of them is touched here."""
    from mainstay.restore.sqldesk.jobs import archive

    sql, values = copying(session, plan, after, limit)
    for data in copied_out(session, sql, values, archive.NULL):
        writing.add(archive.of_csv(plan.source, data))
    held = writing.rows
    if held is None:
        return None
    (first,), (last,) = [archive.keys_of(held.slice(place, 1), plan.key) for place in (0, held.num_rows - 1)]
    return Done(held.num_rows, first, last)


def _read_out(session: Session, plan: Plan, after: Key | None, limit: int, writing: "Writing") -> Done | None:
    from mainstay.restore.sqldesk.jobs import archive

    width = len(plan.key)
    found = select(session, plan, after, limit, whole=True)
    if not found:
        return None
    writing.add(archive.of_rows(plan.source, [row[width:] for row in found]))
    return _done([tuple(row[:width]) for row in found])


def _done(keys: list[Key]) -> Done:
    return Done(len(keys), keys[0], keys[-1], keys)


def _move(session: Session, plan: Plan, aim: Table, selected: dict[Key, Any]) -> None:
    """Copy the rows to their new table within the database, and look at them there before they are deleted."""
    kept = {one.name.lower() for one in aim.columns if not one.generated}
    names = [one.name for one in plan.source.columns if one.name.lower() in kept]
    listed = ", ".join(map(session.engine.quote, names))
    keys = list(selected)
    condition, values = within(session, plan, keys[0], keys[-1])
    copied = session.run(
        f"INSERT INTO {rows.source_of(session, aim)} ({listed}) "
        f"SELECT {listed} FROM {rows.source_of(session, plan.source)} WHERE {condition}",
        values,
    ).count
    if copied != len(keys):
        raise CountError(f"{len(keys):,} rows were selected and {copied:,} copied to {aim.name}")
    wanted = rows.wanted(session, aim, plan.key, aim.name.name)
    condition, values = between(session, aim, plan.key, keys[0], keys[-1])
    there = session.run(f"SELECT {wanted.sql} FROM {rows.source_of(session, aim)} WHERE {condition}", values).rows
    arrived = wanted.keyed(there)
    here, away = [_places(table, names) for table in (plan.source, aim)]
    for key, row in selected.items():
        copy = arrived.get(key)
        if copy is None or any(row[one] != copy[other] for one, other in zip(here, away, strict=True)):
            raise CountError(f"the row {key} is not in {aim.name} as it was in {plan.source.name}")


def _places(table: Table, names: list[str]) -> list[int]:
    order = [column.name.lower() for column in table.columns]
    return [order.index(name.lower()) for name in names]
