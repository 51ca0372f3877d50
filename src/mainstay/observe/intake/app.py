"""Intake over HTTP, as an ASGI application: token, limits, decoding, keeping, and only then the answer."""

import asyncio
import gzip
import logging
import time
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from django.db import DatabaseError, close_old_connections, connection

from mainstay.core import clock
from mainstay.core.models import ApiToken
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.core.tokens import find_token
from mainstay.observe.intake import protocols, services
from mainstay.observe.intake.fields import several
from mainstay.observe.intake.group import GroupCommit
from mainstay.observe.intake.received import Handler, Received, Request
from mainstay.observe.telemetry.services import SpoolFullError

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
log = logging.getLogger(__name__)

RETRY_AFTER = 5
_TOKEN_LIFE = 5.0


class Intake:
    """Serves the paths of ``protocols.PATHS``."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="intake")
        self._signals = GroupCommit("alert")
        self._tokens: dict[str, tuple[float, str | None]] = {}

    def serves(self, method: str, path: str) -> bool:
        """Whether a request is for intake."""
        return path in protocols.PATHS and (method, path) in protocols.ROUTES

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        path, headers = scope["path"], {n.decode("latin-1"): v.decode("latin-1") for n, v in scope["headers"]}
        protocol, handler = protocols.ROUTES[scope["method"], path]
        body, sender = b"", ""
        try:
            sender = await self._sender(headers)
            body = await _read(receive, headers, current().intake_max_body_mb * 1_000_000)
            query = scope["query_string"].decode("latin-1")
            request = Request(path, query, headers.get("content-type", ""), body, clock.now(), sender)
            received = await self._take(handler, request)
            if received.refused:
                raise several(list(received.refused))
            await _answer(send, received.status, received.body, received.content_type)
        except ProblemError as problem:
            await self._in_thread(services.keep_error, protocol, path, sender, problem, body)
            await _refuse(send, problem)

    async def _take(self, handler: Handler, request: Request) -> Received:
        received: Received = await self._in_thread(_decode_and_keep, handler, request)
        if received.signals:
            await self._signals.put(received.signals)
        return received

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _with_database, call, *args)

    async def _sender(self, headers: dict[str, str]) -> str:
        """The name of the token, which must be live and of scope intake or write."""
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if not secret:
            if current().intake_anonymous:
                return "anonymous"
            raise ProblemError(401, "Unauthorized", "send 'Authorization: Bearer TOKEN' with a token of scope intake")
        known = self._tokens.get(secret)
        if known is None or known[0] < time.monotonic():
            name = await self._in_thread(_token_name, secret) if kind.lower() == "bearer" else None
            if len(self._tokens) > 1000:
                self._tokens.clear()
            known = self._tokens[secret] = (time.monotonic() + _TOKEN_LIFE, name)
        if known[1] is None:
            raise ProblemError(403, "Forbidden", "this token is not known, revoked, or not of scope intake")
        return known[1]


def _with_database(call: Callable[..., Any], *args: Any) -> Any:
    """Call in a thread that no request of Django renews: a connection that has broken is opened anew."""
    close_old_connections()
    try:
        return call(*args)
    except DatabaseError as error:
        connection.close()
        raise ProblemError(503, "Not available", "the database does not answer") from error


def _token_name(secret: str) -> str | None:
    token = find_token(secret)
    taken = {ApiToken.Scope.INTAKE, ApiToken.Scope.WRITE}
    return token.name if token and token.scope in taken else None


def _decode_and_keep(handler: Handler, request: Request) -> Received:
    try:
        received = handler(request)
        for keep in received.keep:
            keep()
    except SpoolFullError as error:
        raise ProblemError(429, "Too many requests", str(error)) from error
    except OSError as error:
        log.exception("the spool cannot be written")
        raise ProblemError(503, "Not available", f"the spool cannot be written: {error.strerror}") from error
    return received


async def _read(receive: Receive, headers: dict[str, str], limit: int) -> bytes:
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "deflate"}:
        raise ProblemError(415, "Unsupported media type", "send the body plain, gzip or deflate", "Content-Encoding")
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError(400, "Bad request", "the connection closed before the body was complete")
        size += len(message.get("body", b""))
        if size > limit:
            raise _too_large(limit)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return _unpack(b"".join(parts), encoding, limit)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, "Content too large", f"send at most {limit // 1_000_000} MB at once, unpacked")


def _unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The body unpacked, but never more of it than the limit: a small body can unpack to a huge one."""
    if encoding not in {"gzip", "deflate"}:
        return body
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        found = machine.decompress(body, limit + 1)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ProblemError(400, "Bad request", f"the body is not {encoding}: {error}", "Content-Encoding") from error
    if len(found) > limit:
        raise _too_large(limit)
    if machine.unused_data:
        raise ProblemError(400, "Bad request", "send one gzip member, not several", "Content-Encoding")
    if not machine.eof:
        raise ProblemError(400, "Bad request", f"the {encoding} body ends too early", "Content-Encoding")
    return found


async def _answer(send: Send, status: int, body: bytes, content_type: str, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Send, problem: ProblemError) -> None:
    more = [(b"retry-after", str(RETRY_AFTER).encode())] if problem.status in {429, 503} else []
    if problem.status == 401:
        more.append((b"www-authenticate", b"Bearer"))
    await _answer(send, problem.status, orjson.dumps(problem.body()), "application/problem+json", *more)
