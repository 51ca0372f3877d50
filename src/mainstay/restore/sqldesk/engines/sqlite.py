"""SQLite, by the driver of the standard library."""

import re
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote

from mainstay.restore.sqldesk.engines import base
from mainstay.restore.sqldesk.engines.base import Column, Name, Reference, Table, Target, Trigger
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.judge.harmless.sqlite import PRAGMAS, PRAGMAS_WITH_ARGUMENT

_MAIN = ""
_MAY_READ = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_TRIGGER = re.compile(r"\b(BEFORE|AFTER|INSTEAD\s+OF)?\s*\b(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)


class Sqlite:
    """See ``Engine``."""

    name, marker, lock = "sqlite", "?", ""

    def connect(self, target: Target, *, raw: bool) -> Any:
        """Open a file that is there; one that is not is a mistake, never a new database."""
        del raw  # Values of SQLite are exact as they come.
        if not Path(target.database).is_file():
            raise base.UnreachableError(f"{target.database} is not there")
        address = f"file:{url_quote(target.database)}?mode=rw"
        found = sqlite3.connect(
            address, uri=True, isolation_level=None, timeout=target.lock_timeout, check_same_thread=False
        )
        # A text that is no UTF-8 must come back as the very bytes that it was.
        found.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        return found

    def prepare(self, session: Session) -> None:
        """Foreign keys hold here, whatever the application does."""
        session.run("PRAGMA foreign_keys = ON")
        # SQLite has no timeout of its own: it asks now and then whether to go on.
        session.raw.set_progress_handler(lambda: int(time.monotonic() > session.deadline), 10_000)

    def begin_read(self, session: Session) -> None:
        """Nothing but reading is authorised, and the file is asked not to be written to."""
        session.run("PRAGMA query_only = ON")
        session.run("BEGIN")
        session.raw.set_authorizer(_authorise)

    def begin_write(self, session: Session) -> None:
        """The one writer, from the start."""
        session.run("BEGIN IMMEDIATE")

    def ident(self, session: Session) -> dict[str, Any]:
        """A process that died leaves no trace; the file itself is whole."""
        del session
        return {}

    def cancel(self, target: Target, session: Session) -> None:
        """Interrupt."""
        del target
        session.raw.interrupt()

    def outcome(self, session: Session, ident: dict[str, Any]) -> str:
        """The rows must tell."""
        del session, ident
        return "unknown"

    def quote(self, name: str) -> str:
        """In double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def resolve(self, session: Session, schema: str, name: str) -> Name | None:
        """In the file itself; nothing is attached."""
        if schema.lower() not in {"", "main"}:
            return None
        found = session.run(
            "SELECT name FROM main.sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = lower(?)", [name]
        ).rows
        return Name(_MAIN, found[0][0]) if found else None

    def describe(self, session: Session, table: Name) -> Table:
        """By PRAGMA functions. A table without a key of its own still has the number of the row."""
        rows = session.run(
            'SELECT name, type, "notnull", hidden, dflt_value, pk FROM pragma_table_xinfo(?)', [table.name]
        )
        columns = tuple(
            Column(name, kind, not (required or pk), hidden in {2, 3}, default=str(default or ""))
            for name, kind, required, hidden, default, pk in rows.rows
            if hidden != 1
        )
        primary = [name for *_, pk, name in sorted((row[5], row[0]) for row in rows.rows if row[5])]
        listed = session.run(
            "SELECT wr, strict FROM pragma_table_list(?) WHERE schema = 'main' AND type = 'table'", [table.name]
        ).rows
        without_rowid = bool(listed and listed[0][0])
        uniques = self._uniques(session, table)
        # SQLite lets NULL into primary keys of tables with row numbers, and NULLs are never the same.
        required = {row[0] for row in rows.rows if row[2]} | {row[0] for row in rows.rows if _is_row_number(row)}
        whole = primary and (without_rowid or set(primary) <= required)
        key = base.first_key(columns, primary if whole else (), uniques if not whole else ())
        by_row = not key and bool(listed) and "rowid" not in {one.name.lower() for one in columns}
        outgoing, incoming = self._references(session, table)
        return Table(
            table,
            columns,
            ("rowid",) if by_row else key,
            uniques,
            outgoing,
            incoming,
            self._triggers(session, table),
            row_id=by_row,
            refusal="" if listed else "it is a view or a virtual table: correct the tables that it shows",
        )

    def _uniques(self, session: Session, table: Name) -> tuple[tuple[str, ...], ...]:
        found = session.run(
            'SELECT i.name, c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c WHERE i."unique" '
            "AND i.partial = 0 AND i.origin <> 'pk' ORDER BY i.name, c.seqno",
            [table.name],
        ).rows
        grouped: dict[str, list[str | None]] = {}
        for index, column in found:
            grouped.setdefault(index, []).append(column)
        return tuple(tuple(str(one) for one in columns) for columns in grouped.values() if None not in columns)

    def _references(self, session: Session, table: Name) -> tuple[tuple[Reference, ...], tuple[Reference, ...]]:
        rows = session.run(
            'SELECT t.name, f.id, f."table", f."from", f."to", f.on_delete, f.on_update '
            "FROM main.sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' "
            'AND (t.name = ? OR lower(f."table") = lower(?)) ORDER BY t.name, f.id, f.seq',
            [table.name, table.name],
        ).rows
        grouped: dict[tuple[str, int], list[Any]] = {}
        for row in rows:
            grouped.setdefault((row[0], row[1]), []).append(row)
        found = []
        for (name, number), part in grouped.items():
            to = part[0][2]
            columns = [row[4] for row in part]
            if None in columns:  # REFERENCES t without columns means its primary key.
                info = session.run("SELECT name, pk FROM pragma_table_info(?) WHERE pk ORDER BY pk", [to]).rows
                columns = [row[0] for row in info]
            found.append(
                Reference(
                    f"{name}.{number}",
                    Name(_MAIN, name),
                    tuple(row[3] for row in part),
                    Name(_MAIN, table.name if to.lower() == table.name.lower() else to),
                    tuple(columns),
                    part[0][5].upper(),
                    part[0][6].upper(),
                )
            )
        return (
            tuple(one for one in found if one.table == table),
            tuple(one for one in found if one.to == table),
        )

    def _triggers(self, session: Session, table: Name) -> tuple[Trigger, ...]:
        found = session.run(
            "SELECT name, sql FROM main.sqlite_schema "
            "WHERE type = 'trigger' AND lower(tbl_name) = lower(?) ORDER BY name",
            [table.name],
        ).rows
        triggers = []
        for name, sql in found:
            read = list(_TRIGGER.finditer(re.split(r"\bON\b", sql, maxsplit=1, flags=re.IGNORECASE)[0]))
            last = read[-1] if read else None
            timing = " ".join((last.group(1) or "BEFORE").upper().split()) if last else "BEFORE"
            events = frozenset({last.group(2).upper()}) if last else frozenset({"INSERT", "UPDATE", "DELETE"})
            triggers.append(Trigger(name, timing, events, sql))
        return tuple(triggers)

    def tables(self, session: Session) -> list[tuple[Name, str, int | None]]:
        """Of the file."""
        rows = session.run(
            "SELECT name, type FROM main.sqlite_schema WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        ).rows
        return [(Name(_MAIN, name), kind, None) for name, kind in rows]

    def functions(self, session: Session) -> dict[str, str]:
        """What the library brings; SQLite says which ones always give the same."""
        rows = session.run("SELECT DISTINCT name, flags & 0x800 FROM pragma_function_list").rows
        return {name: "immutable" if same else "volatile" for name, same in rows}

    def translate(self, error: Exception) -> base.DeskError | None:
        """By the kind of error and what it says."""
        if isinstance(error, base.DeskError):
            return error
        if not isinstance(error, sqlite3.Error):
            return None
        said = str(error)
        if "interrupted" in said:
            return base.TimedOutError("the statement took too long, or was cancelled")
        if "locked" in said or "busy" in said:
            return base.TimedOutError(f"waited too long for a lock that somebody else holds: {said}")
        if "unable to open" in said or "Cannot operate on a closed" in said:
            return base.UnreachableError(said)
        return base.RefusedError(said)

    def read_value(self, table: Table, column: Column, alias: str) -> str:
        """As it is, with its own type."""
        del table
        return f"{alias}.{self.quote(column.name)}"

    def write_value(self, column: Column) -> str:
        """As it is."""
        del column
        return "?"

    def matching(self, table: Table, key: Sequence[str], keys: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """By lists."""
        del table
        return base.in_lists("?", [self.quote(name) for name in key], keys, lambda _, value: value)

    def written(self, session: Session) -> dict[str, tuple[int, int, int]]:
        """All changes of the connection, by triggers and foreign keys too, in one number."""
        return {"*": (0, session.raw.total_changes, 0)}

    def streaming_cursor(self, session: Session) -> Any:
        """SQLite computes rows as they are fetched."""
        return session.raw.cursor()

    def type_name(self, session: Session, code: Any) -> str:
        """Values have types here, columns do not."""
        del session, code
        return ""

    def returning(self, kind: str, session: Session) -> bool:
        """All of them, since 3.35."""
        del kind, session
        return sqlite3.sqlite_version_info >= (3, 35)


def _is_row_number(row: tuple[Any, ...]) -> bool:
    return bool(row[5]) and str(row[1]).upper() == "INTEGER"


def _authorise(action: int, first: str | None, second: str | None, *_: object) -> int:
    """Called by SQLite for each thing that a statement would do, while it is compiled."""
    if action in _MAY_READ:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        refused = {"load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"}
        return sqlite3.SQLITE_DENY if (second or "").lower() in refused else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        reads = (first or "").lower() in (PRAGMAS if second is None else PRAGMAS_WITH_ARGUMENT)
        return sqlite3.SQLITE_OK if reads else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
        # So SQLite asks when a table that is a function, such as json_each, comes into being. A true update of it is
        # refused by SQLite itself, and by query_only.
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_TRANSACTION:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY
