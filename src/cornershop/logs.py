"""The log files: each service writes in its own style, as services grown over the years do.

`nginx` (combined access log with request time, and an error log), `json` (one object a line), `logfmt`, `text`
(Python's own, with tracebacks over many lines) and `batch` (a plain job log). Files are rotated by rename at 5 MB,
two old ones kept.
"""

import json
import logging
import logging.handlers
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MAX_BYTES = 5_000_000
KEEP = 2

trace_id: ContextVar[str] = ContextVar("trace_id", default="-")


def open_log(service: str, path: Path, style: str) -> logging.Logger:
    """A logger that writes one file in one style and nothing anywhere else."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEEP, encoding="utf-8")
    handler.setFormatter(STYLES[style](service))
    log = logging.Logger(service, logging.INFO)
    log.addHandler(handler)
    return log


def write(log: logging.Logger, level: int, message: str, **fields: object) -> None:
    """Log a message with fields; the structured styles keep them apart, the text styles append them."""
    log.log(level, message, extra={"fields": fields})


def info(log: logging.Logger, message: str, **fields: object) -> None:
    """Log at level info."""
    write(log, logging.INFO, message, **fields)


def warning(log: logging.Logger, message: str, **fields: object) -> None:
    """Log at level warning."""
    write(log, logging.WARNING, message, **fields)


def error(log: logging.Logger, message: str, **fields: object) -> None:
    """Log at level error."""
    write(log, logging.ERROR, message, **fields)


def iso(seconds: float | None = None) -> str:
    """RFC 3339 in UTC with milliseconds, of now when no time is given."""
    when = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


class _Style(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service


class JsonStyle(_Style):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render; an exception becomes the field `error` with its stack in `stack`."""
        line: dict[str, Any] = {
            "ts": iso(record.created),
            "level": record.levelname.lower(),
            "service": self.service,
            "msg": record.getMessage(),
            "trace_id": trace_id.get(),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = repr(record.exc_info[1])
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class LogfmtStyle(_Style):
    """key=value pairs, quoted where needed."""

    def format(self, record: logging.LogRecord) -> str:
        """Render; an exception becomes `error`."""
        pairs: dict[str, Any] = {
            "ts": iso(record.created),
            "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
            "msg": record.getMessage(),
            **_fields(record),
            "trace": trace_id.get(),
        }
        if record.exc_info:
            pairs["error"] = repr(record.exc_info[1])
        return " ".join(f"{key}={self._value(value)}" for key, value in pairs.items())

    @staticmethod
    def _value(value: object) -> str:
        text = str(value)
        if text and not any(character in text for character in ' "=\n'):
            return text
        return json.dumps(text, ensure_ascii=False)


class TextStyle(_Style):
    """What Python's own logging looks like in most shops, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Render; a traceback follows on lines of its own."""
        stamp = datetime.fromtimestamp(record.created, UTC)
        millis = int(record.msecs)
        fields = "".join(f" {key}={value}" for key, value in _fields(record).items())
        line = (
            f"{stamp:%Y-%m-%d %H:%M:%S},{millis:03d} {record.levelname:<7} [{trace_id.get()}] "
            f"cornershop.{self.service}: {record.getMessage()}{fields}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class BatchStyle(_Style):
    """A plain job log."""

    def format(self, record: logging.LogRecord) -> str:
        """Render; warnings and errors carry their level in front of the message."""
        stamp = datetime.fromtimestamp(record.created, UTC)
        level = "" if record.levelno == logging.INFO else f"{record.levelname} "
        line = f"{stamp:%Y-%m-%d %H:%M:%S} {self.service.upper()} {level}{record.getMessage()}"
        fields = {**_fields(record), "trace": trace_id.get()}
        line += " (" + ", ".join(f"{key} {value}" for key, value in fields.items()) + ")"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class NginxAccessStyle(_Style):
    """Combined access log, with the request time and the trace at the end."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the fields of a request; the message itself is not used."""
        stamp = datetime.fromtimestamp(record.created, UTC)
        f = _fields(record)
        return (
            f'127.0.0.1 - {f["user"]} [{stamp:%d/%b/%Y:%H:%M:%S +0000}] "{f["request"]}" {f["status"]} {f["size"]} '
            f'"-" "{f["agent"]}" rt={f["seconds"]:.3f} trace={trace_id.get()}'
        )


class NginxErrorStyle(_Style):
    """nginx's error log."""

    def format(self, record: logging.LogRecord) -> str:
        """Render; fields follow the message after commas."""
        stamp = datetime.fromtimestamp(record.created, UTC)
        level = {"WARNING": "warn", "INFO": "notice"}.get(record.levelname, record.levelname.lower())
        fields = "".join(f", {key}: {value}" for key, value in _fields(record).items())
        line = (
            f"{stamp:%Y/%m/%d %H:%M:%S} [{level}] {record.process}#0: {record.getMessage()}{fields}, "
            f"trace: {trace_id.get()}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


STYLES: dict[str, type[_Style]] = {
    "json": JsonStyle,
    "logfmt": LogfmtStyle,
    "text": TextStyle,
    "batch": BatchStyle,
    "nginx": NginxAccessStyle,
    "nginx-error": NginxErrorStyle,
}
