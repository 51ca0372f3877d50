"""What the worker calls again and again for checks: those that are due are run side by side, in a bounded pool."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from django.db import close_old_connections, connection

from mainstay.core import clock
from mainstay.core.settings import current
from mainstay.observe.checks import runner, services
from mainstay.observe.checks.models import Check

log = logging.getLogger(__name__)


class Checks:
    """Runs checks. Those that were late last time have half of the places at most: they hold up each other alone.

    Without arguments it runs programs. The floor that knows books gives how these are run and ended.
    """

    def __init__(
        self,
        execute: Callable[[Check], services.Said] = services.execute,
        end_all: Callable[[], None] = runner.end_all,
        *,
        books: bool = False,
    ) -> None:
        self._execute, self._end_all, self._books = execute, end_all, books
        self._places = current().check_workers
        self._pool = ThreadPoolExecutor(self._places, thread_name_prefix="check")
        self._running: dict[int, tuple[Future[None], bool]] = {}
        self._stopped = threading.Event()

    def run_due(self) -> int:
        """Begin what is due and has a place. Returns how many."""
        self._running = {pk: one for pk, one in self._running.items() if not one[0].done()}
        free = self._places - len(self._running)
        if free <= 0:
            return 0
        slow = max(self._places // 2, 1) - sum(late for _, late in self._running.values())
        taken = services.claim(free, slow=max(slow, 0), books=self._books)
        for check in taken:
            if check.pk not in self._running:
                self._running[check.pk] = (self._pool.submit(self._run, check), check.slow)
        return len(taken)

    def wait(self) -> None:
        """Wait for all that run."""
        for future, _ in self._running.values():
            future.result()

    def stop(self) -> None:
        """End what runs. It says nothing then, and is due again at once."""
        self._stopped.set()
        ended = [pk for pk, (future, _) in self._running.items() if not future.done()]
        # One that begins at this very moment is ended by the next look.
        while not all(future.done() for future, _ in self._running.values()):
            self._end_all()
            wait([future for future, _ in self._running.values()], timeout=0.1)
        self._pool.shutdown(wait=True, cancel_futures=True)
        services.give_back(ended)

    def _run(self, check: Check) -> None:
        close_old_connections()
        started = clock.now()
        try:
            said = self._execute(check) if not self._stopped.is_set() else None
            if said and not self._stopped.is_set():
                services.keep(check.pk, said, started)
        except Exception:
            log.exception("check %s could not be run or kept", check.key)
        finally:
            connection.close()
