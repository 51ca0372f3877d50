"""Live updates: one reader of the feed for each process, shared by every open stream."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections

from mainstay.core import feed
from mainstay.core.feed import Item

log = logging.getLogger(__name__)
EVERY = 1.0
BEAT = 15.0
# A browser that takes nothing for this many events is told to load its page anew instead.
QUEUE = 500


@dataclass(eq=False)
class Listener:
    """One open stream."""

    person_id: int | None
    queue: asyncio.Queue[Item | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    overrun: bool = False

    def offer(self, item: Item | None) -> None:
        """Hand over an event, or nothing for the end. Never waits for a slow browser."""
        if item is not None and item.person_id not in {None, self.person_id}:
            return
        try:
            self.queue.put_nowait(item)
        except asyncio.QueueFull:
            self.overrun = True


def _in_own_thread(call: Any, *args: Any) -> Any:
    """Ask the database from a thread of the pool, and leave no connection behind in it."""
    try:
        return call(*args)
    finally:
        connections.close_all()


async def ask(call: Any, *args: Any) -> Any:
    """Run a function that asks the database, without holding up the others."""
    return await sync_to_async(_in_own_thread, thread_sensitive=False)(call, *args)


class Hub:
    """Reads the feed once a second while anybody listens, and hands every event to all."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self.last = 0
        self.closed = False

    async def join(self, person_id: int | None) -> Listener:
        """Begin to listen. Events from here on reach the listener."""
        listener = Listener(person_id)
        # Two who come at once must not start a reader each.
        async with self._starting:
            if self._reader is None or self._reader.done():
                self.last = await ask(feed.last_id)
                self._reader = asyncio.create_task(self._read())
            self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Stop listening. The reader ends with the last one who leaves."""
        self._listeners.discard(listener)
        if not self._listeners and self._reader:
            self._reader.cancel()
            self._reader = None

    async def _read(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                items = await ask(feed.everything_since, self.last)
            except DatabaseError:
                log.warning("the feed cannot be read", exc_info=True)
                continue
            for item in items:
                self.last = item.id
                for listener in self._listeners:
                    listener.offer(item)

    def close(self) -> None:
        """End all streams, for the shutdown of the process. Browsers come back by themselves."""
        self.closed = True
        for listener in list(self._listeners):
            listener.offer(None)


hub = Hub()


def event(item: Item) -> bytes:
    """An event as it goes over the wire. Its number is where a cut stream resumes."""
    return b"id: %d\ndata: %b\n\n" % (item.id, orjson.dumps({"topic": item.topic, "ref": item.ref, "data": item.data}))


def notice(name: str) -> bytes:
    """An event without data of its own: ``beat``, ``reload`` or ``signed-out``."""
    return b"event: %b\ndata: {}\n\n" % name.encode()


async def follow(listener: Listener, after: int, still_allowed: Any) -> AsyncGenerator[bytes]:
    """The bytes of one stream: first what happened since ``after``, then what happens.

    ``still_allowed`` is asked at every beat whether the session still stands.
    """
    try:
        yield b"retry: 2000\n\n" + notice("beat")
        if not await ask(feed.reaches_back_to, after):
            yield notice("reload")
        sent = after
        while missed := await ask(feed.since, sent, listener.person_id):
            for item in missed:
                sent = item.id
                yield event(item)
        while not hub.closed:
            try:
                item = await asyncio.wait_for(listener.queue.get(), BEAT)
            except TimeoutError:
                if not await ask(still_allowed):
                    yield notice("signed-out")
                    return
                yield notice("beat")
                continue
            if item is None:
                return
            # What was read from the table at the start may stand in the queue as well.
            if item.id > sent:
                sent = item.id
                yield event(item)
            if listener.overrun:
                listener.overrun = False
                yield notice("reload")
    finally:
        hub.leave(listener)
