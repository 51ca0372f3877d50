"""PostgreSQL, by psycopg."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from mainstay.restore.sqldesk.engines import base
from mainstay.restore.sqldesk.engines.base import Column, Name, Reference, Table, Target, Trigger
from mainstay.restore.sqldesk.engines.session import Session

_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_VOLATILE = {"i": "immutable", "s": "stable", "v": "volatile"}
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")

# Types of which the cast to text is what the server sends anyway; of others, such as boolean and inet, it is not.
_SAME_AS_TEXT = re.compile(
    r"(smallint|integer|bigint|numeric|real|double precision|text|character varying|timestamp|date|time|uuid|jsonb?"
    r"|bytea)\b[^\[]*\Z"
)
# Bytes of what is copied out that are handed on at once.
_PART = 1 << 20

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, a.attgenerated <> '', a.attidentity = 'a',
       false,
       coalesce(pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attidentity <> '' THEN 'identity' ELSE '' END)
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_KEYS = """
SELECT i.indisprimary, array(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k(num, place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
  WHERE k.place <= i.indnkeyatts ORDER BY k.place)
FROM pg_catalog.pg_index i
WHERE i.indrelid = %s::regclass AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indimmediate
ORDER BY i.indexrelid"""
_REFERENCES = """
SELECT c.conname, fn.nspname, f.relname,
       array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(num, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num ORDER BY k.place),
       tn.nspname, t.relname,
       array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(num, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num ORDER BY k.place),
       c.confdeltype, c.confupdtype
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_class f ON f.oid = c.conrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = c.confrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE c.contype = 'f' AND %s::regclass IN (c.conrelid, c.confrelid) ORDER BY c.conname, f.relname"""
_TRIGGERS = """
SELECT t.tgname, t.tgtype, pg_get_triggerdef(t.oid) || E'\\n' || coalesce(p.prosrc, '')
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = %s::regclass AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') ORDER BY t.tgname"""
_RULES = """
SELECT r.rulename, r.ev_type, pg_get_ruledef(r.oid) FROM pg_catalog.pg_rewrite r
WHERE r.ev_class = %s::regclass AND r.rulename <> '_RETURN' AND r.ev_enabled <> 'D' ORDER BY r.rulename"""
_WRITTEN = """
SELECT n.nspname || '.' || c.relname, sum(s.n_tup_ins)::bigint, sum(s.n_tup_upd)::bigint, sum(s.n_tup_del)::bigint
FROM pg_catalog.pg_stat_xact_user_tables s
JOIN pg_catalog.pg_class c ON c.oid = coalesce(pg_partition_root(s.relid), s.relid)
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 GROUP BY 1"""
_REFUSALS = {
    "v": "it is a view: correct the tables that it shows",
    "m": "it is a materialised view: correct the tables that it shows",
    "f": "it is a foreign table, which may not roll back: correct it where it is",
}
_TABLES = """
SELECT n.nspname, c.relname, c.relkind, c.reltuples::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2"""
_FUNCTIONS = """
SELECT n.nspname || '.' || p.proname, max(p.provolatile::text), bool_or(p.prokind = 'p')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace GROUP BY 1"""


class Postgres:
    """See ``Engine``."""

    name, marker = "postgres", "%s"
    # One snapshot holds the whole transaction: a row that somebody else changes after it was looked at makes the
    # statement fail, and the statement itself locks the rest. A lock beforehand would write every row twice.
    lock = ""

    def connect(self, target: Target, *, raw: bool) -> Any:
        """Open a connection in autocommit. With ``raw`` values are what their casts to text give."""
        del raw  # Images cast to text themselves.
        return psycopg.connect(
            host=target.host or None,
            port=target.port or 5432,
            user=target.user or None,
            password=target.password or None,
            dbname=target.database,
            autocommit=True,
            connect_timeout=max(int(target.lock_timeout), 2),
            application_name="mainstay",
            # A client that died must not hold locks for long.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )

    def prepare(self, session: Session) -> None:
        """Timeouts of the server's own, and formats in which text is exact."""
        target = session.target
        session.run(
            f"SET statement_timeout = {int(target.statement_timeout * 1000)}; "
            f"SET lock_timeout = {int(target.lock_timeout * 1000)}; "
            f"SET idle_in_transaction_session_timeout = {int(target.statement_timeout * 4000)}; "
            "SET bytea_output = 'hex'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; "
            "SET extra_float_digits = 1; SET standard_conforming_strings = on"
        )
        # Without this, psycopg prepares statements by itself and a plan could outlive a change of the table.
        session.raw.prepare_threshold = None

    def begin_read(self, session: Session) -> None:
        """READ ONLY, as the role for reads where there is one."""
        session.run("SET default_transaction_read_only = on")
        if session.target.role:
            session.run(f"SET ROLE {self.quote(session.target.role)}")
        session.run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def begin_write(self, session: Session) -> None:
        """One snapshot: a row that others change meanwhile makes the transaction fail, not miss it."""
        session.run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE")

    def ident(self, session: Session) -> dict[str, Any]:
        """The backend, and the transaction's number for ``pg_xact_status``."""
        pid, xid = session.run("SELECT pg_backend_pid(), pg_current_xact_id()::text").rows[0]
        return {"pid": pid, "xid": xid}

    def cancel(self, target: Target, session: Session) -> None:
        """By the protocol's own cancel request."""
        del target
        session.raw.cancel_safe(timeout=5)

    def outcome(self, session: Session, ident: dict[str, Any]) -> str:
        """The server remembers what became of a transaction until its number is long gone."""
        if not ident.get("xid"):
            return "unknown"
        try:
            found = session.value("SELECT pg_xact_status(%s::xid8)", [ident["xid"]])
        except base.RefusedError:
            return "unknown"
        return {"committed": "committed", "aborted": "aborted", "in progress": "running"}.get(found or "", "unknown")

    def quote(self, name: str) -> str:
        """Quoted always, so that no word is a keyword."""
        return '"' + name.replace('"', '""') + '"'

    def resolve(self, session: Session, schema: str, name: str) -> Name | None:
        """By the search path, as the statement itself would. Names come folded as the server folds them."""
        written = f"{self.quote(schema)}.{self.quote(name)}" if schema else self.quote(name)
        found = session.run(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
            "ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)",
            [written],
        ).rows
        return Name(*found[0]) if found else None

    def describe(self, session: Session, table: Name) -> Table:
        """From the server's catalog."""
        regclass = [f"{self.quote(table.schema)}.{self.quote(table.name)}"]
        columns = tuple(Column(*row) for row in session.run(_COLUMNS, regclass).rows)
        keys = session.run(_KEYS, regclass).rows
        primary = next((tuple(cols) for is_primary, cols in keys if is_primary), ())
        uniques = tuple(tuple(cols) for is_primary, cols in keys if not is_primary)
        found = [_reference(*row) for row in session.run(_REFERENCES, regclass).rows]
        triggers = [_trigger(*row) for row in session.run(_TRIGGERS, regclass).rows]
        # A rule rewrites the statement itself; what it does is as unforeseen as what a trigger does.
        triggers += [
            Trigger(f"rule {name}", "INSTEAD OF", frozenset({_RULE_EVENTS[str(event)]}), body)
            for name, event, body in session.run(_RULES, regclass).rows
            if str(event) in _RULE_EVENTS
        ]
        return Table(
            table,
            columns,
            base.first_key(columns, primary, uniques),
            uniques,
            tuple(one for one in found if one.table == table),
            tuple(one for one in found if one.to == table),
            tuple(triggers),
            refusal=_REFUSALS.get(
                session.value("SELECT relkind FROM pg_catalog.pg_class WHERE oid = %s::regclass", regclass), ""
            ),
        )

    def tables(self, session: Session) -> list[tuple[Name, str, int | None]]:
        """Of all schemas but the system's."""
        return [
            (Name(schema, name), "view" if kind in "vm" else "table", count if count >= 0 else None)
            for schema, name, kind, count in session.run(_TABLES).rows
        ]

    def functions(self, session: Session) -> dict[str, str]:
        """``pg_proc.provolatile``; of overloads the worst, and procedures are volatile."""
        return {
            name: "volatile" if is_procedure else _VOLATILE[worst]
            for name, worst, is_procedure in session.run(_FUNCTIONS).rows
        }

    def translate(self, error: Exception) -> base.DeskError | None:
        """By SQLSTATE."""
        if not isinstance(error, psycopg.Error):
            return None
        said = (error.diag.message_primary or str(error)).strip()
        detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
        state = error.sqlstate or ""
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return base.TimedOutError(f"waited too long for a lock that somebody else holds: {said}")
        if isinstance(error, psycopg.errors.QueryCanceled):
            return base.TimedOutError(said) if "timeout" in said else base.CancelledError("cancelled")
        if not state or state.startswith(("08", "57P")):
            return base.UnreachableError(said)
        if state.startswith("40"):
            return base.RefusedError(f"somebody else changed the same rows at this moment: {said}{detail}")
        return base.RefusedError(said + detail)

    def read_value(self, table: Table, column: Column, alias: str) -> str:
        """PostgreSQL's own text, which reads back to the same value."""
        del table
        return f"{alias}.{self.quote(column.name)}::text"

    def write_value(self, column: Column) -> str:
        """A cast back."""
        return f"CAST(%s AS {column.type})"

    def matching(self, table: Table, key: Sequence[str], keys: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """By arrays: one value to bind for each column, however many rows."""
        types = [column.type for name in key for column in table.columns if column.name == name]
        arrays = [f"CAST(%s AS {kind}[])" for kind in types]
        values: list[Any] = [list(column) for column in zip(*keys, strict=True)]
        if len(key) == 1:
            return f"{self.quote(key[0])} = ANY({arrays[0]})", values
        names = ", ".join(map(self.quote, key))
        return f"({names}) IN (SELECT * FROM unnest({', '.join(arrays)}))", values

    def written(self, session: Session) -> dict[str, tuple[int, int, int]]:
        """From the statistics of the running transaction; a partition counts as its table."""
        return {name: (ins, upd, dele) for name, ins, upd, dele in session.run(_WRITTEN).rows}

    def streaming_cursor(self, session: Session) -> Any:
        """A cursor on the server."""
        return session.raw.cursor(name="mainstay")

    def type_name(self, session: Session, code: Any) -> str:
        """As pg_type names it, for types that psycopg knows."""
        known = session.raw.adapters.types.get(code)
        return known.name if known else ""

    def returning(self, kind: str, session: Session) -> bool:
        """All of them."""
        del kind, session
        return True


def copied_out(session: Session, query: str, values: Sequence[Any], null: str) -> Iterator[bytes]:
    """What a query gives, as whole lines of CSV in which ``null`` outside of quotes stands for NULL, in parts."""
    command, held = f"COPY ({query}) TO STDOUT (FORMAT csv, NULL '{null}')", bytearray()
    try:
        with session.raw.cursor() as cursor, cursor.copy(command, values) as copy:
            for line in copy:
                held += line
                if len(held) >= _PART:
                    yield bytes(held)
                    held.clear()
    except psycopg.Error as error:
        raise session.engine.translate(error) or error from error
    if held:
        yield bytes(held)


def copied(column: Column, alias: str) -> str:
    """The expression that COPY writes as ``read_value`` would give it: the cast costs more than the rest of a row."""
    name = f"{alias}.{Postgres().quote(column.name)}"
    return name if _SAME_AS_TEXT.match(column.type) else f"{name}::text"


_RULE_EVENTS = {"2": "UPDATE", "3": "INSERT", "4": "DELETE"}


def _trigger(name: str, bits: int, body: str) -> Trigger:
    """``tgtype`` is a field of bits; see pg_trigger.h."""
    timing = "INSTEAD OF" if bits & 64 else "BEFORE" if bits & 2 else "AFTER"
    events = {event for bit, event in ((4, "INSERT"), (8, "DELETE"), (16, "UPDATE"), (32, "TRUNCATE")) if bits & bit}
    return Trigger(name, timing, frozenset(events), body)


def _reference(
    name: str, schema: str, table: str, columns: list[str], to_schema: str, to: str, to_columns: list[str], *acts: str
) -> Reference:
    source, aim = Name(schema, table), Name(to_schema, to)
    return Reference(name, source, tuple(columns), aim, tuple(to_columns), _ACTIONS[acts[0]], _ACTIONS[acts[1]])
