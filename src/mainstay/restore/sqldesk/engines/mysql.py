"""MySQL and MariaDB, by PyMySQL."""

from collections.abc import Sequence
from typing import Any

import pymysql
from pymysql.constants import CLIENT, FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import SSCursor

from mainstay.restore.sqldesk.engines import base
from mainstay.restore.sqldesk.engines.base import Column, Name, Reference, Table, Target, Trigger
from mainstay.restore.sqldesk.engines.session import Session

_LOST = {2006, 2013, 2014, 2055, 4031, 1053, 1927}
_UNREACHED = {2002, 2003, 2005, 1040, 1044, 1045, 1049, 1129, 1130}
_LOCKED = {1205, 1213, 3572}
_TOO_SLOW = {1969, 3024}
_CANCELLED = {1317}
_TYPES = {code: name for name, code in vars(FIELD_TYPE).items() if name.isupper()}

_COLUMNS = """
SELECT column_name, column_type, is_nullable = 'YES', coalesce(generation_expression, '') <> '', 0,
       extra LIKE '%%on update%%',
       concat(coalesce(column_default, ''), CASE WHEN extra LIKE '%%auto_increment%%' THEN 'auto_increment' ELSE '' END)
FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"""
_KEYS = """
SELECT index_name, column_name, sub_part FROM information_schema.statistics
WHERE table_schema = %s AND table_name = %s AND non_unique = 0 ORDER BY index_name, seq_in_index"""
_REFERENCES = """
SELECT k.constraint_name, k.table_schema, k.table_name, k.column_name, k.referenced_table_schema,
       k.referenced_table_name, k.referenced_column_name, r.delete_rule, r.update_rule
FROM information_schema.key_column_usage k
JOIN information_schema.referential_constraints r
  ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
WHERE k.referenced_table_name IS NOT NULL
  AND ((k.table_schema = %s AND k.table_name = %s) OR (k.referenced_table_schema = %s AND k.referenced_table_name = %s))
ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position"""
_TRIGGERS = """
SELECT trigger_name, action_timing, event_manipulation, action_statement FROM information_schema.triggers
WHERE event_object_schema = %s AND event_object_table = %s ORDER BY trigger_name"""
_TABLES = """
SELECT table_schema, table_name, table_type, table_rows FROM information_schema.tables
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') ORDER BY 1, 2"""
_FUNCTIONS = "SELECT routine_schema, routine_name, is_deterministic, sql_data_access FROM information_schema.routines"


