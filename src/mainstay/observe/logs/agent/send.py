"""Hand batches over, and take no for an answer only when it is final."""

import gzip
import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

TIMEOUT = 30.0
_LONGEST_WAIT = 15.0


class AgentError(ValueError):
    """The agent cannot do its work; the text says what to do."""


class TooLargeError(Exception):
    """The other side takes only smaller requests."""


class BusyError(Exception):
    """The other side takes nothing of this service for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:g} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Target:
    """Where lines go, who sends them, and from where."""

    url: str
    token: str
    host: str


class Sender:
    """One connection, kept open. ``idle`` is called at least each second while waiting."""

    def __init__(
        self, target: Target, stop: threading.Event, say: Callable[[str], None], idle: Callable[[], None]
    ) -> None:
        parts = urlsplit(target.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise AgentError("--to: write an http or https address")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT)
        self._path, self._target = parts.path.rstrip("/"), target
        self._stop, self._say, self._idle = stop, say, idle

    def send(self, service: str, file: str, lines: bytes) -> bool:
        """Send until it is acknowledged, or refused for good. False when told to stop before.

        Raises ``AgentError`` when the token is refused, ``TooLargeError`` when smaller requests are wanted, and
        ``BusyError`` when this service must wait; others need not.
        """
        about = {"service": service, "stream": f"{self._target.host}:{file}", "host": self._target.host, "file": file}
        path = f"{self._path}/api/v1/logs?{urlencode(about, errors='replace')}"
        body = gzip.compress(lines, 1)
        wait = 0.5
        while not self._stop.is_set():
            status, said, after = self._post(path, body)
            if 200 <= status < 300:
                return True
            if status in {401, 403}:
                raise AgentError(f"{self._target.url} does not take the token (HTTP {status})")
            if status == 413:
                raise TooLargeError
            if status == 429:
                self._say(f"{self._target.url} takes nothing of {service} now ({said}); waiting")
                raise BusyError(after or 5.0)
            if status in {400, 404, 415}:
                self._say(f"{self._target.url} refused a batch of {file} (HTTP {status}: {said}); it is left out")
                return True
            self._say(f"{self._target.url} takes nothing now ({said}); waiting")
            self._pause(after or wait)
            wait = min(wait * 2, _LONGEST_WAIT)
        return False

    def _post(self, path: str, body: bytes) -> tuple[int, str, float]:
        """Status (0 for no answer), what was said, and the seconds after which to come again (0 for not said)."""
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        if self._target.token:
            headers["Authorization"] = f"Bearer {self._target.token}"
        try:
            self._connection.request("POST", path, body, headers)
            with self._connection.getresponse() as answer:
                said = answer.read(100_000)[:200].decode("utf-8", "replace")
                return answer.status, said, _seconds(answer.headers.get("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return 0, str(error) or type(error).__name__, 0.0

    def _pause(self, seconds: float) -> None:
        while seconds > 0 and not self._stop.wait(min(seconds, 1.0)):
            self._idle()
            seconds -= 1.0

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, min(float(text or 0), 3600.0))
    except ValueError:
        return 0.0
