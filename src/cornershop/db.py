"""A thin SQLite layer that times what it does, because slow queries are what this shop is asked about most."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cornershop import logs
from cornershop.metrics import DB_SECONDS

BUSY_SECONDS = 5.0
SLOW_SECONDS = 0.25

Row = sqlite3.Row


class Database:
    """One SQLite file in WAL mode, with a small pool of connections for the request threads."""

    def __init__(self, path: Path, schema: str, log: logging.Logger) -> None:
        self.path = path
        self._log = log
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(schema)

    def rows(self, operation: str, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """All rows of one query. `operation` names it in the metric and in the slow query log."""
        with self._timed(operation, sql), self._connection() as connection:
            return connection.execute(sql, arguments).fetchall()

    def value(self, operation: str, sql: str, arguments: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(operation, sql, arguments)
        return found[0][0] if found else None

    @contextmanager
    def transaction(self, operation: str) -> Iterator[sqlite3.Connection]:
        """A write transaction that takes the write lock at once, so that waiting happens in one place."""
        with self._timed(operation, "BEGIN IMMEDIATE ..."), self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = connect(self.path)
        try:
            yield connection
        finally:
            with self._lock:
                self._idle.append(connection)

    @contextmanager
    def _timed(self, operation: str, sql: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            DB_SECONDS.labels(operation=operation).observe(seconds)
            if seconds > SLOW_SECONDS:
                statement = " ".join(sql.split())
                logs.warning(
                    self._log,
                    f"slow query: {operation} took {seconds * 1000:.0f} ms",
                    operation=operation,
                    duration_ms=round(seconds * 1000),
                    statement=statement,
                )


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode that waits up to five seconds for a lock."""
    uri = f"{path.as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection
