"""Running a read: the layers in their order, limits, masks, and stopping it on the server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.domain.masking import Mask, masks_of, shown
from mainstay.restore.sqldesk.engines import ENGINES
from mainstay.restore.sqldesk.engines.base import CancelledError
from mainstay.restore.sqldesk.engines.session import CHUNK, Field, Session
from mainstay.restore.sqldesk.examine import masking, values
from mainstay.restore.sqldesk.examine.known import catalog_of
from mainstay.restore.sqldesk.examine.parameters import Parameter, bind
from mainstay.restore.sqldesk.judge import Dialect, Rule, Verdict
from mainstay.restore.sqldesk.limits import judge_within
from mainstay.restore.sqldesk.models import Connection

_SERVER_ID = {"postgres": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}
# The number of a session may be another's by now: only a session of ours is stopped.
_STOP = {
    "postgres": "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = {} AND application_name = 'mainstay'",
    "mysql": "KILL QUERY {}",
}
_TRIES, _BETWEEN = 50, 0.1
_lock = Lock()


@dataclass
class _Run:
    """A read that runs in this process."""

    session: Session
    asked: bool = False
    ended: Event = field(default_factory=Event)


_running: dict[str, _Run] = {}


class NotARead(Exception):  # noqa: N818 - it is an answer of the judge
    """The judge refused. ``verdict`` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


@dataclass(frozen=True)
class Question:
    """What is asked: a text with its parameters, from which row on, and how many at most."""

    sql: str
    specs: tuple[Parameter, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    offset: int = 0
    limit: int | None = None


@dataclass
class Reading:
    """An answer as it comes in. What stands here after the last chunk is what was read in all."""

    connection: Connection
    fields: tuple[Field, ...] = ()
    masks: list[Mask | None] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0
    cut: str = ""
    server_id: str = ""
    elapsed_ms: int = 0

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [one.name for one in self.fields]


@contextmanager
def opened(connection: Connection, question: Question, token: str) -> Iterator[tuple[Reading, Iterator[Any]]]:
    """Judge and run a read: what is known of the answer, and its rows in chunks, masked and within the limits.

    Raises ``NotARead``, ``ParameterError`` and ``DeskError``.
    """
    reading = Reading(connection)
    with connections.reading(connection) as session, _stoppable(token, session) as run:
        verdict = judged(connection, session, question.sql)
        text, bound = bind(verdict.sql.rstrip().removesuffix(";"), connection.dialect, question.specs, question.values)
        if connection.dialect in _SERVER_ID:
            reading.server_id = str(session.value(_SERVER_ID[connection.dialect]))
        if run.asked:
            raise CancelledError("cancelled")
        yield reading, _chunks(reading, session, question, verdict, (text, bound))


def judged(connection: Connection, session: Session, sql: str) -> Verdict:
    """The verdict on a statement that only reads, by what the server's catalog says. Raises ``NotARead``."""
    if connection.dialect not in set(Dialect):
        raise NotARead(Verdict(False, f"Reads of {connection.get_dialect_display()} are not judged yet", Rule.UNKNOWN))
    catalog = catalog_of(connection, session)
    verdict = judge_within(sql, Dialect(connection.dialect), catalog.functions)
    if not verdict.allowed:
        raise NotARead(verdict)
    return verdict


def _chunks(
    reading: Reading, session: Session, question: Question, verdict: Verdict, asked: tuple[str, Any]
) -> Iterator[list[list[Any]]]:
    connection, began = reading.connection, time.monotonic()
    most = min(question.limit or connection.max_rows, connection.max_rows)
    left = question.offset
    try:
        for part in _stream(session, verdict, asked):
            if isinstance(part, tuple):
                reading.fields = part
                reading.masks = _masks(reading, verdict)
                continue
            kept, left = part[left:], max(left - len(part), 0)
            made = _within(reading, kept, most)
            if made:
                yield made
            if reading.cut:
                _let_go(session)
                return
    finally:
        reading.elapsed_ms = int((time.monotonic() - began) * 1000)


def _stream(session: Session, verdict: Verdict, asked: tuple[str, Any]) -> Iterator[Any]:
    """The fields, then rows. What is no query has no cursor on the server and is short."""
    if verdict.kind in {"select", "values", "table"}:
        yield from session.stream(*asked, size=CHUNK)
        return
    answer = session.run(*asked)
    yield answer.fields
    yield answer.rows


def _let_go(session: Session) -> None:
    """The driver of MySQL reads an answer to its end before it lets go, unless the server ends it first."""
    if session.engine.name == "mysql":
        with suppress(Exception):
            session.cancel()


def _within(reading: Reading, rows: list[Any], most: int) -> list[list[Any]]:
    """The rows that still fit, masked."""
    made = []
    for row in rows:
        if reading.rows >= most:
            reading.cut = f"after {most} rows"
            break
        reading.bytes += values.size_of(row)
        if reading.bytes > reading.connection.max_bytes:
            reading.cut = f"after {reading.connection.max_bytes} bytes"
            break
        reading.rows += 1
        made.append([one if mask is None else shown(mask, one) for mask, one in zip(reading.masks, row, strict=True)])
    return made


def _masks(reading: Reading, verdict: Verdict) -> list[Mask | None]:
    connection = reading.connection
    rules = masks_of(connection.masks)
    tables = catalog_of(connection).base_tables(verdict.tables) if rules else None
    return masking.hidden(verdict.sql, connection.dialect, reading.names, rules, tables)


@contextmanager
def _stoppable(token: str, session: Session) -> Iterator[_Run]:
    run = _Run(session)
    with _lock:
        _running[token] = run
    try:
        yield run
    finally:
        run.ended.set()
        with _lock:
            _running.pop(token, None)


def stop(connection: Connection, token: str, server_id: str) -> bool:
    """Stop a read on the server, from whichever process it is asked. Whether there was a way to."""
    with _lock:
        run = _running.get(token)
    if run is not None:
        run.asked = True
        # What comes before the statement begins is lost on a server, so it is said until the read has ended.
        for _ in range(_TRIES):
            run.session.cancel()
            if run.ended.wait(_BETWEEN):
                break
        return True
    if connection.dialect not in _STOP or not server_id.isdigit():
        return False
    target = connections.target_of(connection, reading=True)
    with suppress(Exception), Session(ENGINES[connection.dialect], target) as other:
        other.run(_STOP[connection.dialect].format(int(server_id)))
        return True
    return False
