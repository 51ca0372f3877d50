"""One batch: rows are selected, brought to safety where they shall be kept, and deleted, in one transaction.

Selected, archived and deleted are counted against each other before the commit; anything else rolls back.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.engines.base import Table
from mainstay.restore.sqldesk.engines.postgres import copied_out
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.jobs.files import Written
from mainstay.restore.sqldesk.jobs.plan import Key, Plan, between, select, selecting, within

if TYPE_CHECKING:
    import pyarrow as pa


class CountError(Exception):
    """The rows of a batch do not add up. It was rolled back."""


@dataclass(frozen=True)
class Done:
    """What a transaction did, before its commit."""

    keys: list[Key]
    written: Written | None

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.keys)


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
        from mainstay.restore.sqldesk.jobs import archive  # Arrow, some 40 MB: for jobs that write files

        keys, held = _read_out(session, plan, after, limit)
        if not keys:
            return None
        may_go_on()
        # The file is written and read back while the server deletes; nothing is committed before both have ended well.
        with ThreadPoolExecutor(1) as beside:
            writing = beside.submit(archive.write, held, file)
            _delete(session, plan, keys)
            written = writing.result()
        return Done(keys, written)
    width = len(plan.key)
    selected = select(session, plan, after, limit, whole=plan.destination is not None)
    found = {tuple(row[:width]): tuple(row[width:]) for row in selected}
    keys = list(found)
    if not keys:
        return None
    may_go_on()
    if plan.destination is not None:
        _move(session, plan, plan.destination, found)
        may_go_on()
    _delete(session, plan, keys)
    return Done(keys, None)


def _delete(session: Session, plan: Plan, keys: list[Key]) -> None:
    condition, values = within(session, plan, keys[0], keys[-1])
    deleted = session.run(f"DELETE FROM {rows.source_of(session, plan.source)} WHERE {condition}", values).count
    if deleted != len(keys):
        raise CountError(f"{len(keys):,} rows were selected and {deleted:,} deleted")


def _read_out(session: Session, plan: Plan, after: Key | None, limit: int) -> "tuple[list[Key], pa.Table]":
    """The keys of the next rows, and the rows. PostgreSQL copies them out, which is many times quicker than rows."""
    from mainstay.restore.sqldesk.jobs import archive

    width = len(plan.key)
    if session.engine.name == "postgres":
        sql, values = selecting(session, plan, after, limit, whole=True)
        return archive.of_csv(plan.source, copied_out(session, sql, values, archive.NULL), width)
    found = select(session, plan, after, limit, whole=True)
    return [tuple(row[:width]) for row in found], archive.of_rows(plan.source, [row[width:] for row in found])


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
