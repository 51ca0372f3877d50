"""The tiny HTTP server kit: routes, JSON in and out, /metrics and /healthz, timing, and an access log hook."""

import json
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from cornershop import logs, metrics
from cornershop.client import new_trace

IDLE_SECONDS = 60
# Counted from the start as zero, so that the first error of a route is already an increase.
USUAL_STATUSES = (200, 500, 502, 504)


@dataclass(frozen=True)
class Request:
    """One request as a handler sees it."""

    method: str
    path: str
    parameters: dict[str, str]
    body: dict[str, Any]
    user: str
    agent: str


@dataclass(frozen=True)
class Reply:
    """What a handler gives back."""

    status: int
    body: bytes
    content_type: str = "application/json"


class HttpError(Exception):
    """An expected failure: answered with its status, and left to the handler that raises it to log."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def reply(payload: dict[str, Any] | list[Any], status: int = 200) -> Reply:
    """A JSON reply."""
    return Reply(status, json.dumps(payload).encode())


Handler = Callable[[Request], Reply]
AccessHook = Callable[[Request, int, int, float], None]


@dataclass(frozen=True)
class Route:
    """A method, a template such as `/products/{sku}`, and what answers."""

    method: str
    template: str
    handler: Handler
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        object.__setattr__(self, "pattern", re.compile(pattern))


def _no_access_log(_request: Request, _status: int, _size: int, _seconds: float) -> None:
    return


class App:
    """The routes of one service and how it logs."""

    def __init__(
        self,
        name: str,
        version: str,
        log: logging.Logger,
        routes: list[Route],
        access: AccessHook = _no_access_log,
    ) -> None:
        self.name = name
        self.version = version
        self.log = log
        self._routes = routes
        self._access = access
        self._busy = 0
        self._lock = threading.Lock()
        for route in routes:
            metrics.HTTP_SECONDS.labels(method=route.method, path=route.template)
            for status in USUAL_STATUSES:
                metrics.HTTP_REQUESTS.labels(method=route.method, path=route.template, status=str(status))

    @property
    def busy(self) -> int:
        """How many requests are being answered right now."""
        return self._busy

    def answer(self, request: Request) -> Reply:
        """Answer one request. Scrapes and health checks are neither counted nor logged."""
        if request.path == "/metrics":
            return Reply(200, metrics.render(), "text/plain; version=0.0.4; charset=utf-8")
        if request.path == "/healthz":
            return reply({"status": "ok", "service": self.name, "version": self.version})
        with self._lock:
            self._busy += 1
        started = time.perf_counter()
        try:
            template, result = self._dispatch(request)
        finally:
            with self._lock:
                self._busy -= 1
        seconds = time.perf_counter() - started
        # Only routes of ours become labels: a scanner's made-up paths must not make new series.
        metrics.HTTP_REQUESTS.labels(method=request.method, path=template, status=str(result.status)).inc()
        metrics.HTTP_SECONDS.labels(method=request.method, path=template).observe(seconds)
        self._access(request, result.status, len(result.body), seconds)
        return result

    def _dispatch(self, request: Request) -> tuple[str, Reply]:
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match and route.method == request.method:
                request.parameters.update(match.groupdict())
                return route.template, self._call(route, request)
        return "other", reply({"error": f"no such page: {request.path}"}, 404)

    def _call(self, route: Route, request: Request) -> Reply:
        try:
            return route.handler(request)
        except HttpError as failure:
            return reply({"error": str(failure)}, failure.status)
        except Exception as failure:
            self.log.exception(
                "unhandled %s in %s %s", type(failure).__name__, request.method, request.path
            )  # fmt: skip
            return reply({"error": "internal server error"}, 500)


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    wbufsize = -1  # Headers and body leave in one packet.

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        # The trace goes through all services in the W3C header, so that any tracing tool could read it.
        parts = self.headers.get("traceparent", "").split("-")
        logs.trace_id.set(parts[1] if len(parts) == 4 else new_trace())
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        app = cast("AppServer", self.server).app
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            self._send(reply({"error": "the body is not JSON"}, 400))
            return
        user = self.headers.get("X-Customer", "-")
        agent = self.headers.get("User-Agent", "-")
        self._send(app.answer(Request(self.command, self.path.split("?")[0], {}, body, user, agent)))

    def _send(self, result: Reply) -> None:
        try:
            self.send_response(result.status)
            self.send_header("Content-Type", result.content_type)
            self.send_header("Content-Length", str(len(result.body)))
            self.end_headers()
            self.wfile.write(result.body)
            self.wfile.flush()
        except OSError:
            # The caller gave up waiting; it has logged that already.
            self.close_connection = True

    def version_string(self) -> str:
        return "cornershop"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Keep the standard library's own lines off stderr; the access hook logs."""


class AppServer(ThreadingHTTPServer):
    """The server of one App on 127.0.0.1, with TLS when a context is given."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, app: App, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.app = app
        self._tls = tls
        super().__init__(("127.0.0.1", port), _RequestHandler)

    def server_bind(self) -> None:
        """Bind without the base class's reverse name lookup, which can take seconds on some machines."""
        super(ThreadingHTTPServer, self).server_bind()

    def get_request(self) -> tuple[Any, Any]:
        """Accept; the TLS handshake is left to the connection's own thread, so that it blocks nobody else."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A connection that broke off is the client's affair: note it, no traceback."""
        logs.info(self.app.log, "client connection broke off")

    def start(self) -> None:
        """Serve in a background thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.25}, daemon=True).start()
