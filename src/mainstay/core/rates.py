"""Rate limits: token buckets, one for each sender.

Source: the token bucket of RFC 2697 without its colours: a bucket fills at a steady rate up to its size, a request
takes one token out of it, and who finds it empty is told how long to wait.
"""

import threading
import time

MAX_KEYS = 10_000


class Buckets:
    """Buckets of one kind, for use from any thread."""

    def __init__(self) -> None:
        # key -> (tokens that were left, when)
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, per_second: float, size: float, now: float | None = None, *, count: float = 1) -> float:
        """Take a token, or ``count``. Returns 0, or the seconds after which there is one.

        Who finds one may take more than there are: the bucket is then in debt, and others of its key wait longer.
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            if len(self._left) >= MAX_KEYS:
                # Those that have been quiet for long have full buckets, which is what an unknown key has too.
                self._left = {one: kept for one, kept in self._left.items() if now - kept[1] < size / per_second}
            tokens, at = self._left.get(key, (size, now))
            tokens = min(size, tokens + (now - at) * per_second)
            if tokens < 1:
                return (1 - tokens) / per_second
            self._left[key] = (tokens - count, now)
            return 0.0
