"""chDB behind a small pool of connections, one request at a time on each.

chDB runs statements of several threads side by side and lets go of the interpreter while it works, so a pool of
connections is all that parallel readers need. Settings belong to a connection; the difference to what the last
request left there is applied before a statement, which for our own client is no difference at all.
"""

import os
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chdb

_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}\Z")
_INSERT = re.compile(
    r"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?P<table>[^\s(]+)\s*(?P<columns>\([^)]*\))?"
    r"(?:\s+SETTINGS\s+(?P<settings>.*?))?\s+FORMAT\s+(?P<format>[A-Za-z]+)\s*;?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_INPUT = re.compile(r"\binput\s*\(\s*'(?P<structure>(?:[^'\\]|\\.)*)'\s*\)", re.IGNORECASE)
_TRAILING_FORMAT = re.compile(r"\s+FORMAT\s+(?P<format>[A-Za-z0-9]+)\s*;?\s*\Z", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)\.")


class StatementError(Exception):
    """The engine refused a statement. ``code`` is ClickHouse's number for the reason."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _CODE.search(text)
        self.code = int(found.group(1)) if found else 1000


@dataclass(frozen=True)
class Result:
    """What a statement gave: the rows in the format that was asked for, and what it cost."""

    data: bytes
    format: str
    read_rows: int
    read_bytes: int
    seconds: float


@dataclass
class _Connection:
    raw: Any
    applied: dict[str, str] = field(default_factory=dict)

    def run(self, sql: str, output: str = "Null", params: Mapping[str, str] | None = None) -> Any:
        try:
            return self.raw.query(sql, output, params=dict(params)) if params else self.raw.query(sql, output)
        except chdb.ChdbError as error:
            raise StatementError(str(error)) from error

    def apply(self, settings: Mapping[str, str]) -> None:
        gone = [name for name in self.applied if name not in settings]
        changed = {name: value for name, value in settings.items() if self.applied.get(name) != value}
        for name in (*gone, *changed):
            if not _SETTING_NAME.match(name):
                raise StatementError(f"Code: 115. {name!r} is not the name of a setting")
        parts = [f"{name} = DEFAULT" for name in gone]
        parts += [f"{name} = '{_quoted(value)}'" for name, value in changed.items()]
        if parts:
            self.run("SET " + ", ".join(parts))
            self.applied = dict(settings)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """The bytes as a file in memory, which chDB reads without another copy through SQL text."""
    handle = os.memfd_create("mainstay-insert")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


class _Tokens:
    """The deduplication tokens whose inserts are under way."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def holding(self, token: str) -> Iterator[None]:
        """Wait until nobody else inserts with this token, and hold it. No token, no waiting."""
        if not token:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: token not in self._held)
            self._held.add(token)
        try:
            yield
        finally:
            with self._changed:
                self._held.remove(token)
                self._changed.notify_all()


class Store:
    """The data directory of the engine, opened. One process may hold it at a time."""

    def __init__(self, path: Path, database: str, connections: int = 4) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._free: queue.Queue[_Connection] = queue.Queue()
        for number in range(connections):
            connection = _Connection(chdb.connect(str(path)))
            if number == 0:
                connection.run(f"CREATE DATABASE IF NOT EXISTS `{database}`")
            connection.run(f"USE `{database}`")
            self._free.put(connection)
        self._size = connections
        self._tokens = _Tokens()

    @contextmanager
    def _connection(self) -> Iterator[_Connection]:
        connection = self._free.get()
        try:
            yield connection
        finally:
            self._free.put(connection)

    def query(self, sql: str, output: str, settings: Mapping[str, str], params: Mapping[str, str]) -> Result:
        """Run one statement. A trailing FORMAT in the text wins over ``output``."""
        named = _TRAILING_FORMAT.search(sql)
        if named:
            output, sql = named.group("format"), sql[: named.start()]
        with self._connection() as connection:
            connection.apply(settings)
            answer = connection.run(sql, output, params)
            return Result(
                answer.bytes() or b"", output, answer.storage_rows_read(), answer.storage_bytes_read(), answer.elapsed()
            )

    def insert(self, sql: str, data: bytes, settings: Mapping[str, str]) -> Result:
        """Run ``INSERT INTO … FORMAT F`` or ``INSERT INTO … SELECT … FROM input('…') FORMAT F`` with its rows.

        A deduplication token is written down before the rows. When the sender dies meanwhile and another sends the same
        batch, that one must not hear "seen already" while the first could still fail: it waits for the first.
        """
        token = settings.get("insert_deduplication_token", "")
        with self._tokens.holding(token), _as_file(data) as name, self._connection() as connection:
            connection.apply(settings)
            answer = connection.run(_insert_from(sql, name))
            return Result(b"", "Null", answer.storage_rows_read(), answer.storage_bytes_read(), answer.elapsed())

    def close(self) -> None:
        """Wait for what runs and close."""
        for _ in range(self._size):
            self._free.get().raw.close()


def _insert_from(sql: str, name: str) -> str:
    plain = _INSERT.match(sql)
    if plain:
        columns = plain.group("columns") or ""
        wanted = columns.strip("() \n") or "*"
        settings = f" SETTINGS {plain.group('settings')}" if plain.group("settings") else ""
        return (  # The statement is the client's own; the engine is there to run it.
            f"INSERT INTO {plain.group('table')} {columns}{settings} "
            f"SELECT {wanted} FROM file('{name}', {plain.group('format')})"
        )
    source, ending = _INPUT.search(sql), _TRAILING_FORMAT.search(sql)
    if source and ending:
        table = f"file('{name}', {ending.group('format')}, '{source.group('structure')}')"
        return sql[: source.start()] + table + sql[source.end() : ending.start()]
    raise StatementError("Code: 62. Rows can be inserted by INSERT INTO … FORMAT … or by input('…') … FORMAT … alone")
