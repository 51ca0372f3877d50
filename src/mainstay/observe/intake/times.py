"""Times as senders write them, in microseconds since 1970 UTC."""

import math
from datetime import UTC, datetime
from typing import Any

MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def of_datetime(when: datetime) -> int:
    """A time with its zone, exactly."""
    since = when - _EPOCH
    return (since.days * 86_400 + since.seconds) * MICROS + since.microseconds


def of_number(value: float) -> int:
    """A number in seconds, milliseconds, microseconds or nanoseconds: which one, its size tells."""
    size = abs(value)
    if size < 1e11:
        return round(value * MICROS)
    if size < 1e14:
        return round(value * 1000)
    return int(value) if size < 1e17 else int(value) // 1000


def of_text(text: str) -> int | None:
    """ISO 8601 with or without its zone (then UTC), or a number as text; nothing when it is neither."""
    text = text.strip()
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return of_datetime(when if when.tzinfo else when.replace(tzinfo=UTC))
    try:
        return int(text) // 1000 if len(text) == 19 and text.isdigit() else of_number(float(text))
    except (ValueError, OverflowError):
        return None


def read(value: Any) -> int | None:
    """Whatever it is, or nothing when it is no time."""
    if isinstance(value, str):
        return of_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return of_number(value)
    return None
