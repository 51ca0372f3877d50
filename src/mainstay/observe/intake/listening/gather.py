"""Between the sockets of one listener and the spool: what arrives within a moment is kept in one write.

1. Connections ``put`` what they have read and wait while too much is held; so a full spool stops the reading, and the
   sender feels it. They wait in a line, which gives every connection its turn.
2. Datagrams are ``offer``-ed; they cannot wait. When half of the room is taken, a sender that holds more than its share
   of it loses its datagrams before the others do. What is lost is counted.
3. One task takes all that is there, decodes it in a thread, and keeps it with one write. While the spool is full it
   tries again and again, and holds what it has.
4. Who asked for it is told when its frames are on disk, and only then.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mainstay.core import clock
from mainstay.core.problems import ProblemError
from mainstay.observe.intake import counters, keeping, records
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.threads import into_spool, with_database

log = logging.getLogger(__name__)

# So long frames gather that nobody waits for, seconds; and so many are kept at once.
MOMENT, MOST = 0.1, 20_000
AGAIN, STOP_WITHIN = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it came, of ``size`` bytes. ``piece`` counts the parts of one that was too long, from 1."""

    sender: str
    data: Any
    size: int
    piece: int = 0


Decode = Callable[[Sequence[Frame], datetime], Collector]


class Gatherer:
    """Frames of one listener. All methods run in the loop."""

    def __init__(self, protocol: str, decode: Decode, limit: int) -> None:
        self.protocol, self._decode, self._limit = protocol, decode, limit
        self.problem = ""
        self._frames: list[Frame] = []
        # Who waits until so many frames of all that were ever handed over are kept.
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._came, self._done = 0, 0
        self._bytes, self._held = 0, Counter[str]()
        self._some, self._room, self._turn = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def put(self, frames: Sequence[Frame], *, kept: bool = False) -> None:
        """Hand frames over when there is room; with ``kept`` return when they are on disk."""
        if not frames:
            return
        async with self._turn:
            while self._bytes >= self._limit:
                self._room.clear()
                await self._room.wait()
            self._take(frames)
        if kept:
            done = asyncio.get_running_loop().create_future()
            self._waiting.append((self._came, done))
            await done

    def offer(self, frame: Frame) -> bool:
        """Hand one frame over if there is room. Returns whether it was taken."""
        half = self._limit // 2
        mine = self._held[frame.sender]
        fair = self._bytes < half or mine <= half // max(len(self._held), 1)
        if self._bytes + frame.size > self._limit or not fair:
            counters.add(self.protocol, dropped=1)
            return False
        self._take([frame])
        return True

    def _take(self, frames: Sequence[Frame]) -> None:
        size = sum(frame.size for frame in frames)
        self._frames += frames
        self._came += len(frames)
        self._bytes += size
        self._held[frames[0].sender] += size
        counters.add(self.protocol, bytes=size)
        self._some.set()

    def start(self) -> None:
        """Begin to keep what is handed over."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Keep what was handed over, and end. What cannot be kept within some seconds is given up, and counted."""
        self._closing = True
        self._some.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=STOP_WITHIN)
            if not done:
                self._task.cancel()
                counters.add(self.protocol, dropped=len(self._frames))
                log.error("%s: %d messages could not be kept before the end", self.protocol, len(self._frames))

    async def _run(self) -> None:
        while not (self._closing and not self._frames):
            await self._some.wait()
            if not self._waiting and not self._closing and len(self._frames) < MOST:
                await asyncio.sleep(MOMENT)
            frames, self._frames = self._frames[:MOST], self._frames[MOST:]
            if not self._frames and not self._closing:
                self._some.clear()
            if frames:
                await self._keep(frames)
            self._done += len(frames)
            while self._waiting and self._waiting[0][0] <= self._done:
                _, done = self._waiting.popleft()
                if not done.done():
                    done.set_result(None)

    async def _keep(self, frames: Sequence[Frame]) -> None:
        while True:
            try:
                await _in_thread(with_database, into_spool, self._decode_and_keep, frames)
                break
            except ProblemError as problem:
                if not self.problem:
                    log.warning("%s waits: %s", self.protocol, problem.detail)
                self.problem = problem.detail
                await asyncio.sleep(AGAIN)
            except Exception:
                # Nothing that one sender sends may end the listener for all others.
                log.exception("%s: %d messages could not be kept", self.protocol, len(frames))
                counters.add(self.protocol, dropped=len(frames))
                break
        self.problem = ""
        for frame in frames:
            self._held[frame.sender] -= frame.size
            if self._held[frame.sender] <= 0:
                del self._held[frame.sender]
        self._bytes -= sum(frame.size for frame in frames)
        self._room.set()

    def _decode_and_keep(self, frames: Sequence[Frame]) -> None:
        now = clock.now()
        try:
            collector = self._decode(frames, now)
        except Exception:
            # A mistake of ours in the decoder must not cost anybody's lines.
            log.exception("%s: messages could not be decoded and are kept as they came", self.protocol)
            collector = Collector(self.protocol, whole=True)
            for frame in frames:
                collector.unreadable(records.text_of(frame.data), frame.sender)
        keeping.keep(self.protocol, collector.lines())
        if collector.unread:
            counters.add(self.protocol, unreadable=collector.unread)


def _in_thread(call: Callable[..., Any], *args: Any) -> Awaitable[Any]:
    return asyncio.get_running_loop().run_in_executor(None, call, *args)
