"""The patterns of this process: known again after a restart, and written down before a line is acknowledged."""

import logging
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

import polars as pl
from django.db import DatabaseError, transaction

from mainstay.core.settings import current
from mainstay.observe.logs import models
from mainstay.observe.logs.patterns import grouping
from mainstay.observe.logs.patterns.miner import Limits, Miner, Pattern
from mainstay.observe.logs.patterns.shapes import GAP, Shape

log = logging.getLogger(__name__)
_lock = threading.Lock()


@lru_cache(maxsize=1)
def _restored() -> Miner:
    conf = current()
    miner = Miner(Limits(conf.log_patterns_max, conf.log_patterns_learned, thresholds=grouping.Thresholds()))
    rows = list(models.Pattern.objects.all())
    miner.restore(map(_as_mined, rows), {row.id: row.merged_into_id for row in rows if row.merged_into_id})
    return miner


def miner() -> Miner:
    """The miner of this process, made at first use. Raises ``DatabaseError`` when what is known cannot be read."""
    with _lock:
        return _restored()


def forget() -> None:
    """Read the patterns again at the next use."""
    with _lock:
        _restored.cache_clear()


def tag(frame: pl.DataFrame, now: datetime) -> pl.Series:
    """The pattern numbers of the bodies of a frame (N, UInt64), each written down; 0 while the database is away."""
    try:
        known = miner()
    except DatabaseError:
        log.warning("patterns cannot be read; lines are kept without them")
        return pl.repeat(0, frame.height, dtype=pl.UInt64, eager=True)
    numbers = known.tag(frame["body"])
    changed = known.take_changes()
    if changed:
        try:
            _save(changed, _first_of(frame, numbers), now)
        except DatabaseError:
            log.warning("%s patterns cannot be written down yet", len(changed))
            known.put_back(changed)
    return numbers


def _first_of(frame: pl.DataFrame, numbers: pl.Series) -> Mapping[int, tuple[str, str]]:
    """The service and level of the first line of each pattern."""
    seen = frame.select("service", "level").with_columns(pattern=numbers).unique("pattern", keep="first")
    return {number: (service, level) for service, level, number in seen.iter_rows()}


def _as_mined(row: models.Pattern) -> Pattern:
    words = (word if isinstance(word, str) else GAP + word[0] for word in row.shape["words"])
    shape = Shape(tuple(words), tuple(row.shape["signs"]))
    return Pattern(shape, row.shape["samples"], row.example, row.id, row.template)


def _plain(shape: Shape) -> list[str | list[str]]:
    """The words of a shape; a gap is a list with what follows it. PostgreSQL's JSON takes no NUL, which marks a gap."""
    return [[word.removeprefix(GAP)] if word.startswith(GAP) else word for word in shape.words]


def _save(changed: Iterable[Pattern], first: Mapping[int, tuple[str, str]], now: datetime) -> None:
    rows = [
        models.Pattern(
            id=one.number,
            template=one.template,
            example=one.example,
            shape={"words": _plain(one.shape), "signs": one.shape.signs, "samples": one.samples},
            first_seen=now,
            first_service=first.get(one.number, ("", ""))[0][:200],
            level=first.get(one.number, ("", ""))[1],
            merged_into_id=one.now().number if one.merged_into else None,
        )
        for one in changed
    ]
    # An elder must be there before the younger that points to it.
    rows.sort(key=lambda row: row.merged_into_id is not None)
    with transaction.atomic():
        models.Pattern.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=["template", "shape", "merged_into"]
        )
