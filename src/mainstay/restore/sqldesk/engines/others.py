"""Oracle and SQL Server, through SQLAlchemy's view of them. Nothing here has been run against a server of either."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mainstay.restore.sqldesk.engines import base
from mainstay.restore.sqldesk.engines.base import Column, Name, Reference, Table, Target, Trigger
from mainstay.restore.sqldesk.engines.session import Session

if TYPE_CHECKING:
    import sqlalchemy

_DRIVERS = {"oracle": ("oracle+oracledb", 1521), "sqlserver": ("mssql+pyodbc", 1433)}
_BEGIN = {"oracle": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "sqlserver": "BEGIN TRANSACTION"}
_ISOLATION = {"oracle": "", "sqlserver": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"}
_TRIGGERS = {
    "oracle": "SELECT trigger_name, trigger_type, triggering_event, trigger_name FROM all_triggers "
    "WHERE table_owner = ? AND table_name = ? AND status = 'ENABLED'",
    "sqlserver": "SELECT t.name, CASE WHEN t.is_instead_of_trigger = 1 THEN 'INSTEAD OF' ELSE 'AFTER' END, "
    "e.type_desc, object_definition(t.object_id) FROM sys.triggers t JOIN sys.trigger_events e "
    "ON e.object_id = t.object_id WHERE object_schema_name(t.parent_id) = ? AND object_name(t.parent_id) = ?",
}


class Other:
    """See ``Engine``. It errs on the side of refusing: no function is known, and no row is given back."""

    marker, lock = "?", ""

    def __init__(self, name: str) -> None:
        self.name = name

    def _engine(self, target: Target) -> "sqlalchemy.Engine":
        import sqlalchemy  # some 10 MB that only these two databases need

        driver, port = _DRIVERS[self.name]
        query = {"driver": "ODBC Driver 18 for SQL Server"} if self.name == "sqlserver" else {}
        address = sqlalchemy.URL.create(
            driver,
            target.user or None,
            target.password or None,
            target.host,
            target.port or port,
            target.database if self.name == "sqlserver" else None,
            query if self.name == "sqlserver" else {"service_name": target.database},
        )
        try:
            return sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
        except ImportError as error:
            raise base.UnreachableError(
                f"the driver for {self.name} is not installed: pip install 'mainstay[{self.name}]' ({error.name})"
            ) from None

    def _inspector(self, session: Session) -> "sqlalchemy.Inspector":
        import sqlalchemy

        return sqlalchemy.inspect(self._engine(session.target))

    def connect(self, target: Target, *, raw: bool) -> Any:
        """By the driver that SQLAlchemy chooses."""
        del raw
        found = self._engine(target).raw_connection()
        connection = found.driver_connection
        found.detach()
        if self.name == "sqlserver" and connection is not None:
            connection.autocommit = True
        return connection

    def prepare(self, session: Session) -> None:
        """Timeouts, where there are any."""
        if self.name == "sqlserver":
            session.run(f"SET LOCK_TIMEOUT {int(session.target.lock_timeout * 1000)}")
            session.raw.timeout = int(session.target.statement_timeout)
        else:
            session.raw.call_timeout = int(session.target.statement_timeout * 1000)

    def begin_read(self, session: Session) -> None:
        """Oracle has a read-only transaction; on SQL Server the login has to be one that may only read."""
        if self.name == "oracle":
            session.run("SET TRANSACTION READ ONLY")
        else:
            session.run(_BEGIN[self.name])

    def begin_write(self, session: Session) -> None:
        """Serializable."""
        for statement in (_ISOLATION[self.name], _BEGIN[self.name]):
            if statement:
                session.run(statement)

    def ident(self, session: Session) -> dict[str, Any]:
        """Nothing by which an outcome could be asked for."""
        del session
        return {}

    def cancel(self, target: Target, session: Session) -> None:
        """By the driver."""
        del target
        session.raw.cancel()

    def outcome(self, session: Session, ident: dict[str, Any]) -> str:
        """The rows must tell."""
        del session, ident
        return "unknown"

    def quote(self, name: str) -> str:
        """In double quotes, or brackets."""
        return f"[{name.replace(']', ']]')}]" if self.name == "sqlserver" else '"' + name.replace('"', '""') + '"'

    def resolve(self, session: Session, schema: str, name: str) -> Name | None:
        """As written, or as Oracle folds it."""
        inspector = self._inspector(session)
        wanted = schema or inspector.default_schema_name or ""
        known = {one.lower(): one for one in [*inspector.get_table_names(wanted), *inspector.get_view_names(wanted)]}
        return Name(wanted, known[name.lower()]) if name.lower() in known else None

    def describe(self, session: Session, table: Name) -> Table:
        """By SQLAlchemy's inspector."""
        inspector = self._inspector(session)
        where: dict[str, Any] = {"schema": table.schema or None}
        columns = tuple(
            Column(
                one["name"], str(one["type"]), bool(one["nullable"]), "computed" in one, "identity" in one,
                default=str(one.get("default") or ""),
            )
            for one in inspector.get_columns(table.name, **where)
        )  # fmt: skip
        primary = tuple(inspector.get_pk_constraint(table.name, **where)["constrained_columns"])
        uniques = tuple(tuple(one["column_names"]) for one in inspector.get_unique_constraints(table.name, **where))
        found = [
            _reference(Name(table.schema, other), one, table.schema)
            for other in inspector.get_table_names(table.schema or None)
            for one in inspector.get_foreign_keys(other, **where)
        ]
        triggers = tuple(
            Trigger(
                name, kind, frozenset(event for event in ("INSERT", "UPDATE", "DELETE") if event in events), body or ""
            )
            for name, kind, events, body in session.run(_TRIGGERS[self.name], [table.schema, table.name]).rows
        )
        return Table(
            table,
            columns,
            base.first_key(columns, primary, uniques),
            uniques,
            tuple(one for one in found if one.table == table),
            tuple(one for one in found if one.to == table),
            triggers,
        )

    def tables(self, session: Session) -> list[tuple[Name, str, int | None]]:
        """Of the default schema."""
        inspector = self._inspector(session)
        schema = inspector.default_schema_name or ""
        named = [(name, "table") for name in inspector.get_table_names()]
        named += [(name, "view") for name in inspector.get_view_names()]
        return [(Name(schema, name), kind, None) for name, kind in named]

    def functions(self, session: Session) -> dict[str, str]:
        """None is known, so none is trusted but those that the judge knows."""
        del session
        return {}

    def translate(self, error: Exception) -> base.DeskError | None:
        """Drivers share the names of their errors (PEP 249)."""
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "OperationalError" in kinds or "InterfaceError" in kinds:
            return base.UnreachableError(str(error))
        if kinds & {"DatabaseError", "SQLAlchemyError"}:
            return base.RefusedError(str(error))
        return None

    def read_value(self, table: Table, column: Column, alias: str) -> str:
        """As the driver gives it."""
        del table
        return f"{alias}.{self.quote(column.name)}"

    def write_value(self, column: Column) -> str:
        """As the driver takes it."""
        del column
        return self.marker

    def matching(self, table: Table, key: Sequence[str], keys: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """By lists."""
        del table
        return base.in_lists(self.marker, [self.quote(name) for name in key], keys, lambda _, value: value)

    def written(self, session: Session) -> dict[str, tuple[int, int, int]]:
        """It is not told."""
        del session
        return {}

    def streaming_cursor(self, session: Session) -> Any:
        """Both drivers fetch as they are asked."""
        return session.raw.cursor()

    def type_name(self, session: Session, code: Any) -> str:
        """As the driver names it."""
        del session
        return str(getattr(code, "name", getattr(code, "__name__", "")))

    def returning(self, kind: str, session: Session) -> bool:
        """Not in a form that is the same for both."""
        del kind, session
        return False


def _reference(table: Name, found: Any, schema: str) -> Reference:
    options = found.get("options") or {}
    return Reference(
        found["name"] or "",
        table,
        tuple(found["constrained_columns"]),
        Name(found.get("referred_schema") or schema, found["referred_table"]),
        tuple(found["referred_columns"]),
        (options.get("ondelete") or "NO ACTION").upper(),
        (options.get("onupdate") or "NO ACTION").upper(),
    )
