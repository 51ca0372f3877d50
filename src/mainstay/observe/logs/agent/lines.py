"""What the agent makes of a file's text: records with a time, a level and a trace id, traces joined to their line.

Five styles are known by their looks: JSON lines, logfmt, access logs, Python's text log, and lines that begin with a
time. A line that begins like none of them belongs to the record before it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_STARTED = re.compile(rf"\[?(?P<time>{_ISO})\]?\s*(?P<rest>.*)", re.DOTALL)
_SLASHED = re.compile(r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)\s*(?P<rest>.*)", re.DOTALL)
_ACCESS = re.compile(
    r'\S+ \S+ \S+ \[(?P<time>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(?P<request>[^"]*)" (?P<status>\d{3})\b'
)
_LOGFMT = re.compile(r'(?P<key>[A-Za-z_][\w.]*)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>\S*))')
_LEVEL = re.compile(
    r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|FATAL)\b|\[(debug|info|notice|warn|error|crit)\]"
)
_TRACE = re.compile(r"\b[0-9a-f]{32}\b")
_LEVELS = {"warn": "warning", "err": "error", "crit": "fatal", "critical": "fatal", "notice": "info"}


@dataclass
class Record:
    """One record of a log. ``time_ms`` is 0 where the line names no time."""

    body: str
    time_ms: int = 0
    level: str = ""
    trace_id: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


def level_name(text: str) -> str:
    """One of trace, debug, info, warning, error, fatal, or nothing."""
    lower = text.strip().lower()
    lower = _LEVELS.get(lower, lower)
    return lower if lower in {"trace", "debug", "info", "warning", "error", "fatal"} else ""


def _ms(text: str) -> int:
    found = datetime.fromisoformat(text.replace(",", ".").replace("/", "-"))
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _ms_or_none(text: str) -> int:
    """A time as milliseconds, 0 for one that no calendar has."""
    try:
        return _ms(text)
    except (ValueError, OverflowError):
        return 0


def records(text: str) -> list[Record]:
    """The records of whole lines. Lines that begin no record are joined to the one before them."""
    found: list[Record] = []
    for line in text.split("\n"):
        record = _read(line)
        if record is None and line.strip() and found:
            found[-1].body += "\n" + line
        elif record is None and line.strip():
            found.append(Record(line, level=_level_in(line)))
        elif record is not None:
            found.append(record)
    return found


def _read(line: str) -> Record | None:
    """The record that a line begins, or nothing when it begins none."""
    if line.startswith("{"):
        return _json(line)
    access = _ACCESS.match(line)
    if access:
        time_ms = _access_ms(access["time"])
        status = int(access["status"])
        level = "error" if status >= 500 else "warning" if status >= 400 else "info"
        return Record(line, time_ms, level, _trace_in(line), {"status": access["status"], "request": access["request"]})
    if line.startswith(("ts=", "time=", "level=")):
        return _logfmt(line)
    started = _STARTED.match(line) or _SLASHED.match(line)
    if started:
        return Record(line, _ms_or_none(started["time"]), _level_in(started["rest"][:200]), _trace_in(line))
    return None


def _access_ms(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def _json(line: str) -> Record | None:
    try:
        data: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(data, dict):
        return None
    known = {str(name).lower(): value for name, value in data.items()}
    body = _first(known, "msg", "message", "event", "body")
    shown = body if isinstance(body, str) else line
    stack = _first(known, "stack", "traceback", "exception", "stack_trace")
    if isinstance(stack, str):
        shown = f"{shown}\n{stack}"
    return Record(
        shown,
        _json_time(_first(known, "ts", "time", "timestamp", "@timestamp")),
        level_name(str(_first(known, "level", "severity", "lvl") or "")),
        str(_first(known, "trace_id", "traceid") or ""),
        {str(name): value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in data.items()},
    )


def _first(known: Mapping[str, Any], *names: str) -> Any:
    return next((known[name] for name in names if name in known), None)


def _json_time(value: Any) -> int:
    if isinstance(value, (int, float)):
        # Seconds, milliseconds or nanoseconds since 1970, told apart by their size.
        return int(value * 1000 if value < 1e11 else value if value < 1e14 else value / 1e6)
    try:
        return _ms(str(value)) if value else 0
    except ValueError:
        return 0


def _logfmt(line: str) -> Record:
    pairs = {
        one["key"]: one["quoted"].replace('\\"', '"') if one["quoted"] is not None else one["plain"]
        for one in _LOGFMT.finditer(line)
    }
    trace = next((pairs[name] for name in ("trace", "trace_id") if name in pairs), "")
    return Record(
        line,
        _json_time(pairs.get("ts") or pairs.get("time")),
        level_name(pairs.get("level", "")),
        trace.strip("-"),
        pairs,
    )


def _level_in(text: str) -> str:
    found = _LEVEL.search(text)
    return level_name(found.group(1) or found.group(2)) if found else ""


def _trace_in(text: str) -> str:
    found = _TRACE.search(text)
    return found.group() if found else ""
