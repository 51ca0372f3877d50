"""What every process of the shop does: die with its supervisor, run its loops, and stop cleanly."""

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cornershop.web import AppServer

DRAIN_SECONDS = 1.0
PARENT_VARIABLE = "CORNERSHOP_SUPERVISOR"
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its supervisor dies, even by `kill -9`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not _parent_alive():
        # It died before the request above was made.
        os._exit(1)


def _parent_alive() -> bool:
    expected = os.environ.get(PARENT_VARIABLE)
    return expected is None or os.getppid() == int(expected)


class Process:
    """The life of one process: background loops and servers until SIGTERM."""

    def __init__(self, log: logging.Logger) -> None:
        self.stop = threading.Event()
        self._log = log
        die_with_parent()
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())
        # Ctrl-C in the terminal reaches the whole group; the supervisor alone decides the order of stopping.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def every(self, seconds: float, work: Callable[[], None]) -> None:
        """Call `work` again and again in a thread of its own; a failure is logged and the next turn still comes."""

        def loop() -> None:
            while not self.stop.wait(seconds):
                try:
                    work()
                except Exception as failure:  # noqa: BLE001 - the boundary of a background loop
                    self._log.error("background work failed: %r", failure)

        threading.Thread(target=loop, daemon=True).start()

    def serve(self, *servers: "AppServer") -> None:
        """Serve until told to stop, then let the requests in hand finish."""
        for server in servers:
            server.start()
        while not self.stop.wait(1.0):
            if not _parent_alive():
                os._exit(1)
        for server in servers:
            server.shutdown()
            server.server_close()
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and any(server.app.busy for server in servers):
            time.sleep(0.02)
        # The threads of kept-alive connections still wait for requests; tearing the interpreter down under them
        # serves nobody. All that must be kept is on disk already: SQLite commits, and log lines are written through.
        os._exit(0)
