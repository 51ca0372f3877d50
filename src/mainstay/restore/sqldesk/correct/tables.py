"""The tables of a transaction: described once, with a fingerprint that changes when one of them does."""

import hashlib
from collections.abc import Iterable

from mainstay.restore.sqldesk.domain.statement import Statement, StatementError
from mainstay.restore.sqldesk.engines.base import Name, Table
from mainstay.restore.sqldesk.engines.session import Session

FOLLOWS = {"CASCADE", "SET NULL", "SET DEFAULT"}


class Tables:
    """What the server says of its tables, read once in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[Name, Table] = {}

    def get(self, name: Name) -> Table:
        """One table."""
        if name not in self._known:
            self._known[name] = self._session.engine.describe(self._session, name)
        return self._known[name]

    def target(self, statement: Statement) -> Table:
        """The table that a statement changes. Raises ``StatementError`` when there is none, or it must not."""
        name = self._session.engine.resolve(self._session, statement.schema, statement.table)
        written = f"{statement.schema}.{statement.table}" if statement.schema else statement.table
        if name is None:
            raise StatementError(f"there is no table {written} here, or this user may not see it")
        table = self.get(name)
        if table.refusal:
            raise StatementError(f"{name}: {table.refusal}")
        unknown = sorted(one for one in statement.assigned if table.column(one) is None)
        if unknown:
            raise StatementError(f"{name} has no column {unknown[0]}")
        return table

    def follow(self, table: Table) -> None:
        """Read what foreign keys may change with rows of a table, so that the fingerprint covers it."""
        for reference in table.referenced_by:
            if reference.table not in self._known and {reference.on_delete, reference.on_update} & FOLLOWS:
                self.follow(self.get(reference.table))

    def fingerprint(self) -> str:
        """SHA-256 over all that was read, so that a new column, key or trigger is noticed."""
        parts = sorted(repr((table.name, _stable(table))) for table in self._known.values())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stable(table: Table) -> tuple[object, ...]:
    return (
        table.columns,
        table.key,
        sorted(table.uniques),
        sorted(map(repr, table.references)),
        sorted(map(repr, table.referenced_by)),
        sorted((one.name, one.timing, sorted(one.events), one.body) for one in table.triggers),
        table.row_id,
    )


def key_for(table: Table, assigned: Iterable[str]) -> tuple[str, ...]:
    """The key by which rows are known before and after: one that the correction leaves as it is, or nothing."""
    changed = {name.lower() for name in assigned}
    required = {column.name for column in table.columns if not column.nullable}
    keys = [table.key, *(one for one in table.uniques if set(one) <= required)]
    return next((key for key in keys if key and not changed & {name.lower() for name in key}), ())
