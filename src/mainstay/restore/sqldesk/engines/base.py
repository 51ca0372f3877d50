"""What all databases share: how they are addressed, what a table looks like, and how they fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mainstay.restore.sqldesk.engines.session import Session


class DeskError(Exception):
    """A database did not do what was asked. The text is for the person who asked."""


class UnreachableError(DeskError):
    """There was no connection, or it broke: whether a commit went through is not known."""


class RefusedError(DeskError):
    """The database said no to a statement."""


class TimedOutError(RefusedError):
    """A statement took longer than its limit, or waited too long for a lock."""


class CancelledError(RefusedError):
    """Somebody cancelled the statement."""


@dataclass(frozen=True)
class Target:
    """Where a database is and what a session there may take. Timeouts in seconds."""

    dialect: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: int | None = None
    database: str = ""
    role: str = ""
    statement_timeout: float = 30
    lock_timeout: float = 5


@dataclass(frozen=True)
class Column:
    """A column. ``type`` is what a cast to it is written as. ``generated`` ones the database computes itself.

    ``refreshed`` ones get a new value by themselves whenever their row is updated.
    """

    name: str
    type: str
    nullable: bool = True
    generated: bool = False
    identity_always: bool = False
    refreshed: bool = False
    default: str = ""


@dataclass(frozen=True)
class Name:
    """A table by its schema (the database, for MySQL; empty for SQLite) and name."""

    schema: str
    name: str

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Reference:
    """A foreign key: rows of ``table`` point by ``columns`` at ``to_columns`` of ``to``. Actions in upper case."""

    name: str
    table: Name
    columns: tuple[str, ...]
    to: Name
    to_columns: tuple[str, ...]
    on_delete: str
    on_update: str


@dataclass(frozen=True)
class Trigger:
    """A trigger that is switched on. ``events`` are INSERT, UPDATE, DELETE; ``timing`` BEFORE, AFTER, INSTEAD OF."""

    name: str
    timing: str
    events: frozenset[str]
    body: str


@dataclass(frozen=True)
class Table:
    """A table as a correction must know it.

    ``key`` identifies its rows: the primary key, else a unique key without NULLs, else nothing. ``row_id`` says that
    the key is SQLite's own number of the row, which is no column. ``refusal`` says why its rows cannot be corrected.
    """

    name: Name
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    uniques: tuple[tuple[str, ...], ...] = ()
    references: tuple[Reference, ...] = ()
    referenced_by: tuple[Reference, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    row_id: bool = False
    refusal: str = ""

    def column(self, name: str) -> Column | None:
        """The column with this name, whatever its case."""
        return next((one for one in self.columns if one.name.lower() == name.lower()), None)


class Engine(Protocol):
    """One kind of database. Its methods send what is particular to it; a session does the rest."""

    name: str
    marker: str
    lock: str

    def connect(self, target: Target, *, raw: bool) -> Any:
        """Open a connection that commits each statement by itself. ``raw`` values are lossless text (see images)."""

    def prepare(self, session: "Session") -> None:
        """Set the limits of a session."""

    def begin_read(self, session: "Session") -> None:
        """Begin a transaction in which nothing can be written."""

    def begin_write(self, session: "Session") -> None:
        """Begin a transaction that sees one state of the data, or fails when others change it meanwhile."""

    def ident(self, session: "Session") -> dict[str, Any]:
        """By which the server knows the session and its transaction, to cancel it and to ask what became of it."""

    def cancel(self, target: Target, session: "Session") -> None:
        """Stop the statement that the session runs, on the server."""

    def outcome(self, session: "Session", ident: dict[str, Any]) -> str:
        """What became of an earlier transaction: committed, aborted, running, or unknown where it cannot be told."""

    def quote(self, name: str) -> str:
        """A name as it stands in a statement."""

    def resolve(self, session: "Session", schema: str, name: str) -> Name | None:
        """The table or view that a name in a statement means."""

    def describe(self, session: "Session", table: Name) -> Table:
        """All that a correction must know of a table."""

    def tables(self, session: "Session") -> list[tuple[Name, str, int | None]]:
        """Tables and views: name, kind (table, view), rows as the database estimates them."""

    def functions(self, session: "Session") -> dict[str, str]:
        """Functions by qualified name, with immutable, stable, volatile or unknown."""

    def translate(self, error: Exception) -> DeskError | None:
        """What an error of the driver means, or nothing if it is none of the driver's."""

    def read_value(self, table: Table, column: Column, alias: str) -> str:
        """The expression that reads a column without loss."""

    def write_value(self, column: Column) -> str:
        """The expression that puts a value that ``read_value`` gave into its column."""

    def matching(self, table: Table, key: Sequence[str], keys: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """The condition that picks the rows with these values of the key, with the values that it binds."""

    def written(self, session: "Session") -> dict[str, tuple[int, int, int]]:
        """Rows inserted, updated and deleted so far by this transaction, by table; under ``*`` where it counts all."""

    def streaming_cursor(self, session: "Session") -> Any:
        """A cursor that fetches rows as they are asked for, instead of all at once."""

    def type_name(self, session: "Session", code: Any) -> str:
        """The name of a column's type in an answer, empty where the driver does not tell."""

    def returning(self, kind: str, session: "Session") -> bool:
        """Whether INSERT, UPDATE or DELETE can give back the rows that it touched."""


def in_lists(
    marker: str, quoted: Sequence[str], keys: Sequence[Sequence[Any]], convert: Callable[[int, Any], Any]
) -> tuple[str, list[Any]]:
    """Rows by lists of values, as every database understands it. ``convert`` gets the place of the column."""
    values = [convert(place, value) for one in keys for place, value in enumerate(one)]
    if len(quoted) == 1:
        return f"{quoted[0]} IN ({', '.join([marker] * len(keys))})", values
    single = "(" + " AND ".join(f"{name} = {marker}" for name in quoted) + ")"
    return "(" + " OR ".join([single] * len(keys)) + ")", values


def first_key(columns: Sequence[Column], primary: Sequence[str], uniques: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The primary key, else the shortest unique key whose columns are never NULL, else nothing."""
    if primary:
        return tuple(primary)
    required = {one.name for one in columns if not one.nullable}
    whole = [tuple(one) for one in uniques if one and set(one) <= required]
    return min(whole, key=lambda one: (len(one), one), default=())
