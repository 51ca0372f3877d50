"""Fluentd's forward protocol, as fluentd, fluent-bit and the fluent-logger libraries speak it.

Source: "Forward Protocol Specification v1" of Fluentd: the four forms of events, the option ``chunk`` that asks for an
acknowledgement, and the handshake by a shared key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgpack

from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.intake import records
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.listening.gather import Frame
from mainstay.observe.intake.unpack import unpack

EVENT_TIME = 0
# What unpacking raises for bytes that are none: a list as a key, nesting without end, a type that there is not.
BROKEN = (msgpack.UnpackException, ValueError, TypeError, RecursionError)
# Seconds; a time of this protocol that is larger is none.
LATEST = 1e12


class WrongMessageError(ValueError):
    """What came is no message of this protocol."""


@dataclass(frozen=True, slots=True)
class EventTime:
    """Fluentd's time with nanoseconds, in microseconds since 1970."""

    micros: int


def ext_hook(code: int, data: bytes) -> Any:
    """The extension types of the protocol; others are kept as bytes."""
    if code == EVENT_TIME and len(data) == 8:
        seconds, nanos = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")
        return EventTime(seconds * 1_000_000 + nanos // 1000)
    return data


def unpacker(limit: int) -> msgpack.Unpacker:
    """What reads messages of at most ``limit`` bytes. Text that is no UTF-8 survives: it may be packed events."""
    return msgpack.Unpacker(
        raw=False, unicode_errors="surrogateescape", strict_map_key=False, ext_hook=ext_hook, max_buffer_size=limit
    )


def option_of(message: Any) -> dict[str, Any]:
    """The options of a message. Raises ``WrongMessageError`` when it is none."""
    if not isinstance(message, list) or not 2 <= len(message) <= 4 or not isinstance(message[0], str):
        raise WrongMessageError("write [tag, time, record] or [tag, events]")
    single = len(message) > 2 and isinstance(message[2], dict) and not isinstance(message[1], (list, str, bytes))
    place = 3 if single else 2
    option = message[place] if len(message) > place else None
    return option if isinstance(option, dict) else {}


def events_of(message: list[Any]) -> Iterator[tuple[Any, Any]]:
    """(time, record) of each event. Raises ``WrongMessageError`` or ``ProblemError`` for events that cannot be read."""
    entries = message[1]
    if isinstance(entries, list):
        yield from map(_pair, entries)
    elif isinstance(entries, (bytes, str)):
        packed = entries.encode("utf-8", "surrogateescape") if isinstance(entries, str) else entries
        limit = current().intake_max_body_mb * 1_000_000
        if option_of(message).get("compressed") in {"gzip", "zstd"}:
            packed = unpack(packed, option_of(message)["compressed"], limit)
        yield from map(_pair, _unpacked(packed, max(limit, len(packed))))
    elif len(message) > 2:
        yield entries, message[2]
    else:
        raise WrongMessageError("write events as a list, or packed")


def _unpacked(packed: bytes, limit: int) -> Iterator[Any]:
    """The values that are packed one after the other."""
    reader, done = unpacker(limit), 0
    reader.feed(packed)
    while done < len(packed):
        try:
            value = reader.unpack()
        except BROKEN as error:
            raise WrongMessageError(f"packed events: {error or 'they end too early'}") from error
        done = reader.tell()
        yield value


def _pair(entry: Any) -> tuple[Any, Any]:
    if not isinstance(entry, list) or len(entry) < 2:
        raise WrongMessageError("write an event as [time, record]")
    # fluent-bit puts the time into a list with metadata that belong to it.
    time = entry[0][0] if isinstance(entry[0], list) and entry[0] else entry[0]
    return time, entry[1]


def decode(frames: Sequence[Frame], now: datetime) -> Collector:
    """Messages as records. What cannot be read of a message is kept as it came, after the events that could be."""
    del now
    collector = Collector("forward", whole=True)
    for frame in frames:
        if not isinstance(frame.data, list):
            collector.unreadable(records.text_of(frame.data), frame.sender)
            continue
        try:
            for time, record in events_of(frame.data):
                _add(collector, frame.data[0], time, record, frame.sender)
        except (WrongMessageError, ProblemError):
            collector.unreadable(records.as_json(frame.data), frame.sender)
    return collector


def _add(collector: Collector, tag: str, time: Any, fields: Any, sender: str) -> None:
    if not isinstance(fields, dict):
        collector.unreadable(records.as_json([tag, records.text_of(fields)]), sender)
        return
    record = records.read(fields)
    if isinstance(time, EventTime):
        record.time, record.said = time.micros, ""
    elif isinstance(time, (int, float)) and 0 < time < LATEST and not record.time:
        record.time, record.said = int(time * 1_000_000), ""
    container = record.attributes.get("container.name") or record.attributes.get("k8s.container.name", "")
    service = record.service or container.strip("/") or tag
    host = record.host or sender.rpartition(":")[0]
    stream = records.path_of(host, record.instance or tag, record.attributes.get("log.iostream", ""))
    records.put(collector, record, service, stream, host, {"fluent.tag": tag})
