"""Levels by the names and numbers that senders use."""

from functools import lru_cache

from mainstay.observe.logs.lines import LEVELS
from mainstay.observe.logs.reading.levels import NAMES

# Severities of syslog, 0 emergency to 7 debug (RFC 5424); GELF and journald count as syslog does.
SYSLOG = ("fatal", "fatal", "fatal", "error", "warning", "info", "info", "debug")


@lru_cache(maxsize=1000)
def of_text(said: str) -> str:
    """One of the six level names, or nothing."""
    lower = said.strip().lower()
    # One letter is a level only where the layout of a line says so.
    return NAMES.get(lower, "") if len(lower) > 1 else ""


def of_otlp(number: int, said: str) -> str:
    """From OTLP's severity number (1-4 trace, 5-8 debug, … 21-24 fatal), else from its text."""
    return LEVELS[(number - 1) // 4] if 1 <= number <= 24 else of_text(said)


def of_syslog(value: object) -> str:
    """From a severity of syslog as a number or as text of one; nothing when it is none."""
    text = str(value)
    return SYSLOG[int(text)] if len(text) == 1 and text in "01234567" else ""
