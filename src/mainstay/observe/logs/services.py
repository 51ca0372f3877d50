"""Keep log lines, and read them."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.settings import current
from mainstay.observe.logs import frame, redaction, registry
from mainstay.observe.logs.lines import Lines
from mainstay.observe.logs.reading.read import RAW, Source, read
from mainstay.observe.telemetry import services as telemetry

log = logging.getLogger(__name__)

ERROR_LEVELS = ("error", "fatal", "warning")
BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=10)


@dataclass(frozen=True)
class LogLine:
    """The first line of a pattern in a window, a stack trace with it; ``count`` lines are like it."""

    time: datetime
    level: str
    service: str
    body: str
    trace_id: str
    count: int


@dataclass(frozen=True)
class LogWindow:
    """Kinds of lines with the range that was searched, how many lines there were, and whether kinds were left out."""

    lines: tuple[LogLine, ...]
    start: datetime
    end: datetime
    total: int
    cut: bool


def accept(lines: Lines) -> int:
    """Keep lines; how many records they made. When this returns they are on disk.

    Raises ``SpoolFullError``.
    """
    if not lines.bodies:
        return 0
    now, conf = clock.now(), current()
    now_ms = int(now.timestamp() * 1000)
    records = _understood(frame.from_lines(lines), now, whole=lines.whole)
    records = records.with_columns(redaction.redact(records[name], conf.log_redact) for name in ("body", "attributes"))
    records = records.with_columns(pattern=_tagged(records, now))
    telemetry.write_frame("log_lines", frame.complete(records, now_ms, conf.retention_logs_days))
    return records.height


def _understood(lines: pl.DataFrame, now: datetime, *, whole: bool) -> pl.DataFrame:
    """The records of lines. A mistake of ours in reading must not cost anybody's lines: they are kept as they came."""
    try:
        return read(lines, now, Source(most_lines=current().log_record_lines), whole=whole)
    except Exception:
        log.exception("%s lines could not be read and are kept as they came", lines.height)
        return lines.with_columns(format=pl.lit(RAW))


def _tagged(records: pl.DataFrame, now: datetime) -> pl.Series:
    """The pattern numbers of records, 0 where a mistake of ours stood in the way."""
    try:
        return registry.tag(records, now)
    except Exception:
        log.exception("%s lines could not be given a pattern", records.height)
        return pl.repeat(0, records.height, dtype=pl.UInt64, eager=True)


def errors_around(actor: Actor, service_key: str, around: datetime, limit: int = 20) -> LogWindow:
    """Error lines of a service around a moment, one for each pattern, the oldest first.

    Where there are too many kinds, errors go before warnings. Raises ``TelemetryError`` when the store does not answer.
    """
    require(actor, Right.READ)
    start, end = around - BEFORE, around + AFTER
    params = {
        "service": service_key,
        "levels": list(ERROR_LEVELS),
        "start": int(start.timestamp() * 1000),
        "end": int(end.timestamp() * 1000),
        "limit": limit,
    }
    where = (
        "service = {service:String} AND level IN {levels:Array(String)} "
        "AND time BETWEEN fromUnixTimestamp64Milli({start:Int64}) AND fromUnixTimestamp64Milli({end:Int64})"
    )
    rows = telemetry.rows(
        "SELECT min(time) AS first, level, any(service), argMin(body, time), argMin(trace_id, time), count() AS lines, "
        f"sum(lines) OVER (), count() OVER () FROM log_lines WHERE {where} "
        "GROUP BY level, pattern, if(pattern = 0, cityHash64(body), 0) "
        "ORDER BY level = 'warning', first LIMIT {limit:UInt32}",
        params,
    )
    lines = sorted((LogLine(telemetry.aware(row[0]), *row[1:6]) for row in rows), key=lambda line: line.time)
    total, kinds = rows[0][6:8] if rows else (0, 0)
    return LogWindow(tuple(lines), start, end, total, cut=kinds > len(lines))
