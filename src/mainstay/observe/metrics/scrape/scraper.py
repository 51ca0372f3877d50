"""Read one target: fetch, parse, relabel, keep, and mark what has gone as stale."""

import logging
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

from mainstay.core import clock, http
from mainstay.core.settings import current
from mainstay.observe.metrics.models import ScrapeTarget
from mainstay.observe.metrics.scrape import exposition, relabel
from mainstay.observe.telemetry import services as telemetry

log = logging.getLogger(__name__)
ACCEPT = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"
_STALE = struct.unpack("<d", struct.pack("<Q", telemetry.STALE_BITS))[0]
Series = tuple[int, str, Mapping[str, str]]


@dataclass
class _Memory:
    """What is remembered of a target between two scrapes."""

    made_for: tuple[object, ...]
    base: dict[str, str] | None
    steps: tuple[relabel.Step, ...]
    series: dict[str, Series | None] = field(default_factory=dict)
    live: frozenset[str] = frozenset()


_memories: dict[int, _Memory] = {}


def _memory(target: ScrapeTarget) -> _Memory:
    made_for = (target.changed_at, target.url)
    known = _memories.get(target.pk)
    if known is None or known.made_for != made_for:
        known = _memories[target.pk] = _Memory(
            made_for, _base_labels(target), relabel.compile_steps(target.metric_relabel)
        )
    return known


def _base_labels(target: ScrapeTarget) -> dict[str, str] | None:
    """The target's own labels after relabelling; nothing when a step drops the target."""
    parts = urlsplit(target.url)
    labels = {
        "job": target.service.key if target.service else target.key,
        "__address__": parts.netloc,
        "__scheme__": parts.scheme,
        "__metrics_path__": parts.path,
        **{str(name): str(value) for name, value in target.labels.items()},
    }
    if target.service:
        labels.setdefault("service", target.service.key)
    found = relabel.apply(labels, relabel.compile_steps(target.relabel))
    if found is None:
        return None
    found.setdefault("instance", found.get("__address__", parts.netloc))
    return {name: value for name, value in found.items() if not name.startswith("__")}


def scrape(target: ScrapeTarget) -> None:
    """Read the target and keep its samples with ``up`` and the scrape's own figures. Never raises for a bad target."""
    memory = _memory(target)
    if memory.base is None:
        return
    at, began, error = clock.now(), time.perf_counter(), ""
    found = exposition.Scraped([], np.array([], dtype=np.float64), np.array([], dtype=np.int64))
    try:
        answer = http.call(
            "GET",
            target.url,
            headers={"Accept": ACCEPT, "Accept-Encoding": "gzip"},
            timeout=current().scrape_timeout,
            max_bytes=current().scrape_max_mb * 1_000_000,
        )
        if answer.status != 200:
            error = f"HTTP {answer.status}"
        else:
            parsed = exposition.parse(answer.body.decode("utf-8"))
            for text in set(parsed.series) - memory.series.keys():
                memory.series[text] = _series(memory, text)
            found = parsed
    except (http.OutgoingError, ValueError) as problem:
        # ValueError: not UTF-8, not an exposition, or an address that is none.
        error = str(problem)
    seconds = time.perf_counter() - began
    try:
        count = _keep(memory, found, int(at.timestamp() * 1000), seconds, up=not error)
    except (telemetry.SpoolFullError, OSError) as problem:
        count, error = 0, str(problem)
    if (error, count) != (target.last_error, target.last_samples) or _write_down(target):
        target.last_error, target.last_samples, target.last_scrape_at, target.last_seconds = (
            error[:500],
            count,
            at,
            seconds,
        )
        ScrapeTarget.objects.filter(pk=target.pk).update(
            last_scrape_at=at, last_error=error[:500], last_samples=count, last_seconds=seconds
        )


def _write_down(target: ScrapeTarget) -> bool:
    """An unchanged outcome is written down now and then only: it is a commit, and samples tell the rest."""
    return target.last_scrape_at is None or (clock.now() - target.last_scrape_at).total_seconds() > 30


def _keep(memory: _Memory, found: exposition.Scraped, now_ms: int, seconds: float, *, up: bool) -> int:
    """Keep samples, staleness markers for series that have gone, and the scrape's own figures."""
    live = frozenset(found.series)
    texts = [*found.series, *(memory.live - live)]
    values = np.concatenate([found.values, np.full(len(texts) - len(found.series), _STALE)])
    times = np.concatenate(
        [np.where(found.times >= 0, found.times, now_ms), np.full(len(texts) - len(found.series), now_ms)]
    )
    resolved = [memory.series[text] for text in texts]
    kept = [place for place, one in enumerate(resolved) if one is not None]
    own = [
        ("up", float(up)),
        ("scrape_duration_seconds", seconds),
        ("scrape_samples_scraped", float(len(found.series))),
    ]
    base = memory.base or {}
    mine = [(telemetry.series_id(name, base), name, base) for name, _ in own]
    series = [one for one in resolved if one is not None] + mine
    telemetry.write_samples(
        series,
        np.arange(len(series), dtype=np.int64),
        np.concatenate([times[kept], np.full(len(own), now_ms)]).astype(np.int64),
        np.concatenate([values[kept], np.array([value for _, value in own])]),
    )
    memory.live = live
    for gone in memory.series.keys() - live - set(texts):
        del memory.series[gone]
    return len(found.series)


def _series(memory: _Memory, text: str) -> Series | None:
    """The series of a line, with the target's labels; nothing when a step drops it."""
    name, own = exposition.parse_series(text)
    base = memory.base or {}
    # A label that both have stays with the target; the exposed one is renamed, as Prometheus does.
    labels = {(f"exported_{label}" if label in base else label): value for label, value in own.items() if value}
    found = relabel.apply({**labels, **base, "__name__": name}, memory.steps)
    if found is None:
        return None
    name = found.pop("__name__", name)
    labels = {label: value for label, value in found.items() if not label.startswith("__")}
    return telemetry.series_id(name, labels), name, labels
