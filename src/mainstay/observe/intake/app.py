"""Intake over HTTP, as an ASGI application: token, limits, decoding, keeping, and only then the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mainstay.core import clock
from mainstay.core.problems import ProblemError, bad_request
from mainstay.core.settings import current
from mainstay.observe.intake import counters, protocols, services
from mainstay.observe.intake.auth import Senders
from mainstay.observe.intake.fields import several
from mainstay.observe.intake.group import GroupCommit
from mainstay.observe.intake.received import Handler, Received, Request, Route
from mainstay.observe.intake.threads import into_spool, with_database
from mainstay.observe.intake.unpack import too_large, unpack
from mainstay.observe.logs.care import refusing

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

RETRY_AFTER = 5
# An endless request is kept in parts of about this many bytes.
PART = 2_000_000


class Intake:
    """Serves the routes of ``protocols``."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="intake")
        self._signals = GroupCommit("alert")
        self.senders = Senders(self.in_thread)

    def serves(self, method: str, path: str) -> bool:
        """Whether a request is for intake."""
        return protocols.find(method, path) is not None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = protocols.find(scope["method"], scope["path"])
        if found is None:
            raise ValueError(f"{scope['method']} {scope['path']} is no route of intake")
        route, params = found
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
        query, kind = scope["query_string"].decode("latin-1"), headers.get("content-type", "")
        request = Request(scope["path"], query, kind, b"", clock.now(), "", scope["method"], headers, params)
        try:
            sender = "" if route.open else await self.senders.of(headers.get("authorization", ""))
            request = _with(request, sender=sender)
            limit = current().intake_max_body_mb * 1_000_000
            async for part in self._parts(receive, headers, limit, route):
                request = _with(request, body=part)
                received = await self._take(route, request)
            await _answer(send, received)
        except ProblemError as problem:
            await self._keep_error(route, request, problem)
            await _refuse(send, route, problem)

    async def _take(self, route: Route, request: Request) -> Received:
        counters.add(route.protocol, bytes=len(request.body))
        received: Received = await self.in_thread(_decode_and_keep, route.handler, request)
        if received.signals:
            await self._signals.put(received.signals)
        if received.refused:
            raise several(list(received.refused))
        for problem in received.noted[:1]:
            await self._keep_error(route, request, problem)
        return received

    async def _parts(self, receive: Receive, headers: dict[str, str], limit: int, route: Route) -> Any:
        """The body, unpacked: as one, or if the route allows it in parts that end where a record ends. One at least."""
        # Some clients name all that they know, "gzip,deflate", and send one; those two tell themselves apart.
        encoding = headers.get("content-encoding", "").rpartition(",")[2].strip().lower()
        split = route.split if encoding in {"", "identity"} else None
        waiting = bytearray()
        async for piece in _pieces(receive):
            waiting += piece
            if split and len(waiting) > PART:
                end = split(bytes(waiting))
                if end:
                    yield bytes(waiting[:end])
                    del waiting[:end]
            if len(waiting) > limit:
                raise too_large(limit)
        yield await self.in_thread(unpack, bytes(waiting), encoding, limit)

    async def _keep_error(self, route: Route, request: Request, problem: ProblemError) -> None:
        counters.add(route.protocol, refused=1)
        body = request.body
        await self.in_thread(services.keep_error, route.protocol, request.path, request.sender, problem, body)

    async def in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call in one of intake's own threads, with a database connection that works."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, with_database, call, *args)


def _with(request: Request, **changes: Any) -> Request:
    return Request(**{**vars(request), **changes})


def _decode_and_keep(handler: Handler, request: Request) -> Received:
    received = handler(request)
    with refusing():
        for keep in received.keep:
            into_spool(keep)
    return received


async def _pieces(receive: Receive) -> Any:
    """The body as it arrives."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise bad_request("the connection closed before the body was complete")
        yield message.get("body", b"")
        more = bool(message.get("more_body"))


async def _answer(send: Send, received: Received, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-length", str(len(received.body)).encode()), *more]
    if received.content_type:
        headers.append((b"content-type", received.content_type.encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in received.headers.items()]
    await send({"type": "http.response.start", "status": received.status, "headers": headers})
    await send({"type": "http.response.body", "body": received.body})


async def _refuse(send: Send, route: Route, problem: ProblemError) -> None:
    more = []
    if problem.status in {429, 503}:
        more = [(b"retry-after", str(problem.extra.get("retry_after", RETRY_AFTER)).encode())]
    if problem.status == 401:
        more = [(b"www-authenticate", b"Bearer")]
    await _answer(send, route.refuse(problem), *more)
