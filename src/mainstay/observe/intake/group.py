"""Group commit: signals of requests that arrive together share one transaction.

A commit waits for the disk. While one is under way the next requests gather, and all of them are in the next one, so
that a stream of small requests costs a few commits and each is still on disk before its answer.
"""

import asyncio
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import close_old_connections, connection, transaction

from mainstay.core import inbox
from mainstay.core.problems import ProblemError

MAX_GROUP = 2000


@dataclass(frozen=True)
class _Waiting:
    signals: Sequence[Mapping[str, Any]]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[None]"

    def finish(self, error: Exception | None) -> None:
        def settle() -> None:
            if not self.done.done():
                self.done.set_exception(error) if error else self.done.set_result(None)

        self.loop.call_soon_threadsafe(settle)


class GroupCommit:
    """Writes signals to the inbox. One thread, started on first use."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def put(self, signals: Sequence[Mapping[str, Any]]) -> None:
        """Return when the signals are committed; raise what the commit raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(signals, loop, loop.create_future())
        self._queue.put(waiting)
        await waiting.done

    def close(self) -> None:
        """Commit what has come in and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        ended = False
        while not ended:
            group = [self._queue.get()]
            while len(group) < MAX_GROUP and not self._queue.empty():
                group.append(self._queue.get())
            ended = None in group
            waiting = [one for one in group if one is not None]
            error = self._commit(waiting) if waiting else None
            for one in waiting:
                one.finish(error)
        connection.close()

    def _commit(self, group: Sequence[_Waiting]) -> Exception | None:
        close_old_connections()
        try:
            inbox.check_room()
            with transaction.atomic():
                inbox.put(self._kind, [dict(signal) for waiting in group for signal in waiting.signals])
        except inbox.InboxFullError as error:
            return ProblemError(429, "Too many requests", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, the senders must get an answer
            connection.close()
            return ProblemError(503, "Not available", f"the database does not take it: {type(error).__name__}")
        return None
