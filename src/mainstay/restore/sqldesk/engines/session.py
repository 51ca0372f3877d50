"""A session with one database: statements in, rows out, errors in our words."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from mainstay.restore.sqldesk.engines.base import DeskError, Engine, Target

Params = Sequence[Any] | Mapping[str, Any] | None
CHUNK = 1000


@dataclass(frozen=True)
class Field:
    """A column of an answer, with the name of its type where the driver tells it."""

    name: str
    type: str


@dataclass(frozen=True)
class Answer:
    """Rows of a query, or the number of rows that a statement matched."""

    fields: tuple[Field, ...]
    rows: list[tuple[Any, ...]]
    count: int


class Session:
    """One connection. It belongs to one thread; only ``cancel`` may be called from another."""

    def __init__(self, engine: Engine, target: Target, *, raw: bool = False) -> None:
        self.engine, self.target = engine, target
        # When the statement that runs has to be over, for databases that have no timeout of their own.
        self.deadline = time.monotonic() + target.statement_timeout
        with self._translated():
            self.raw = engine.connect(target, raw=raw)
        try:
            engine.prepare(self)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        self.deadline = time.monotonic() + self.target.statement_timeout
        try:
            yield
        except Exception as error:
            known = self.engine.translate(error)
            if known is None:
                raise
            raise known from error

    def run(self, sql: str, params: Params = None) -> Answer:
        """Run one statement and fetch all that it gives."""
        with self._translated():
            cursor = self.raw.cursor()
            try:
                # Without parameters a driver must not look for markers: a percent sign is just one.
                cursor.execute(sql, params) if params is not None else cursor.execute(sql)
                rows = list(cursor.fetchall()) if cursor.description else []
                return Answer(self._fields(cursor), rows, cursor.rowcount)
            finally:
                cursor.close()

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run one statement for each row of values. Returns how many rows of the table it matched in all."""
        if not rows:
            return 0
        with self._translated():
            cursor = self.raw.cursor()
            try:
                cursor.executemany(sql, rows)
                return int(cursor.rowcount)
            finally:
                cursor.close()

    def stream(self, sql: str, params: Params = None, size: int = CHUNK) -> Iterator[Any]:
        """The fields first, then lists of rows, as the server sends them. Within a transaction."""
        with self._translated():
            cursor = self.engine.streaming_cursor(self)
            try:
                cursor.execute(sql, params) if params is not None else cursor.execute(sql)
                yield self._fields(cursor)
                while rows := cursor.fetchmany(size):
                    yield list(rows)
            finally:
                with suppress(Exception):
                    cursor.close()

    def _fields(self, cursor: Any) -> tuple[Field, ...]:
        described = cursor.description or ()
        return tuple(Field(one[0], self.engine.type_name(self, one[1])) for one in described)

    def value(self, sql: str, params: Params = None) -> Any:
        """The first value of the first row, or nothing."""
        rows = self.run(sql, params).rows
        return rows[0][0] if rows else None

    def commit(self) -> None:
        """Make it so."""
        self.run("COMMIT")

    def rollback(self) -> None:
        """Take it back. Where the connection or the transaction is gone, the server has done so by itself."""
        with suppress(DeskError):
            self.run("ROLLBACK")

    def cancel(self) -> None:
        """Stop what runs, from another thread."""
        self.engine.cancel(self.target, self)

    def close(self) -> None:
        """End the connection; the server rolls back what was not committed."""
        with suppress(Exception):
            self.raw.close()

    def __enter__(self) -> "Session":
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
