"""The protocol over HTTP at ``/mcp``, beside Django: each request carries a token of the API and stands alone.

What it needs is imported when the first client comes: most installations have none, and an idle one should stay small.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
from asgiref.sync import sync_to_async

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.faces.api.endpoint import actor_of

PATH = "/mcp"
_ACTOR = "mainstay.actor"
Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def _origin() -> str:
    """Where our own pages come from, as browsers name it."""
    here = urlsplit(current().public_url)
    return f"{here.scheme}://{here.netloc}"


def _caller(context: Any) -> Actor:
    """Who was let in with this request."""
    actor: Actor = context.request.scope[_ACTOR]
    return actor


class OverHttp:
    """An ASGI application that lets in whom the API lets in, and hands them to the protocol."""

    def __init__(self) -> None:
        self._manager: Any = None
        self._running: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._starting = asyncio.Lock()

    def serves(self, path: str) -> bool:
        """Whether this address is the protocol's."""
        return path.rstrip("/") == PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            if headers.get(b"origin", own := _origin()) != own:
                # Browsers alone send it, and no page from elsewhere has any business here.
                raise ProblemError(403, "Forbidden", "this address is not for pages of another site")
            actor = await sync_to_async(actor_of)(headers.get(b"authorization", ""))
        except ProblemError as problem:
            await _refuse(send, problem)
            return
        manager = await self._started()
        await manager.handle_request({**scope, _ACTOR: actor}, receive, send)

    async def _started(self) -> Any:
        async with self._starting:
            if self._manager is None:
                from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

                from mainstay.faces.mcp.server import server

                manager = StreamableHTTPSessionManager(
                    server(_caller),
                    json_response=True,
                    stateless=True,
                    max_request_body_size=current().tool_request_bytes,
                )
                up = asyncio.Event()
                self._running = asyncio.create_task(self._run(manager, up))
                await up.wait()
                self._manager = manager
        return self._manager

    async def _run(self, manager: Any, up: asyncio.Event) -> None:
        async with manager.run():
            up.set()
            await self._stopped.wait()

    async def stop(self) -> None:
        """End what is going on."""
        self._stopped.set()
        if self._running is not None:
            await self._running


async def _refuse(send: Send, problem: ProblemError) -> None:
    headers = [(b"content-type", b"application/problem+json")]
    if problem.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if "retry_after" in problem.extra:
        headers.append((b"retry-after", str(problem.extra["retry_after"]).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(problem.body())})
