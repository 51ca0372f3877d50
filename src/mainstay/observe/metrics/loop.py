"""What the worker calls again and again for metrics: rules that are due, targets that are due."""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import close_old_connections

from mainstay.core.settings import current
from mainstay.observe.metrics.models import Rule, ScrapeTarget
from mainstay.observe.metrics.rules import evaluate
from mainstay.observe.metrics.scrape import scraper

log = logging.getLogger(__name__)

# How long the list of rules and targets may be old.
REREAD = 5.0
# Rules in one commit, and seconds after which a round of them ends.
PART = 20
BUDGET = 20.0


class Rules:
    """Evaluates rules when they are due. ``ask_logs`` answers those over log lines."""

    def __init__(self, ask_logs: evaluate.AskLogs = evaluate.no_logs) -> None:
        self._ask_logs = ask_logs
        self._schedule = evaluate.Schedule()
        self._rules: list[Rule] = []
        self._read_at = float("-inf")

    def samples_came(self, names: Iterable[str] | None) -> None:
        """Samples of these metrics have arrived."""
        self._schedule.samples_came(names)

    def run_due(self) -> None:
        """Evaluate what is due."""
        now = time.monotonic()
        if now - self._read_at >= REREAD:
            self._rules = list(Rule.objects.filter(enabled=True))
            self._read_at = now
        due = self._schedule.due(self._rules, now)
        # In parts, each a commit: what has breached must not wait for every other rule, and slow ones not hold the
        # loop for ever; what is left over is due again in the next round.
        for start in range(0, len(due), PART):
            if time.monotonic() - now > BUDGET:
                self._schedule.put_back(due[start:])
                break
            evaluate.run(due[start : start + PART], self._ask_logs)


class Scrapes:
    """Reads targets when they are due, a few side by side, each at an offset of its own within the interval."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="scrape")
        self._next: dict[int, float] = {}
        self._running: dict[int, Future[None]] = {}
        self._targets: list[ScrapeTarget] = []
        self._read_at = float("-inf")

    def run_due(self) -> None:
        """Start what is due. A target whose last scrape still runs is left out."""
        now = time.monotonic()
        if now - self._read_at >= REREAD:
            self._targets = list(ScrapeTarget.objects.filter(enabled=True).select_related("service"))
            self._read_at = now
        for target in self._targets:
            interval = target.interval_seconds or current().scrape_interval
            due = self._next.setdefault(target.pk, now + (target.pk * 0.618 % 1.0) * min(interval, 1.0))
            running = self._running.get(target.pk)
            if now < due or (running and not running.done()):
                continue
            self._next[target.pk] = max(due + interval, now)
            self._running[target.pk] = self._pool.submit(_scrape, target)


def _scrape(target: ScrapeTarget) -> None:
    close_old_connections()
    try:
        scraper.scrape(target)
    except Exception:
        log.exception("target %s could not be scraped", target.key)
