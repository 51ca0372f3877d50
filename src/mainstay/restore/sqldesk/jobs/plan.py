"""What a job does to its table, as statements: its condition judged, its rows in ranges of their key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.correct.tables import FOLLOWS, Tables
from mainstay.restore.sqldesk.domain.statement import Statement, StatementError, bind, parse, placeholders
from mainstay.restore.sqldesk.engines.base import Table
from mainstay.restore.sqldesk.engines.postgres import copied
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.judge import Dialect
from mainstay.restore.sqldesk.limits import judge_within

Key = tuple[Any, ...]
# Harmless, but a batch could not be told again by them.
_BY_CHANCE = {"rand", "random", "randomblob", "uuid", "gen_random_uuid"}


@dataclass(frozen=True)
class Plan:
    """A job over tables that were looked at. ``condition`` has the driver's markers, ``values`` are bound to them."""

    source: Table
    condition: str
    values: tuple[Any, ...]
    destination: Table | None
    fingerprint: str
    warnings: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by which rows are known and walked through."""
        return self.source.key


def read_condition(dialect: str, table: str, condition: str) -> Statement:
    """The condition as that of a DELETE, which it must be able to be. Raises ``StatementError``."""
    if not condition.strip():
        raise StatementError("write which rows: a job without a condition would take the whole table")
    found = parse(f"DELETE FROM {table} WHERE {condition}", dialect)
    if found.kind != "DELETE" or found.others or found.ctes:
        raise StatementError("write a condition alone, as it stands after WHERE")
    by_chance = sorted(set(found.calls) & _BY_CHANCE)
    if by_chance:
        raise StatementError(f"{by_chance[0]}() does not give the same twice: leave it out")
    if dialect in set(Dialect):
        # Judged without a connection, so that every function that is not known to be harmless is refused.
        names = {name for name, _, _ in placeholders(found.where, dialect)}
        asked, _ = bind(found.where, dialect, dict.fromkeys(names), "NULL")
        verdict = judge_within(f"SELECT 1 FROM {table} WHERE {asked}", Dialect(dialect))
        if not verdict.allowed:
            raise StatementError(verdict.reason)
    return found


def plan_of(session: Session, table: str, condition: str, parameters: Mapping[str, Any], destination: str = "") -> Plan:
    """Look at the tables and put the statements together. Raises ``StatementError`` with the remedy."""
    engine = session.engine
    statement = read_condition(engine.name, table, condition)
    tables = Tables(session)
    source = tables.target(statement)
    if not source.key:
        raise StatementError(f"{source.name} has no key that identifies its rows: a job cannot be resumed there")
    following = sorted(str(one.table) for one in source.referenced_by if one.on_delete in FOLLOWS)
    if following:
        raise StatementError(f"rows of {following[0]} would follow by a foreign key: clean that table up first")
    aim = _destination(tables, engine.name, source, destination) if destination else None
    sql, values = bind(statement.where, engine.name, parameters, engine.marker)
    if values is None and engine.marker == "%s":
        sql = sql.replace("%", "%%")
    warnings = [f"the trigger {one.name} of {source.name} fires for each row" for one in _deleting(source)]
    return Plan(source, sql, tuple(values or ()), aim, tables.fingerprint(), tuple(warnings))


def _deleting(table: Table) -> list[Any]:
    return [one for one in table.triggers if "DELETE" in one.events]


def _destination(tables: Tables, dialect: str, source: Table, written: str) -> Table:
    """The table that rows are moved to: another one, with every column of the source and the same key."""
    aim = tables.target(parse(f"DELETE FROM {written} WHERE 1 = 1", dialect))
    if aim.name == source.name:
        raise StatementError("rows are moved to another table than their own")
    missing = [one.name for one in source.columns if aim.column(one.name) is None]
    if missing:
        raise StatementError(f"{aim.name} has no column {missing[0]}")
    if source.row_id:
        raise StatementError(f"{source.name} has no key of its own that would mean the same in {aim.name}")
    return aim


def select(
    session: Session, plan: Plan, after: Key | None, limit: int, *, whole: bool, lock: bool = True
) -> list[tuple[Any, ...]]:
    """The next rows by their key: the key, and with ``whole`` all columns behind it. ``lock`` keeps others away."""
    wanted = keys_only(session, plan.source)
    if whole:
        wanted += f", {rows.wanted(session, plan.source, (), plan.source.name.name).sql}"
    sql, values = _selecting(session, plan, after, limit, wanted)
    # PostgreSQL's snapshot makes the DELETE fail if somebody else was at a row; the others need the locks.
    held = session.engine.lock if lock and session.engine.name != "postgres" else ""
    return session.run(sql + held, values).rows


def copying(session: Session, plan: Plan, after: Key | None, limit: int) -> tuple[str, list[Any]]:
    """The query by which PostgreSQL copies the next rows out, and the values that it binds."""
    alias = session.engine.quote(plan.source.name.name)
    return _selecting(session, plan, after, limit, ", ".join(copied(one, alias) for one in plan.source.columns))


def _selecting(session: Session, plan: Plan, after: Key | None, limit: int, wanted: str) -> tuple[str, list[Any]]:
    also, values = beyond(session, plan, after)
    sql = (
        f"SELECT {wanted} FROM {rows.source_of(session, plan.source)} WHERE ({plan.condition}){also} "
        f"ORDER BY {', '.join(_quoted(session, plan.source, plan.key))} LIMIT {int(limit)}"
    )
    return sql, [*plan.values, *values]


def keys_only(session: Session, table: Table) -> str:
    """What a query selects to get the key alone, without loss."""
    alias = session.engine.quote(table.name.name)
    known = {column.name: session.engine.read_value(table, column, alias) for column in table.columns}
    return ", ".join(known.get(name, f"{alias}.{session.engine.quote(name)}") for name in table.key)


def _quoted(session: Session, table: Table, key: Sequence[str]) -> list[str]:
    alias = session.engine.quote(table.name.name)
    return [f"{alias}.{session.engine.quote(name)}" for name in key]


def _value(session: Session, table: Table, name: str, value: Any) -> tuple[str, Any]:
    """(the marker with its cast, the value to bind) for a column of the key."""
    column = table.column(name)
    if column is None:
        return session.engine.marker, value
    # Next to a number MySQL compares a text as a float, which is not exact.
    exact = session.engine.name == "mysql" and "int" in column.type.lower()
    return session.engine.write_value(column), int(value) if exact else value


def _compare(session: Session, table: Table, key: Sequence[str], values: Key, sign: str) -> tuple[str, list[Any]]:
    """Whether a row's key is beyond another: column by column, as an index is walked."""
    names = _quoted(session, table, key)
    marks = [_value(session, table, name, value) for name, value in zip(key, values, strict=True)]
    condition, bound = f"{names[-1]} {sign} {marks[-1][0]}", [marks[-1][1]]
    strict = sign[0]
    for name, (mark, value) in zip(names[-2::-1], marks[-2::-1], strict=True):
        condition = f"{name} {strict}= {mark} AND ({name} {strict} {mark} OR ({condition}))"
        bound = [value, value, *bound]
    return condition, bound


