"""Keep log lines, and read them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.settings import current
from mainstay.observe.logs import frame, redaction, registry
from mainstay.observe.logs.lines import Lines
from mainstay.observe.logs.reading.read import Source, read
from mainstay.observe.telemetry import services as telemetry

ERROR_LEVELS = ("error", "fatal", "warning")
BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=10)


@dataclass(frozen=True)
class LogLine:
    """One line of a log, a stack trace with it."""

    time: datetime
    level: str
    service: str
    body: str
    trace_id: str


@dataclass(frozen=True)
class LogWindow:
    """Lines with the range that was searched, how many there were in it, and whether some were left out."""

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
    source = Source(most_lines=conf.log_record_lines)
    records = read(frame.from_lines(lines), now, source, whole=lines.whole)
    records = records.with_columns(redaction.redact(records[name], conf.log_redact) for name in ("body", "attributes"))
    records = records.with_columns(pattern=registry.tag(records, now))
    telemetry.write_frame("log_lines", frame.complete(records, now_ms, conf.retention_logs_days))
    return records.height


def errors_around(actor: Actor, service_key: str, around: datetime, limit: int = 20) -> LogWindow:
    """Error lines of a service around a moment, oldest first, errors before warnings where there are too many.

    Raises ``TelemetryError`` when the store does not answer.
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
        f"SELECT time, level, service, body, trace_id, count() OVER () FROM log_lines WHERE {where} "
        "ORDER BY level = 'warning', time LIMIT {limit:UInt32}",
        params,
    )
    lines = sorted((LogLine(telemetry.aware(row[0]), *row[1:5]) for row in rows), key=lambda line: line.time)
    total = rows[0][5] if rows else 0
    return LogWindow(tuple(lines), start, end, total, cut=total > len(lines))
