"""Tables that say what is to become of lines, as a process knows them."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

_SECONDS = 5.0
T = TypeVar("T")


class Recent(Generic[T]):
    """What a call loads, some seconds old at most. While it cannot be loaded what was known last holds: no line waits.

    ``name`` says what it is in the log.
    """

    def __init__(self, name: str, load: Callable[[], T], nothing: T) -> None:
        self._name, self._load, self._known = name, load, nothing
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """What is known."""
        with self._lock:
            due = time.monotonic() - self._read_at > _SECONDS
            if due:
                self._read_at = time.monotonic()
        if due:
            try:
                self._known = self._load()
            except Exception:
                log.exception("%s cannot be read; what was known last holds", self._name)
        return self._known

    def forget(self) -> None:
        """Load again at the next use."""
        self._read_at = float("-inf")