def beyond(session: Session, plan: Plan, after: Key | None) -> tuple[str, list[Any]]:
    """The condition for rows behind a key."""
    if after is None:
        return "", []
    condition, values = _compare(session, plan.source, plan.key, after, ">")
    return f" AND ({condition})", values


def between(session: Session, table: Table, key: Sequence[str], first: Key, last: Key) -> tuple[str, list[Any]]:
    """The condition for the rows of a table from one key to another, both included."""
    low, low_values = _compare(session, table, key, first, ">=")
    high, high_values = _compare(session, table, key, last, "<=")
    return f"({low}) AND ({high})", [*low_values, *high_values]


def within(session: Session, plan: Plan, first: Key, last: Key) -> tuple[str, list[Any]]:
    """The condition for the rows of a job from one key to another."""
    condition, values = between(session, plan.source, plan.key, first, last)
    return f"({plan.condition}) AND {condition}", [*plan.values, *values]


def count(session: Session, plan: Plan, after: Key | None = None) -> int:
    """How many rows are left behind a key."""
    also, values = beyond(session, plan, after)
    sql = f"SELECT count(*) FROM {rows.source_of(session, plan.source)} WHERE ({plan.condition}){also}"
    return int(session.value(sql, [*plan.values, *values]))


def existing(session: Session, table: Table, key: Sequence[str], keys: Sequence[Key]) -> int:
    """How many of these keys a table has."""
    return len(rows.by_keys(session, table, key, keys, lock=False))