class MySql:
    """See ``Engine``."""

    name, marker, lock = "mysql", "%s", " FOR UPDATE"

    def connect(self, target: Target, *, raw: bool) -> Any:
        """Open a connection in autocommit. With ``raw`` values are the protocol's own text, or bytes."""
        encoders = {kind: function for kind, function in conversions.items() if not isinstance(kind, int)}
        return pymysql.connect(  # type: ignore[call-overload]  # the stubs want one literal call
            host=target.host or "localhost",
            port=target.port or 3306,
            user=target.user or None,
            password=target.password,
            database=target.database or None,
            autocommit=True,
            charset="utf8mb4",
            connect_timeout=max(int(target.lock_timeout), 2),
            # A statement is stopped by the server first; this is for a server that does not answer at all.
            read_timeout=max(int(target.statement_timeout * 2), 10),
            write_timeout=max(int(target.statement_timeout * 2), 10),
            # Counts the rows that a statement matched, not those whose values were different.
            client_flag=CLIENT.FOUND_ROWS,
            local_infile=False,
            program_name="mainstay",
            **({"conv": encoders} if raw else {}),
        )

    def prepare(self, session: Session) -> None:
        """Timeouts of the server's own; which ones it knows depends on whether it is MariaDB."""
        target = session.target
        session.run(f"SET SESSION innodb_lock_wait_timeout = {max(int(target.lock_timeout), 1)}")
        session.run(f"SET SESSION lock_wait_timeout = {max(int(target.lock_timeout), 1)}")
        # What stands in a transaction must not be cut or rounded silently.
        session.run("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
        if _is_mariadb(session):
            session.run(f"SET SESSION max_statement_time = {target.statement_timeout}")
        else:
            session.run(f"SET SESSION max_execution_time = {int(target.statement_timeout * 1000)}")

    def begin_read(self, session: Session) -> None:
        """READ ONLY for the session as well as for the transaction."""
        session.run("SET SESSION TRANSACTION READ ONLY")
        session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.run("START TRANSACTION READ ONLY")

    def begin_write(self, session: Session) -> None:
        """With the locks of the ranges that were looked at, so that no row slips in between look and change."""
        session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.run("START TRANSACTION READ WRITE")

    def ident(self, session: Session) -> dict[str, Any]:
        """The connection. Its transactions leave no trace that could be asked for later."""
        return {"connection": int(session.value("SELECT CONNECTION_ID()"))}

    def cancel(self, target: Target, session: Session) -> None:
        """KILL QUERY from a connection of its own."""
        with Session(self, target) as other:
            other.run(f"KILL QUERY {int(session.raw.thread_id())}")

    def outcome(self, session: Session, ident: dict[str, Any]) -> str:
        """While its connection lives it may still commit; after that the rows must tell."""
        number = int(ident.get("connection") or 0)
        alive = session.value("SELECT count(*) FROM information_schema.processlist WHERE id = %s", [number])
        return "running" if int(alive) else "unknown"

    def quote(self, name: str) -> str:
        """In backticks."""
        return "`" + name.replace("`", "``") + "`"

    def resolve(self, session: Session, schema: str, name: str) -> Name | None:
        """In the database of the session unless it names one. Whether case counts is the server's setting."""
        wanted = schema or str(session.value("SELECT DATABASE()") or "")
        lower = int(session.value("SELECT @@lower_case_table_names")) != 0
        compare = "lower(table_schema) = lower(%s) AND lower(table_name) = lower(%s)" if lower else _EXACT
        sql = f"SELECT table_schema, table_name FROM information_schema.tables WHERE {compare}"
        rows = session.run(sql, [wanted, name]).rows
        return Name(*rows[0]) if rows else None

    def describe(self, session: Session, table: Name) -> Table:
        """From information_schema."""
        where = [table.schema, table.name]
        columns = tuple(
            Column(name, kind, bool(int(null)), bool(int(made)), bool(int(always)), bool(int(fresh)), default)
            for name, kind, null, made, always, fresh, default in session.run(_COLUMNS, where).rows
        )
        keys: dict[str, list[str]] = {}
        cut = set()
        for index, column, part in session.run(_KEYS, where).rows:
            keys.setdefault(index, []).append(column)
            if part is not None or column is None:
                cut.add(index)  # A key over a part of a column, or over an expression, identifies no row for us.
        primary = tuple(keys.get("PRIMARY", ()))
        uniques = tuple(tuple(cols) for name, cols in keys.items() if name != "PRIMARY" and name not in cut)
        found = _references(session.run(_REFERENCES, [*where, *where]).rows)
        triggers = tuple(
            Trigger(name, timing, frozenset({event}), body)
            for name, timing, event, body in session.run(_TRIGGERS, where).rows
        )
        return Table(
            table,
            columns,
            base.first_key(columns, primary if "PRIMARY" not in cut else (), uniques),
            uniques,
            tuple(one for one in found if one.table == table),
            tuple(one for one in found if one.to == table),
            triggers,
            refusal=_refusal(session, table),
        )

    def tables(self, session: Session) -> list[tuple[Name, str, int | None]]:
        """Of all databases but the system's."""
        return [
            (Name(schema, name), "view" if "VIEW" in kind else "table", int(count) if count is not None else None)
            for schema, name, kind, count in session.run(_TABLES).rows
        ]

    def functions(self, session: Session) -> dict[str, str]:
        """Stored functions. DETERMINISTIC and NO SQL are what their author claimed, so none is trusted."""
        return {f"{schema}.{name}": "volatile" for schema, name, _, _ in session.run(_FUNCTIONS).rows}

    def translate(self, error: Exception) -> base.DeskError | None:
        """By error number."""
        if isinstance(error, pymysql.err.InterfaceError):
            return base.UnreachableError("the connection is closed")
        if not isinstance(error, pymysql.err.MySQLError):
            return base.UnreachableError(str(error)) if isinstance(error, (OSError, EOFError)) else None
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = str(error.args[1]) if len(error.args) > 1 else str(error)
        if code in _LOST or code in _UNREACHED:
            return base.UnreachableError(said)
        if code in _LOCKED:
            return base.TimedOutError(f"waited too long for a lock that somebody else holds: {said}")
        if code in _TOO_SLOW:
            return base.TimedOutError(said)
        if code in _CANCELLED:
            return base.CancelledError("cancelled")
        return base.RefusedError(said)

    def read_value(self, table: Table, column: Column, alias: str) -> str:
        """The protocol's text is exact but for FLOAT, of which it shows six digits."""
        del table
        plain = f"{alias}.{self.quote(column.name)}"
        return f"CAST({plain} AS DOUBLE)" if column.type.lower().startswith("float") else plain

    def write_value(self, column: Column) -> str:
        """The server casts on assignment."""
        del column
        return "%s"

    def matching(self, table: Table, key: Sequence[str], keys: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """By lists. Whole numbers are bound as such: a text next to a number is compared as a float."""
        types = [column.type.lower() for name in key for column in table.columns if column.name == name]

        def convert(place: int, value: Any) -> Any:
            return int(value) if "int" in types[place] else value

        return base.in_lists("%s", [self.quote(name) for name in key], keys, convert)

    def written(self, session: Session) -> dict[str, tuple[int, int, int]]:
        """What the server handed to the storage engine for this session; cascades happen inside the engine."""
        rows = dict(session.run("SHOW SESSION STATUS LIKE 'Handler\\_%'").rows)
        return {"*": tuple(int(rows[f"Handler_{one}"]) for one in ("write", "update", "delete"))}  # type: ignore[dict-item]

    def streaming_cursor(self, session: Session) -> Any:
        """Rows stay on the server until they are fetched."""
        return SSCursor(session.raw)

    def type_name(self, session: Session, code: Any) -> str:
        """As PyMySQL names it."""
        del session
        return _TYPES.get(code, "").lower()

    def returning(self, kind: str, session: Session) -> bool:
        """MariaDB gives back what INSERT and DELETE touched, MySQL nothing."""
        return kind in {"INSERT", "DELETE"} and _is_mariadb(session)


def _refusal(session: Session, table: Name) -> str:
    asked = "SELECT table_type, engine FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
    kind, engine = session.run(asked, [table.schema, table.name]).rows[0]
    if "VIEW" in kind:
        return "it is a view: correct the tables that it shows"
    if str(engine).lower() not in {"innodb", "rocksdb"}:
        return f"its storage engine {engine} cannot roll back"
    return ""


_EXACT = "table_schema = %s AND table_name = %s"


def _is_mariadb(session: Session) -> bool:
    return "mariadb" in str(session.raw.get_server_info()).lower()


def _references(rows: list[tuple[Any, ...]]) -> list[Reference]:
    """One row a column; the columns of one constraint follow each other."""
    grouped: dict[tuple[str, str, str], list[tuple[Any, ...]]] = {}
    for row in rows:
        grouped.setdefault((row[1], row[2], row[0]), []).append(row)
    return [
        Reference(
            part[0][0],
            Name(part[0][1], part[0][2]),
            tuple(one[3] for one in part),
            Name(part[0][4], part[0][5]),
            tuple(one[6] for one in part),
            part[0][7],
            part[0][8],
        )
        for part in grouped.values()
    ]
