"""Keep log lines, and read them."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.settings import current
from mainstay.observe.logs import care, frame, redaction, registry
from mainstay.observe.logs.formats import apply, counts
from mainstay.observe.logs.formats.services import active
from mainstay.observe.logs.lines import Lines, Origin
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


def accept(lines: Lines, source: Source | None = None) -> int:
    """Keep lines; how many records they made. When this returns they are on disk.

    ``source`` says in which zone they were written and how wrong its clock was. Raises ``SpoolFullError``,
    and ``ProblemError`` 429 where a service sends more than it may (``care``).
    """
    if not lines.bodies:
        return 0
    care.check_rate(lines)
    return keep_records(records_of_lines(lines, source or Source()), clock.now()).height


def records_of(texts: pl.Series, origin: Origin, source: Source, fallback: str = "") -> pl.DataFrame:
    """The records of lines of text (N) of one origin; ``fallback`` is the service of those that name none."""
    records = _understood(frame.of_texts(texts, origin), clock.now(), source, whole=False)
    return records.with_columns(service=pl.when(pl.col("service") == "").then(pl.lit(fallback)).otherwise("service"))


def records_of_lines(lines: Lines, source: Source) -> pl.DataFrame:
    """The records of lines."""
    return _understood(frame.from_lines(lines), clock.now(), source, whole=lines.whole)


def keep_records(records: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Keep records as ``records_of`` gives them, and give back the rows of the table. Then they are on disk.

    Raises ``SpoolFullError``.
    """
    conf = current()
    care.check_quota(records, now)
    if "missed" in records.columns:
        counts.count(records, [one.key for one in active()], now)
    records = records.with_columns(redaction.redact(records[name], conf.log_redact) for name in ("body", "attributes"))
    records = records.with_columns(pattern=_tagged(records, now), keep_days=care.keep_days(records["service"]))
    rows = frame.complete(records, int(now.timestamp() * 1000), conf.retention_logs_days)
    telemetry.write_frame("log_lines", rows)
    return rows


def _understood(lines: pl.DataFrame, now: datetime, source: Source, *, whole: bool) -> pl.DataFrame:
    """The records of lines. A mistake of ours in reading must not cost anybody's lines: they are kept as they came."""
    conf, formats = current(), apply.of_batch(lines, active())
    source = replace(source, most_lines=conf.log_record_lines)
    try:
        if not formats:
            return read(lines, now, source, whole=whole)
        begun = None if whole else apply.begun(lines, formats, conf.log_format_line)
        records = read(apply.with_lines(lines), now, source, whole=whole, begun=begun)
    except Exception:
        log.exception("%s lines could not be read and are kept as they came", lines.height)
        return lines.with_columns(format=pl.lit(RAW))
    try:
        return apply.laid_over(records, formats, now, source, conf.log_format_line)
    except Exception:
        log.exception("the formats %s could not be applied", ", ".join(one.key for one in formats))
        return records.drop("line")


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
