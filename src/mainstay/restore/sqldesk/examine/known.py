"""What a server's catalog says, kept for a while for each connection: functions for the judge, tables for people."""

import time
from dataclasses import dataclass
from threading import Lock

from mainstay.core.settings import current
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.judge import Functions
from mainstay.restore.sqldesk.models import Connection

# Types whose input runs nobody's code: enums. A domain may have a check that calls anything.
_ENUMS = """
SELECT n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'e'"""
_COLUMNS = {
    "postgres": "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, ordinal_position",
    "mysql": "SELECT table_schema, table_name, column_name, column_type FROM information_schema.columns "
    "WHERE table_schema = DATABASE() ORDER BY table_schema, table_name, ordinal_position",
    "sqlite": "SELECT '', m.name, p.name, p.type FROM main.sqlite_schema m, pragma_table_xinfo(m.name) p "
    "WHERE m.type IN ('table', 'view') AND p.hidden <> 1 ORDER BY m.name, p.cid",
}


@dataclass(frozen=True)
class Relation:
    """A table or view as people look for it. ``rows`` is the database's own estimate."""

    schema: str
    name: str
    kind: str
    rows: int | None
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Catalog:
    """What is known of a database. ``functions`` is nothing where the judge's own lists say all."""

    functions: Functions | None
    relations: tuple[Relation, ...]

    def base_tables(self, read: tuple[str, ...]) -> frozenset[str] | None:
        """The names of the tables that a statement reads, or nothing when one is a view or not known."""
        kinds: dict[str, set[str]] = {}
        for one in self.relations:
            for name in (one.name.lower(), f"{one.schema}.{one.name}".lower()):
                kinds.setdefault(name, set()).add(one.kind)
        names = [name.lower() for name in read]
        if any(kinds.get(name) != {"table"} for name in names):
            return None
        return frozenset(name.rpartition(".")[2] for name in names)


_lock = Lock()
_kept: dict[tuple[int, str], tuple[float, Catalog]] = {}


def catalog_of(connection: Connection, session: Session | None = None) -> Catalog:
    """The catalog of a connection, at most ``sql_catalog_seconds`` old. Raises ``DeskError``."""
    where = (connection.pk, connection.read_address or connection.address)
    with _lock:
        at, kept = _kept.get(where, (0.0, None))
    if kept is not None and time.monotonic() - at < current().sql_catalog_seconds:
        return kept
    if session is None:
        with connections.reading(connection) as own:
            found = _read(connection, own)
    else:
        found = _read(connection, session)
    with _lock:
        _kept[where] = (time.monotonic(), found)
    return found


def forget() -> None:
    """Ask all servers anew."""
    with _lock:
        _kept.clear()


def _read(connection: Connection, session: Session) -> Catalog:
    columns: dict[tuple[str, str], list[tuple[str, str]]] = {}
    if connection.dialect in _COLUMNS:
        for schema, table, name, kind in session.run(_COLUMNS[connection.dialect]).rows:
            columns.setdefault((schema, table), []).append((name, str(kind)))
    relations = tuple(
        Relation(name.schema, name.name, kind, rows, tuple(columns.get((name.schema, name.name), ())))
        for name, kind, rows in session.engine.tables(session)
    )
    return Catalog(_functions(connection, session), relations)


def _functions(connection: Connection, session: Session) -> Functions | None:
    """SQLite's library has no functions of anybody's, and the judge knows it by heart."""
    if connection.dialect == Connection.Dialect.SQLITE:
        return None
    rows = []
    for full, volatility in session.engine.functions(session).items():
        schema, _, name = full.rpartition(".")
        # What MySQL calls READS SQL DATA is a remark of the author's that the server does not hold anybody to.
        trusted = connection.dialect == Connection.Dialect.POSTGRES and volatility in {"immutable", "stable"}
        rows.append((schema, name, not trusted))
    types: list[str] = []
    if connection.dialect == Connection.Dialect.POSTGRES:
        types = [name for schema, one in session.run(_ENUMS).rows for name in (one, f"{schema}.{one}")]
    return Functions.of(rows, types)
