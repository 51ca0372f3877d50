"""What each service may have of the store: how long its lines are kept, how many it may send, and how fast.

Nothing is dropped silently. Who sends too fast is told to come again; so is who sends, above its quota of the day,
nothing but lines below warning. Whatever else comes above a quota is kept, and counted.
"""

import contextvars
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError
from mainstay.core.rates import Buckets
from mainstay.core.settings import current
from mainstay.observe.logs.lines import Lines
from mainstay.observe.logs.models import LogPolicy
from mainstay.observe.logs.recent import Recent
from mainstay.observe.telemetry import services as telemetry

_MB = 1_000_000
_QUIET = ("", "trace", "debug", "info")
_QUOTA_RETRY = 600
# Whether the sender of what is kept now can be told to come again; listeners cannot without holding others up.
_can_wait = contextvars.ContextVar("can_wait", default=False)
_rates = Buckets()


@dataclass(frozen=True)
class Policy:
    """``keep_days`` and ``mb_per_day`` (bytes of text, in MB) of a service; nothing where it has none of its own."""

    keep_days: int | None
    mb_per_day: int | None


@dataclass(frozen=True)
class Usage:
    """What a service sent on a day. ``disk`` is its share of what the lines take on disk, in bytes."""

    day: date
    service: str
    lines: int
    bytes: int
    share: float
    disk: int
    quota_mb: int | None


@contextmanager
def refusing() -> Iterator[None]:
    """Within this, who sends too much is refused."""
    token = _can_wait.set(True)
    try:
        yield
    finally:
        _can_wait.reset(token)


def _all_policies() -> Mapping[str, Policy]:
    return {row.service: Policy(row.keep_days, row.mb_per_day) for row in LogPolicy.objects.all()}


# The policies by service.
policies: Recent[Mapping[str, Policy]] = Recent("the policies of log lines", _all_policies, {})


def keep_days(services: pl.Series) -> pl.Series:
    """The days that lines of these services (N) are kept (N, UInt16)."""
    own = {name: one.keep_days for name, one in policies().items() if one.keep_days}
    usual = pl.repeat(current().retention_logs_days, services.len(), dtype=pl.UInt16, eager=True)
    if not own:
        return usual
    known = services.replace_strict(list(own), list(own.values()), default=None, return_dtype=pl.UInt16)
    return known.fill_null(current().retention_logs_days)


def check_rate(lines: Lines) -> None:
    """Raises ``ProblemError`` 429 when all services that lines come from send faster than one may.

    A burst that the store takes starves nobody. The rate holds only while so much waits that others would have to wait.
    """
    if not _can_wait.get():
        return
    rate = current().log_service_lines_per_second
    counts = pl.Series(lines.which, dtype=pl.Int64).value_counts(name="count").rows()
    by_service: dict[str, int] = {}
    for place, count in counts:
        name = lines.origins[place].service
        by_service[name] = by_service.get(name, 0) + count
    waits = [_rates.take(name, rate, rate, count=count) for name, count in by_service.items()]
    if waits and all(waits) and telemetry.spool().fullness() * 100 >= current().log_rate_pressure:
        names = ", ".join(sorted(by_service)[:5]) or "no service"
        detail = f"{names}: more than {rate} lines a second; send less, or raise log_service_lines_per_second"
        raise ProblemError(429, "Too many requests", detail, retry_after=max(1, round(min(waits))))


class _Today:
    """Bytes that came in today by service. After a start they begin with what the store has counted."""

    def __init__(self) -> None:
        self._day, self._bytes = date.min, dict[str, int]()
        self._lock = threading.Lock()

    def add(self, day: date, sizes: Mapping[str, int]) -> Mapping[str, int]:
        """Count bytes, and return what it was for these services before."""
        with self._lock:
            if day != self._day:
                self._day, self._bytes = day, _stored_on(day)
            before = {name: self._bytes.get(name, 0) for name in sizes}
            for name, size in sizes.items():
                self._bytes[name] = before[name] + size
            return before

    def forget(self, sizes: Mapping[str, int]) -> None:
        """They were not kept after all."""
        with self._lock:
            for name, size in sizes.items():
                self._bytes[name] = self._bytes.get(name, 0) - size


_today = _Today()


def _stored_on(day: date) -> dict[str, int]:
    try:
        found = telemetry.rows(
            "SELECT service, sum(length(body)) FROM log_lines WHERE toDate(received) = {day:Date} GROUP BY service",
            {"day": day},
        )
    except telemetry.TelemetryError:
        return {}
    return {str(name): int(size) for name, size in found}


def check_quota(records: pl.DataFrame, now: datetime) -> None:
    """Count records (``service``, ``level``, ``body``) and refuse them, with ``ProblemError`` 429, where all of them
    are below warning and of services above their quota of the day.
    """
    quotas = {name: one.mb_per_day * _MB for name, one in policies().items() if one.mb_per_day}
    if not quotas or not records["service"].is_in(list(quotas)).any():
        return
    counted = records.group_by("service").agg(
        pl.col("body").str.len_bytes().sum(), quiet=pl.col("level").is_in(_QUIET).all()
    )
    sizes = {name: int(size) for name, size, _ in counted.iter_rows() if name in quotas}
    before = _today.add(now.astimezone(UTC).date(), sizes)
    over = all(quiet and name in quotas and before[name] >= quotas[name] for name, _, quiet in counted.iter_rows())
    if over and _can_wait.get():
        _today.forget(sizes)
        detail = f"{', '.join(sorted(sizes))}: the quota of the day is used up; only warnings and worse are taken"
        midnight = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        wait = min(_QUOTA_RETRY, max(1, int((midnight - now).total_seconds())))
        raise ProblemError(429, "Too many requests", detail, retry_after=wait)


def usage(actor: Actor, days: int = 7) -> list[Usage]:
    """What each service sent on each of the last days (by the time of the lines, UTC), the newest and largest first.

    Raises ``TelemetryError``.
    """
    require(actor, Right.READ)
    rows = telemetry.rows(
        "SELECT toDate(minute, 'UTC') AS day, service, sum(lines) AS lines, sum(bytes) AS bytes FROM log_minutes "
        "WHERE minute >= toStartOfDay(now('UTC')) - toIntervalDay({days:UInt32} - 1) GROUP BY day, service "
        "ORDER BY day DESC, bytes DESC, service",
        {"days": days},
    )
    stored = telemetry.rows(
        "SELECT (SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() AND "
        "table = 'log_lines'), (SELECT sum(bytes) FROM log_minutes)"
    )
    disk, text = (float(one or 0) for one in stored[0])
    whole: dict[date, int] = {}
    for day, _, _, size in rows:
        whole[day] = whole.get(day, 0) + int(size)
    known = policies()
    return [
        Usage(
            day,
            name,
            int(lines),
            int(size),
            size / max(whole[day], 1),
            round(size * disk / max(text, 1)),
            known[name].mb_per_day if name in known else None,
        )
        for day, name, lines, size in rows
    ]
