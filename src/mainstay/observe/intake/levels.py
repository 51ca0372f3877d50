"""Levels by the names and numbers that senders use."""

from functools import lru_cache

from mainstay.observe.logs.lines import LEVELS

# Severities of syslog, 0 emergency to 7 debug (RFC 5424); GELF and journald count as syslog does.
SYSLOG = ("fatal", "fatal", "fatal", "error", "warning", "info", "info", "debug")
_OTHER_NAMES = {
    "warn": "warning",
    "err": "error",
    "severe": "error",
    "critical": "fatal",
    "crit": "fatal",
    "alert": "fatal",
    "emerg": "fatal",
    "emergency": "fatal",
    "panic": "fatal",
    "information": "info",
    "informational": "info",
    "notice": "info",
    "verbose": "debug",
    "fine": "debug",
    "dbg": "debug",
    "finest": "trace",
}


@lru_cache(maxsize=1000)
def of_text(said: str) -> str:
    """One of the six level names, or nothing."""
    lower = said.strip().lower()
    return lower if lower in LEVELS else _OTHER_NAMES.get(lower, "")


def of_otlp(number: int, said: str) -> str:
    """From OTLP's severity number (1-4 trace, 5-8 debug, … 21-24 fatal), else from its text."""
    return LEVELS[(number - 1) // 4] if 1 <= number <= 24 else of_text(said)


def of_syslog(value: object) -> str:
    """From a severity of syslog as a number or as text of one; nothing when it is none."""
    text = str(value)
    return SYSLOG[int(text)] if len(text) == 1 and text in "01234567" else ""
