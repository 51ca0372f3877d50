"""The worker's loops: each calls one function of a room again and again, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import close_old_connections, connection

log = logging.getLogger(__name__)


@dataclass
class Loop:
    """``call`` is run every ``every`` seconds, at once when ``wake`` is set, and again at once while it finds work.

    A failure is written down and the loop goes on: one broken room must not stop the others.
    """

    name: str
    every: float
    call: Callable[[], int | None]
    wake: threading.Event = field(default_factory=threading.Event)
    last_round: float = field(default_factory=time.monotonic)
    error: str = ""
    rounds: int = 0

    def run(self, stop: threading.Event) -> None:
        """Go round until told to stop."""
        while not stop.is_set():
            found = self._round()
            self.last_round = time.monotonic()
            self.rounds += 1
            if not found:
                self.wake.wait(self.every)
                self.wake.clear()

    def _round(self) -> int | None:
        try:
            found = self.call()
        except Exception as error:
            log.exception("loop %s failed", self.name)
            self.error = f"{type(error).__name__}: {error}"
            # A connection that broke would fail for ever; a new one is opened by the next round.
            connection.close()
            return 0
        self.error = ""
        if self.rounds % 100 == 0:
            close_old_connections()
        return found
