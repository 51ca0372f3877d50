"""A doorbell between the processes of one machine: "look now" instead of waiting for the next look.

It is a hint and nothing more. Whoever rings has written a row or a file first; whoever listens looks there at its own
pace anyway, so that a lost ring costs a moment and never a signal. Datagrams on a Unix socket in the data directory.
"""

import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from mainstay.core.settings import current

INBOX = "inbox"
SAMPLES = "samples"
PAGES = "pages"
SQL = "sql"
RUNS = "runs"
CASES = "cases"
RELEASES = "releases"


def _path() -> str:
    path = current().data_dir / "run" / "worker.sock"
    if len(str(path)) < 100:
        return str(path)
    # The kernel takes some hundred characters for such a name; a longer one is replaced by one derived from it.
    return str(Path(tempfile.gettempdir()) / f"mainstay-{os.getuid()}-{abs(hash_path(path)):x}.sock")


def hash_path(path: Path) -> int:
    """A stable number for a path."""
    return int.from_bytes(str(path).encode()[-64:], "big") % (1 << 61)


def ring(what: str, detail: Any = None) -> None:
    """Tell the worker of this machine to look. Never blocks and never fails."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bell:
            bell.sendto(json.dumps([what, detail]).encode()[:60_000], _path())
    except OSError:
        pass  # No worker listens, or it is busy: it will look by itself.


class Listener:
    """The worker's end. ``wait`` returns what was rung, or nothing when the time is up."""

    def __init__(self) -> None:
        path = Path(_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def wait(self, seconds: float) -> list[tuple[str, Any]]:
        """All rings that are there, after waiting for the first at most ``seconds``."""
        found: list[tuple[str, Any]] = []
        self._socket.settimeout(max(seconds, 0.001))
        try:
            while len(found) < 1000:
                found.append(tuple(json.loads(self._socket.recv(65_536))))
                self._socket.settimeout(0.0)
        except (TimeoutError, BlockingIOError, ValueError):
            pass
        return found

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
