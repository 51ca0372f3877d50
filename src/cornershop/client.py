"""The HTTP client between the services: kept-alive connections, a timeout, and the trace handed on."""

import http.client
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from cornershop import logs

# A service that is being restarted refuses connections for a moment; that is a blink, not an outage.
RESTART_GRACE_SECONDS = 2.5


def new_trace() -> str:
    """A new trace id: 32 hexadecimal digits, as in W3C trace context."""
    return secrets.token_hex(16)


class CallTimeoutError(Exception):
    """The other side did not answer in time."""


class CallFailedError(Exception):
    """The other side could not be reached, or broke off."""


@dataclass(frozen=True)
class Answer:
    """Status and decoded JSON body (empty when the body is not a JSON object)."""

    status: int
    body: dict[str, Any]


class Peer:
    """Another service, as seen from this one."""

    def __init__(self, name: str, port: int, timeout: float, agent: str) -> None:
        self.name = name
        self._port = port
        self._timeout = timeout
        self._agent = agent
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path."""
        return self._call("GET", path, None, self._timeout, headers)

    def post(self, path: str, body: dict[str, Any], *, timeout: float | None = None, **headers: str) -> Answer:
        """POST a JSON object. `timeout` is in seconds; raises CallTimeoutError or CallFailedError."""
        return self._call("POST", path, json.dumps(body).encode(), timeout or self._timeout, headers)

    def _call(self, method: str, path: str, body: bytes | None, timeout: float, extra: dict[str, str]) -> Answer:
        headers = {
            "User-Agent": self._agent,
            "traceparent": f"00-{logs.trace_id.get()}-{secrets.token_hex(8)}-01",
            **{key.replace("_", "-"): value for key, value in extra.items()},
        }
        give_up = time.monotonic() + RESTART_GRACE_SECONDS
        while True:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            connection = kept or http.client.HTTPConnection("127.0.0.1", self._port)
            connection.timeout = timeout
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            try:
                return self._exchange(connection, method, path, body, headers)
            except TimeoutError as failure:
                connection.close()
                raise CallTimeoutError(f"{self.name} did not answer within {timeout * 1000:.0f} ms") from failure
            except ConnectionRefusedError as failure:
                connection.close()
                if time.monotonic() > give_up:
                    raise CallFailedError(f"{self.name} refuses connections on port {self._port}") from failure
                time.sleep(0.1)
            except (OSError, http.client.HTTPException) as failure:
                connection.close()
                # A kept connection may have been closed by the other side since: that is no failure, try a new one.
                if kept is None:
                    raise CallFailedError(f"{self.name} broke off: {failure!r}") from failure

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> Answer:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        raw = response.read()
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        is_json = response.headers.get_content_type() == "application/json"
        decoded = json.loads(raw) if is_json and raw else {}
        return Answer(response.status, decoded if isinstance(decoded, dict) else {"items": decoded})
