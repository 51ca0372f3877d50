"""GELF over UDP, in one datagram or in chunks, and over TCP.

Source: Graylog's "GELF" page: a chunk begins with 0x1e 0x0f, eight bytes of message id, its number and their count (at
most 128), and the chunks of a message come within five seconds. Messages are plain, zlib or gzip; over TCP plain, with
a NUL byte at their end.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.intake import counters
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.gelf import add, parse
from mainstay.observe.intake.listening.gather import Frame, Gatherer
from mainstay.observe.intake.unpack import unpack

MAGIC, HEAD = b"\x1e\x0f", 12
MAX_CHUNKS, WITHIN = 128, 5.0
MAX_WAITING = 1000


class Chunks:
    """Messages that come in chunks, until they are whole."""

    def __init__(self, protocol: str) -> None:
        self._protocol = protocol
        # (sender, id) -> (when the first came, chunks by number, how many there are)
        self._waiting: dict[tuple[str, bytes], tuple[float, dict[int, bytes], int]] = {}

    def add(self, data: bytes, sender: str, now: float) -> bytes | None:
        """The message, when it is whole with this datagram. What is no chunk is a message."""
        if not data.startswith(MAGIC) or len(data) < HEAD:
            return data
        self._forget(now)
        number, count = data[10], data[11]
        if not 0 < count <= MAX_CHUNKS or number >= count:
            counters.add(self._protocol, dropped=1)
            return None
        key = (sender, data[2:10])
        _, parts, total = self._waiting.setdefault(key, (now, {}, count))
        parts[number] = data[HEAD:]
        if len(parts) < total:
            return None
        del self._waiting[key]
        return b"".join(parts[one] for one in sorted(parts))

    def _forget(self, now: float) -> None:
        """Give up messages whose chunks did not all come; a dictionary has the oldest first."""
        while self._waiting:
            key, (since, _, _) = next(iter(self._waiting.items()))
            if now - since <= WITHIN and len(self._waiting) < MAX_WAITING:
                return
            del self._waiting[key]
            counters.add(self._protocol, dropped=1)


def datagrams(gatherer: Gatherer) -> Callable[[bytes, str], None]:
    """What takes the datagrams of a socket."""
    chunks = Chunks(gatherer.protocol)

    def take(data: bytes, sender: str) -> None:
        message = chunks.add(data, sender, time.monotonic())
        if message is not None:
            gatherer.offer(Frame(sender, message, len(message)))

    return take


def decode(frames: Sequence[Frame], now: datetime) -> Collector:
    """Messages as records. What is no GELF is kept as it came."""
    del now
    collector = Collector("gelf", whole=True)
    limit = current().listener_max_message_kb * 1000
    for frame in frames:
        data = frame.data
        if data[:1] == b"\x78" or data[:2] == b"\x1f\x8b":
            with contextlib.suppress(ProblemError):
                data = unpack(data, "deflate", limit)
        message = parse(data) if not frame.piece else None
        if message is None:
            collector.unreadable(data.decode("utf-8", "replace"), frame.sender, frame.piece)
        else:
            add(collector, message, frame.sender)
    return collector
