"""The web process: intake, static files, and Django's screens and API, over ASGI."""

import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import uvicorn
from django.core.asgi import get_asgi_application

from mainstay.core.settings import current
from mainstay.faces.mcp.http import OverHttp
from mainstay.faces.run.listeners import Listeners
from mainstay.faces.web.static import StaticFiles
from mainstay.faces.web.stream import hub
from mainstay.observe.intake.app import Intake
from mainstay.observe.telemetry import services as telemetry

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Web:
    """Sends each request to whoever serves it. Intake goes past Django: a stream of telemetry needs none of it."""

    def __init__(self) -> None:
        self._django: Any = get_asgi_application()
        self._intake, self._static, self._tools = Intake(), StaticFiles(), OverHttp()
        self._listeners = Listeners(self._intake)
        self._stop = threading.Event()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or the start and the end of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] != "http":
            return
        elif self._intake.serves(scope["method"], scope["path"]):
            await self._intake(scope, receive, send)
        elif scope["path"].startswith("/static/"):
            await self._static(scope, receive, send)
        elif self._tools.serves(scope["path"]):
            await self._tools(scope, receive, send)
        else:
            await self._django(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                threading.Thread(target=telemetry.run_drainer, args=(self._stop,), name="drainer", daemon=True).start()
                self._listeners.start()
            else:
                await self._tools.stop()
                await self._listeners.stop()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self._stop.set()
                return


class Server(uvicorn.Server):
    """Ends the open streams as soon as it is told to stop; they would hold it up until its patience ends."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        hub.close()
        super().handle_exit(sig, frame)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    host, _, port = str(current().listen).rpartition(":")
    config = uvicorn.Config(
        Web(),
        host=host.strip("[]"),
        port=int(port),
        log_level="warning",
        access_log=False,
        lifespan="on",
        proxy_headers=bool(current().trusted_proxies),
        forwarded_allow_ips=list(current().trusted_proxies),
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    Server(config).run()
