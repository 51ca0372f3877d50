"""How many records each format fits, so that a person sees one that no longer does.

Each process counts for itself and adds to the table from time to time: some seconds' worth may not be there yet.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from django.db import DatabaseError, transaction
from django.db.models import F, Sum

from mainstay.observe.logs.formats.models import LogFormatCount

log = logging.getLogger(__name__)

_STEP, _SHOWN, _KEPT = timedelta(minutes=5), timedelta(hours=1), timedelta(hours=3)
_EVERY_SECONDS = 5.0
_Waiting = dict[tuple[str, datetime], list[int]]


@dataclass(frozen=True)
class Counts:
    """Records of the last hour: fitted, and tried in vain."""

    matched: int = 0
    missed: int = 0


class _Counter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: _Waiting = {}
        self._added_at = float("-inf")

    def add(self, found: Mapping[str, tuple[int, int]], now: datetime) -> None:
        """Count; every few seconds add what waits to the table."""
        at = datetime.fromtimestamp(now.timestamp() // _STEP.total_seconds() * _STEP.total_seconds(), now.tzinfo)
        with self._lock:
            for key, more in found.items():
                counts = self._waiting.setdefault((key, at), [0, 0])
                counts[:] = (counts[0] + more[0], counts[1] + more[1])
            due = time.monotonic() - self._added_at >= _EVERY_SECONDS
        if due:
            self.flush(now)

    def flush(self, now: datetime) -> None:
        """Add what waits to the table. While the database is away it goes on waiting."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._added_at = time.monotonic()
        if not waiting:
            return
        try:
            _add(waiting, now)
        except DatabaseError:
            log.warning("the counts of %s formats cannot be written down yet", len(waiting))
            with self._lock:
                for place, more in waiting.items():
                    counts = self._waiting.setdefault(place, [0, 0])
                    counts[:] = (counts[0] + more[0], counts[1] + more[1])


_counter = _Counter()


def _add(waiting: _Waiting, now: datetime) -> None:
    with transaction.atomic():
        LogFormatCount.objects.filter(at__lt=now - _KEPT).delete()
        rows = [LogFormatCount(format=key, at=at) for key, at in sorted(waiting)]
        LogFormatCount.objects.bulk_create(rows, ignore_conflicts=True)
        for (key, at), (matched, missed) in sorted(waiting.items()):
            LogFormatCount.objects.filter(format=key, at=at).update(
                matched=F("matched") + matched, missed=F("missed") + missed
            )


def count(records: pl.DataFrame, keys: list[str], now: datetime) -> None:
    """Count records as ``apply.laid_over`` gives them."""
    found = dict.fromkeys(keys, (0, 0))
    for key, lines in records["format"].value_counts(name="n").iter_rows():
        if key in found:
            found[key] = (lines, 0)
    for missed, lines in records["missed"].value_counts(name="n").iter_rows():
        for key in filter(None, (missed or "").split(",")):
            matched, before = found.get(key, (0, 0))
            found[key] = (matched, before + lines)
    _counter.add({key: one for key, one in found.items() if one != (0, 0)}, now)


def last_hour(now: datetime) -> Mapping[str, Counts]:
    """The counts of each format, with what this process has not added yet."""
    _counter.flush(now)
    rows = (
        LogFormatCount.objects.filter(at__gt=now - _SHOWN - _STEP)
        .values_list("format")
        .annotate(Sum("matched"), Sum("missed"))
    )
    return {key: Counts(matched, missed) for key, matched, missed in rows}
