"""Civil time: what clocks on the wall show, and the moments that this means.

Where the clocks are put forward some civil times never are: they mean the first moment after the gap. Where the clocks
are put back some are twice: they mean the first of the two. So every civil time means exactly one moment, and later
civil times never mean earlier moments.
"""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


class CivilError(ValueError):
    """A time or a zone cannot be read. The text says how to write it."""


@lru_cache(maxsize=700)
def zone_of(name: str) -> ZoneInfo:
    """The zone with this name, or ``CivilError``."""
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise CivilError(f"{name!r} is not a time zone; write one such as Europe/Berlin") from None


def read_civil(text: str) -> datetime:
    """A civil time, to the minute: ``2026-03-01T02:00`` or ``2026-03-01 02:00``; a day alone means its 00:00."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise CivilError(f"{text!r} is no civil time; write one such as 2026-03-01T02:00") from None
    if found.tzinfo is not None:
        raise CivilError(f"{text!r} names an offset; write what the clock on the wall shows, and the zone in timezone")
    return found.replace(second=0, microsecond=0)


def written(civil: datetime) -> str:
    """A civil time as ``read_civil`` reads it."""
    return civil.strftime("%Y-%m-%dT%H:%M")


def read_clock(text: str) -> time:
    """What a clock shows: ``04:00``."""
    try:
        found = time.fromisoformat(text.strip())
    except ValueError:
        raise CivilError(f"{text!r} is no time of day; write one such as '04:00'") from None
    return found.replace(second=0, microsecond=0, tzinfo=None)


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at a moment."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def moment_of(civil: datetime, zone: ZoneInfo) -> datetime:
    """The moment, UTC, that a civil time means."""
    moment = civil.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment if wall(moment, zone) == civil else _after_gap(civil, zone)


def is_skipped(civil: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks never show this civil time."""
    return wall(civil.replace(tzinfo=zone, fold=0).astimezone(UTC), zone) != civil


def _after_gap(civil: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks jump over a civil time.

    In a gap fold 0 takes the offset before it and lands after it, fold 1 the other way round (PEP 495), so the jump is
    between the two; it is found by halving.
    """
    late = civil.replace(tzinfo=zone, fold=0).astimezone(UTC)
    early = civil.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle <= early:
            middle = early + _SECOND
        if wall(middle, zone) >= civil:
            late = middle
        else:
            early = middle
    return late
