"""Work that the worker takes up in threads of its own, some side by side."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from django.db import close_old_connections, connection

log = logging.getLogger(__name__)


class Held(Protocol):
    """Something that this process has claimed, by its number."""

    pk: int


T = TypeVar("T", bound=Held)
RECONCILE_EVERY = 5.0


class Paced:
    """A call that many rounds make and that has something to do in few of them: each so many seconds at most."""

    def __init__(self, call: Callable[[], int], every: float = RECONCILE_EVERY) -> None:
        self._call, self._every = call, every
        self._next = 0.0

    def __call__(self) -> None:
        """Call, if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            self._call()


class Hands(Generic[T]):
    """Threads for what ``claim`` gives; each calls ``carry`` once."""

    def __init__(self, name: str, claim: Callable[[], T | None], carry: Callable[[T], None]) -> None:
        self._name, self._claim, self._carry = name, claim, carry
        self._busy: dict[int, tuple[T, threading.Thread]] = {}

    def busy(self) -> dict[int, T]:
        """What is being worked on now."""
        self._busy = {pk: pair for pk, pair in self._busy.items() if pair[1].is_alive()}
        return {pk: held for pk, (held, _) in self._busy.items()}

    def take_up(self, most: int) -> int:
        """Claim and begin until ``most`` are worked on. Returns how many were begun."""
        taken = 0
        while len(self._busy) < most and (held := self._claim()) is not None:
            thread = threading.Thread(target=self._work, args=(held,), name=f"{self._name} {held.pk}", daemon=True)
            self._busy[held.pk] = (held, thread)
            thread.start()
            taken += 1
        return taken

    def join(self, seconds: float) -> None:
        """Wait until all of it has ended, for so long at most."""
        deadline = time.monotonic() + seconds
        for _, thread in self._busy.values():
            thread.join(max(deadline - time.monotonic(), 0))

    def _work(self, held: T) -> None:
        close_old_connections()
        try:
            self._carry(held)
        except Exception:
            # The lease runs out, and what became of it is looked into.
            log.exception("%s %s broke off", self._name, held.pk)
        finally:
            connection.close()
