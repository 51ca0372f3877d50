"""The worker's loops: each calls one function of a room again and again, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import close_old_connections, connection

log = logging.getLogger(__name__)

# A round that takes more seconds hangs; the worker ends and the supervisor starts a new one.
HANGS_AFTER = 180.0


@dataclass
class Loop:
    """``call`` is run every ``every`` seconds, at once when ``wake`` is set, and again at once while it finds work.

    A round that takes longer than ``hangs_after`` seconds never ends, as far as can be told. A failure is written down
    and the loop goes on: one broken room must not stop the others.
    """

    name: str
    every: float
    call: Callable[[], int | None]
    hangs_after: float = HANGS_AFTER
    wake: threading.Event = field(default_factory=threading.Event)
    last_round: float = field(default_factory=time.monotonic)
    began: float | None = None
    error: str = ""
    rounds: int = 0

    def run(self, stop: threading.Event) -> None:
        """Go round until told to stop."""
        while not stop.is_set():
            self.began = time.monotonic()
            found = self._round()
            self.last_round, self.began = time.monotonic(), None
            self.rounds += 1
            if not found:
                self.wake.wait(self.every)
                self.wake.clear()

    def overdue(self, now: float) -> float:
        """Seconds for which the round that runs has run, or for which the next one should have begun; else 0.

        A wait for the next round is none of these, however long it is.
        """
        began = self.began
        return max(now - (self.last_round + self.every if began is None else began), 0.0)

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
