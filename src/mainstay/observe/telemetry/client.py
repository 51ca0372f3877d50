"""The one client of the telemetry store: ``clickhouse-connect`` over HTTP, to the engine or to a cluster."""

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from mainstay.core import ids
from mainstay.core.settings import current

UNKNOWN_DATABASE = 81


@dataclass(frozen=True)
class Answer:
    """What a query gave: rows of values, the names of the columns, and what the store read for it."""

    rows: list[tuple[Any, ...]]
    names: tuple[str, ...]
    read_rows: int
    read_bytes: int


class TelemetryError(Exception):
    """A statement failed. ``code`` is ClickHouse's number, 0 when the store could not be reached at all."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code

    @property
    def passing(self) -> bool:
        """Whether the same statement may well succeed later: nobody answered, or it was short of time or memory."""
        return self.code in {0, 159, 160, 202, 209, 210, 241, 242, 252, 279, 394}


def engine_password() -> str:
    """The password between our processes and the embedded engine, made at first use and kept in the data directory."""
    path = current().data_dir / "keys" / "engine"
    with suppress(FileNotFoundError):
        return path.read_text(encoding="ascii")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"engine.{ids.new_id()}")
    fresh.touch(mode=0o600)
    fresh.write_text(ids.new_secret("mse"), encoding="ascii")
    with suppress(FileExistsError):
        path.hardlink_to(fresh)
    fresh.unlink()
    return path.read_text(encoding="ascii")


def _place() -> dict[str, Any]:
    """Where the store is. The embedded engine writes its address down when it listens."""
    conf = current()
    if conf.engine_url:
        parts = urlsplit(conf.engine_url)
        return {
            "host": parts.hostname or "",
            "port": parts.port or (8443 if parts.scheme == "https" else 8123),
            "username": unquote(parts.username or "default"),
            "password": unquote(parts.password or ""),
            "secure": parts.scheme == "https",
        }
    try:
        known = json.loads((conf.data_dir / "run" / "engine.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise TelemetryError("the telemetry engine is not running; start it with 'mainstay up'") from None
    return {"host": known["host"], "port": known["port"], "username": "mainstay", "password": engine_password()}


def _life() -> str:
    """What tells one life of the embedded engine from the next; a cluster's is its own affair."""
    try:
        return str(json.loads((current().data_dir / "run" / "engine.json").read_text(encoding="utf-8"))["started"])
    except (FileNotFoundError, ValueError, KeyError):
        return ""


def _limits() -> dict[str, Any]:
    conf = current()
    return {"max_execution_time": conf.engine_timeout, "max_memory_usage": conf.engine_memory_mb * 1_000_000}


class Telemetry:
    """A connection to the store, shared by the threads of a process."""

    def __init__(self, client: Any, life: str) -> None:
        self._client, self._life = client, life

    def rows(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of a query. Parameters are bound by the server as ``{name:Type}``."""
        return self.ask(sql, params, settings).rows

    def ask(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> Answer:
        """The rows of a query with what it cost."""
        limits = {**_limits(), **(settings or {})}
        answer = self._do(lambda: self._client.query(sql, parameters=dict(params or {}), settings=limits))
        cost = answer.summary or {}
        return Answer(
            list(map(tuple, answer.result_rows)),
            tuple(answer.column_names),
            int(cost.get("read_rows", 0)),
            int(cost.get("read_bytes", 0)),
        )

    def raw(self, sql: str, params: Mapping[str, Any], form: str) -> bytes:
        """The answer to a query as bytes of a format of the store, such as ``ArrowStream``."""
        found = self._do(lambda: self._client.raw_query(sql, parameters=dict(params), settings=_limits(), fmt=form))
        return bytes(found)

    def command(self, sql: str) -> Any:
        """Run a statement that returns nothing or one value."""
        return self._do(lambda: self._client.command(sql))

    def insert(self, sql: str, data: bytes, token: str) -> None:
        """Insert a batch. The store passes over a batch whose token it has seen, so that a repeat does no harm.

        The engine writes a token down before the rows. If it dies between the two, its next life would pass over rows
        that it does not have; so a token holds for one life only. A batch that was stored just before the engine died
        is then stored twice: samples, series and changes are the same for it, a log line may be seen twice.
        """
        # Tables are partitioned by day. Old logs may span more days than the default limit of partitions in one insert.
        limits = {"max_partitions_per_insert_block": 0, "deduplicate_blocks_in_dependent_materialized_views": 1}
        settings = {"insert_deduplication_token": f"{token}.{self._life}", "wait_end_of_query": 1, **limits}
        self._do(lambda: self._client.command(sql, data=data, settings=settings))

    def stream(self, sql: str) -> Any:
        """The raw bytes of an answer, chunk by chunk."""
        return self._do(lambda: self._client.raw_stream(sql))

    def _do(self, call: Any) -> Any:
        from clickhouse_connect.driver.exceptions import ClickHouseError
        from urllib3.exceptions import HTTPError

        try:
            return call()
        except ClickHouseError as error:
            text = str(error)
            code = _code(text)
            if not code:
                forget()
            raise TelemetryError(text.partition("server response: ")[2] or text, code) from error
        except (HTTPError, OSError) as error:
            forget()
            raise TelemetryError(f"the telemetry store does not answer: {error}") from error


def _code(text: str) -> int:
    _, _, rest = text.partition("code: ")
    digits = rest.partition(",")[0].strip()
    return int(digits) if digits.isdigit() else 0


_lock = threading.Lock()
_shared: list[Telemetry] = []


def connect() -> Telemetry:
    """The connection of this process, opened on first use."""
    with _lock:
        if not _shared:
            _shared.append(_open())
        return _shared[0]


def forget() -> None:
    """Open a new connection next time: the engine may have come back at another port."""
    with _lock:
        _shared.clear()


def _open() -> Telemetry:
    """Open a connection. A database that is missing is made first, by a connection without one."""
    try:
        return _open_at(current().engine_database)
    except TelemetryError as error:
        if error.code != UNKNOWN_DATABASE:
            raise
    _open_at(None).command(f"CREATE DATABASE IF NOT EXISTS `{current().engine_database}`")
    return _open_at(current().engine_database)


def _open_at(database: str | None) -> Telemetry:
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError

    conf = current()
    life = "" if conf.engine_url else _life()
    try:
        client = clickhouse_connect.get_client(
            **_place(),
            database=database,
            compress=False,
            autogenerate_session_id=False,
            connect_timeout=3,
            send_receive_timeout=int(conf.engine_timeout) + 5,
            query_retries=0,
        )
    except (ClickHouseError, OSError) as error:
        raise TelemetryError(f"the telemetry store does not answer: {error}", _code(str(error))) from error
    return Telemetry(client, life)


def rows(
    sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
) -> Sequence[tuple[Any, ...]]:
    """The rows of a query over the shared connection."""
    return connect().rows(sql, params, settings)


def ask(sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None) -> Answer:
    """The rows of a query over the shared connection, with what it cost."""
    return connect().ask(sql, params, settings)


def raw(sql: str, params: Mapping[str, Any], form: str) -> bytes:
    """The answer to a query over the shared connection, in a format of the store."""
    return connect().raw(sql, params, form)
