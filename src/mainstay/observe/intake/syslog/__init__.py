"""Syslog by UDP, TCP and TLS: RFC 5424, and RFC 3164 as it is really spoken."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from mainstay.core.settings import current
from mainstay.observe.intake import levels, records
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.listening.gather import Frame
from mainstay.observe.intake.syslog.parse import Clock, Message, parse

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp"),
    *("audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)


def decode(frames: Sequence[Frame], now: datetime) -> Collector:
    """Messages as lines. What is no syslog is kept as it came."""
    collector = Collector("syslog", whole=False)
    clock = Clock(now, ZoneInfo(current().syslog_timezone))
    for frame in frames:
        text = frame.data.decode("utf-8", "replace").rstrip("\r\n\x00")
        if not text:
            continue
        message = parse(text, clock) if frame.piece < 2 else None
        if message is None:
            collector.unreadable(text, frame.sender, frame.piece)
        else:
            _add(collector, message, frame)
    return collector


def _add(collector: Collector, message: Message, frame: Frame) -> None:
    host = message.host or frame.sender.rpartition(":")[0] or frame.sender
    about = {"host.name": host, "syslog.facility.name": FACILITIES[message.facility]}
    if message.process:
        about["process.pid" if message.process.isdigit() else "syslog.procid"] = message.process
    if frame.piece:
        message.attributes["log.piece"] = str(frame.piece)
    stream = records.path_of(host, message.app, message.process) or frame.sender
    collector.add(
        collector.origin(message.app, stream, about),
        message.text,
        message.time,
        levels.SYSLOG[message.severity],
        said=message.said,
        attributes=message.attributes or None,
    )
