"""The listeners of intake inside the web process: started with it, tried again while an address is taken, and seen."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from mainstay.core import heartbeat
from mainstay.core.settings import current
from mainstay.observe.intake import counters
from mainstay.observe.intake.app import Intake
from mainstay.observe.intake.listeners import LISTENERS, Listener

log = logging.getLogger(__name__)

AGAIN, BEAT_EVERY = 2.0, 5.0
PREFIX = "intake: "


@dataclass
class _State:
    """A listener that is wanted, and why it does not listen."""

    listener: Listener
    error: str = "is being started"


class Listeners:
    """All listeners that the settings ask for, and the signs of life of intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._wanted: list[_State] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._told: dict[str, int] = {}

    def start(self) -> None:
        """Begin. Returns at once: a listener whose address is taken must not hold up the screens."""
        for setting, make in LISTENERS.items():
            address = current().values[setting]
            if address:
                self._wanted.append(_State(make(address, self._intake.senders, self._intake.in_thread)))
        self._tasks = [asyncio.create_task(self._open(state)) for state in self._wanted]
        self._tasks.append(asyncio.create_task(self._beat()))

    async def stop(self) -> None:
        """Take no more, and keep what came."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        running = [state.listener.stop() for state in self._wanted if not state.error]
        for failed in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(failed, Exception):
                log.error("a listener did not end well: %s", failed)

    async def _open(self, state: _State) -> None:
        while state.error:
            try:
                await state.listener.start()
                state.error = ""
            except (OSError, ValueError) as error:
                if state.error != str(error):
                    log.warning("%s does not listen: %s", state.listener.name, error)
                state.error = str(error)
                await asyncio.sleep(AGAIN)

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                # The database may be away for a while; lines are taken all the same.
                await self._intake.in_thread(heartbeat.beat_all, self._beats())
            await asyncio.sleep(BEAT_EVERY)

    def _beats(self) -> list[tuple[str, bool, str]]:
        """(name, whether it is well, what came so far) of each listener and of each protocol that was used."""
        problems = {state.listener.name: state.error or state.listener.problem() for state in self._wanted}
        counts = counters.all_counts()
        beats = []
        for name in sorted({*problems, *counts}):
            mine = counts.get(name, counters.Counts())
            fresh, self._told[name] = mine.dropped - self._told.get(name, 0), mine.dropped
            problem = problems.get(name, "") or (f"{fresh} dropped just now" if fresh else "")
            beats.append((f"{PREFIX}{name}", not problem, f"{problem}; {mine.text()}" if problem else mine.text()))
        return beats
