"""A shop to be released in tests: an HTTP server that takes orders, and plans that look at it."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

from mainstay.config import read, services
from mainstay.core.access import LOCAL


class Shop(BaseHTTPRequestHandler):
    """Signs in by a token, takes an order of whoever has its cookie, and says that it is paid."""

    state, seen = "paid", list[tuple[str, str]]()

    def do_GET(self) -> None:
        if self.path.startswith("/orders/"):
            known = self.headers.get("Cookie", "") == "session=s-8842-long"
            self._say(200 if known else 401, {"id": int(self.path.rpartition("/")[2]), "state": self.state})
        else:
            self._say(200, {"shop": "open"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        type(self).seen.append((self.path, body))
        if self.path == "/login":
            good = self.headers.get("Authorization") == "Bearer tr0ub4dor"
            self._say(200 if good else 403, {"token": "t-1234-long", "echo": body}, "session=s-8842-long; Path=/")
        else:
            self._say(201, {"id": 100_123, "token": json.loads(body)["token"]})

    def _say(self, status: int, answer: Any, cookie: str = "") -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler] = Shop) -> Iterator[str]:
    """The address of a server that answers with a handler."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def plan(*steps: dict[str, Any], service: str = "pay", key: str = "", **more: Any) -> None:
    """Apply a plan as anybody would."""
    keyed = [{"key": f"s{number}", **one} for number, one in enumerate(steps)]
    apply(release_plans=[{"key": key or service, "service": service, "steps": keyed, **more}])


def apply(**sections: Sequence[Any]) -> None:
    """Apply sections of a configuration file."""
    services.apply(LOCAL, read.read([("plans.yaml", yaml.safe_dump(dict(sections)))]))
