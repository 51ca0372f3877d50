"""ClickHouse's HTTP interface in front of the store, as an ASGI application.

It answers what ``clickhouse-connect`` and ``curl`` ask for: ``/ping``, statements in the address or the body, rows to
insert in the body, settings and parameters in the address, compression by gzip, lz4 and zstd, errors with their code.
Source: ClickHouse documentation, "HTTP interface".
"""

import asyncio
import base64
import binascii
import gzip
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from mainstay.observe.telemetry.engine.store import Result, StatementError, Store

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# What the address may carry that is not a setting of a statement.
_NOT_SETTINGS = {
    "query",
    "database",
    "default_format",
    "query_id",
    "session_id",
    "session_timeout",
    "session_check",
    "wait_end_of_query",
    "buffer_size",
    "user",
    "password",
    "compress",
    "decompress",
    "quota_key",
    "role",
    "client_protocol_version",
    "cancel_http_readonly_queries_on_client_close",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "enable_http_compression",
}


class Engine:
    """The ASGI application. ``password`` is asked of every request but ``/ping``."""

    def __init__(self, store: Store, password: str, workers: int = 4) -> None:
        self._store, self._password = store, password
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="statement")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or the start and the end of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _read(receive)
        if scope["path"] in {"/ping", "/replicas_status"}:
            await _answer(send, 200, b"Ok.\n", {})
            return
        args = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if not self._knows(headers, args):
            await _answer(send, 403, b"Code: 516. Authentication failed", {"X-ClickHouse-Exception-Code": "516"})
            return
        try:
            body = _unpacked(body, headers.get("content-encoding", ""))
            result = await asyncio.get_running_loop().run_in_executor(self._pool, self._run, args, body)
        except StatementError as error:
            await _answer(send, 500, str(error).encode(), {"X-ClickHouse-Exception-Code": str(error.code)})
            return
        summary = {"read_rows": str(result.read_rows), "read_bytes": str(result.read_bytes)}
        summary["elapsed_ns"] = str(int(result.seconds * 1e9))
        said = {"X-ClickHouse-Format": result.format, "X-ClickHouse-Summary": json.dumps(summary)}
        await _answer(send, 200, result.data, said)

    def _knows(self, headers: Mapping[str, str], args: Mapping[str, str]) -> bool:
        given = headers.get("x-clickhouse-key") or args.get("password") or _basic_password(headers)
        return hmac.compare_digest(given.encode(), self._password.encode())

    def _run(self, args: Mapping[str, str], body: bytes) -> Result:
        settings = {k: v for k, v in args.items() if k not in _NOT_SETTINGS and not k.startswith("param_")}
        params = {k.removeprefix("param_"): v for k, v in args.items() if k.startswith("param_")}
        statement, data = _split(args.get("query", ""), body)
        if data or (statement.lstrip()[:6].upper() == "INSERT" and " VALUES" not in statement.upper() and body):
            return self._store.insert(statement, data, settings)
        return self._store.query(statement, args.get("default_format", "TabSeparated"), settings, params)


def _split(query: str, body: bytes) -> tuple[str, bytes]:
    """The statement and the rows: rows follow the statement's FORMAT, in the same body or alone in it."""
    if query:
        if query.lstrip()[:6].upper() == "INSERT":
            return query, body
        return f"{query}\n{body.decode()}" if body else query, b""
    if body.lstrip()[:6].upper() == b"INSERT":
        head, newline, data = body.partition(b"\n")
        if newline and b"FORMAT" in head.upper():
            return head.decode(), data
    return body.decode(), b""


def _basic_password(headers: Mapping[str, str]) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in {"", "identity"}:
        return body
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "lz4":
        import lz4.frame

        return bytes(lz4.frame.decompress(body))
    raise StatementError(f"Code: 48. Content-Encoding {encoding} is not taken; send it plain, gzip or lz4")


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    said = {"Content-Type": "application/octet-stream", "X-ClickHouse-Timezone": "UTC", **headers}
    said["Content-Length"] = str(len(body))
    raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in said.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
