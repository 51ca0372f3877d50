"""Recurrence rules (RFC 5545, section 3.3.10) over civil time, with work bounded by the span that is asked for.

A rule cuts time into periods (every third week, every month). The civil times in a period are those whose day and time
of day pass every BY part; parts that are missing take their value from the start of the entry. A period can be worked
out by itself, so that a question about next month costs the same for a rule of this year and for one of twenty years
ago. Only COUNT has to count from the beginning, which is why it is small and remembered.
"""

import re
from bisect import bisect_left
from calendar import isleap, monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from mainstay.catalog.calendar.civil import wall

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
MAX_COUNT = 1000
# How far a rule that counts is followed, and how far a first occurrence is looked for.
REACH = timedelta(days=366 * 50)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


class RecurrenceError(ValueError):
    """A rule cannot be read or never comes true. The text says what to write."""


@dataclass(frozen=True)
class Rule:
    """A rule as it was written; empty parts were left out. ``by_day`` pairs an ordinal (0: every) with a weekday."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    by_month: tuple[int, ...] = ()
    by_week: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()
    week_start: int = 0


def _numbers(name: str, text: str, low: int, high: int, *, signed: bool = False) -> tuple[int, ...]:
    found = []
    for part in text.split(","):
        if not re.fullmatch(r"[+-]?\d{1,4}" if signed else r"\d{1,4}", part.strip()):
            raise RecurrenceError(f"{name}: {part!r} is not a number")
        number = int(part)
        if not low <= abs(number) <= high:
            raise RecurrenceError(f"{name}: {number} is not from {low} to {high}")
        found.append(number)
    return tuple(sorted(set(found)))


def _days(text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", part.strip())
        ordinal = int(match[1] or 0) if match else 0
        if not match or abs(ordinal) > 53 or (match[1] and not ordinal):
            raise RecurrenceError(f"BYDAY: {part!r} is not a weekday such as MO, 2TU or -1FR")
        found.append((ordinal, WEEKDAYS.index(match[2])))
    return tuple(sorted(set(found)))


def _until(text: str, zone: ZoneInfo) -> datetime:
    """UNTIL as the civil time of the last start: a day counts whole, and ``Z`` means UTC."""
    try:
        if len(text) == 8:
            return datetime.strptime(text, "%Y%m%d").replace(hour=23, minute=59, second=59)
        if text.endswith("Z"):
            return wall(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), zone)
        return datetime.strptime(text, "%Y%m%dT%H%M%S")
    except ValueError:
        raise RecurrenceError(f"UNTIL: {text!r} is not written as 20261231T235900 or 20261231") from None


def parse_rule(text: str, zone: ZoneInfo) -> Rule:
    """Read ``FREQ=WEEKLY;BYDAY=SU``, with or without ``RRULE:`` before it. Raises ``RecurrenceError``."""
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").strip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise RecurrenceError(f"{part!r} is not NAME=VALUE; write for example FREQ=WEEKLY;BYDAY=SU")
        if name in parts:
            raise RecurrenceError(f"{name} stands twice")
        parts[name] = value
    frequency = parts.pop("FREQ", "")
    if frequency in {"SECONDLY", "MINUTELY"}:
        raise RecurrenceError(f"FREQ={frequency} is too frequent for changes of production; the least is HOURLY")
    if frequency not in FREQUENCIES:
        raise RecurrenceError(f"FREQ: write one of {', '.join(FREQUENCIES)}")
    found: dict[str, Any] = {}
    for name, value in parts.items():
        if name not in _PARTS:
            raise RecurrenceError(f"{name} is not known; known are FREQ, {', '.join(_PARTS)}")
        field, read = _PARTS[name]
        found[field] = read(value, zone)
    rule = Rule(frequency, **found)
    _check(rule)
    return rule


def _one(name: str, low: int, high: int) -> Callable[[str, ZoneInfo], int]:
    def read(text: str, _: ZoneInfo) -> int:
        found = _numbers(name, text, low, high)
        if len(found) != 1:
            raise RecurrenceError(f"{name}: write one number")
        return found[0]

    return read


def _many(name: str, low: int, high: int, *, signed: bool = False) -> Callable[[str, ZoneInfo], tuple[int, ...]]:
    return lambda text, _: _numbers(name, text, low, high, signed=signed)


def _week_start(text: str, _: ZoneInfo) -> int:
    if text not in WEEKDAYS:
        raise RecurrenceError(f"WKST: write one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text)


_PARTS: dict[str, tuple[str, Callable[[str, ZoneInfo], Any]]] = {
    "INTERVAL": ("interval", _one("INTERVAL", 1, 1000)),
    "COUNT": ("count", _one("COUNT", 1, MAX_COUNT)),
    "UNTIL": ("until", _until),
    "BYMONTH": ("by_month", _many("BYMONTH", 1, 12)),
    "BYWEEKNO": ("by_week", _many("BYWEEKNO", 1, 53, signed=True)),
    "BYYEARDAY": ("by_year_day", _many("BYYEARDAY", 1, 366, signed=True)),
    "BYMONTHDAY": ("by_month_day", _many("BYMONTHDAY", 1, 31, signed=True)),
    "BYDAY": ("by_day", lambda text, _: _days(text)),
    "BYHOUR": ("by_hour", _many("BYHOUR", 0, 23)),
    "BYMINUTE": ("by_minute", _many("BYMINUTE", 0, 59)),
    "BYSETPOS": ("by_position", _many("BYSETPOS", 1, 366, signed=True)),
    "WKST": ("week_start", _week_start),
}


def _check(rule: Rule) -> None:
    """Refuse what RFC 5545 forbids."""
    if rule.count and rule.until:
        raise RecurrenceError("COUNT and UNTIL exclude each other")
    if rule.by_week and (rule.frequency != "YEARLY" or rule.week_start):
        raise RecurrenceError("BYWEEKNO needs FREQ=YEARLY and weeks that begin on Monday")
    if rule.by_year_day and rule.frequency in {"DAILY", "WEEKLY", "MONTHLY"}:
        raise RecurrenceError("BYYEARDAY needs FREQ=YEARLY or HOURLY")
    if rule.by_month_day and rule.frequency == "WEEKLY":
        raise RecurrenceError("BYMONTHDAY does not go with FREQ=WEEKLY")
    if any(ordinal for ordinal, _ in rule.by_day) and (rule.frequency not in {"MONTHLY", "YEARLY"} or rule.by_week):
        raise RecurrenceError("BYDAY with a number, as in 2TU, needs FREQ=MONTHLY, or YEARLY without BYWEEKNO")
    others = (rule.by_month, rule.by_week, rule.by_year_day, rule.by_month_day, rule.by_day, rule.by_hour)
    if rule.by_position and not (any(others) or rule.by_minute):
        raise RecurrenceError("BYSETPOS chooses among what another BY part gives; add one")


def complete(rule: Rule, start: datetime) -> Rule:
    """The rule with what it leaves out taken from the start of its entry; ``civil_starts`` wants it so."""
    minutes = rule.by_minute or (start.minute,)
    if rule.frequency == "HOURLY":
        return replace(rule, by_minute=minutes)
    rule = replace(rule, by_minute=minutes, by_hour=rule.by_hour or (start.hour,))
    if rule.by_week or rule.by_year_day or rule.by_month_day or rule.by_day:
        return rule
    if rule.frequency == "WEEKLY":
        return replace(rule, by_day=((0, start.weekday()),))
    if rule.frequency == "MONTHLY":
        return replace(rule, by_month_day=(start.day,))
    if rule.frequency == "YEARLY":
        return replace(rule, by_month=rule.by_month or (start.month,), by_month_day=(start.day,))
    return rule


def _ordinal_fits(rule: Rule, day: datetime, ordinal: int) -> bool:
    """Whether this weekday is the n-th of its month, or of its year where the rule is about whole years."""
    if rule.frequency == "YEARLY" and not rule.by_month:
        place, length = day.timetuple().tm_yday, 366 if isleap(day.year) else 365
    else:
        place, length = day.day, monthrange(day.year, day.month)[1]
    return (place - 1) // 7 + 1 == ordinal if ordinal > 0 else (length - place) // 7 + 1 == -ordinal


def _day_fits(rule: Rule, day: datetime) -> bool:
    if rule.by_month and day.month not in rule.by_month:
        return False
    if rule.by_month_day:
        length = monthrange(day.year, day.month)[1]
        if day.day not in rule.by_month_day and day.day - length - 1 not in rule.by_month_day:
            return False
    if rule.by_year_day:
        place, length = day.timetuple().tm_yday, 366 if isleap(day.year) else 365
        if place not in rule.by_year_day and place - length - 1 not in rule.by_year_day:
            return False
    if rule.by_day:
        fitting = [ordinal for ordinal, weekday in rule.by_day if weekday == day.weekday()]
        if not any(not ordinal or _ordinal_fits(rule, day, ordinal) for ordinal in fitting):
            return False
    return True


def _weeks_of(rule: Rule, year: int) -> Iterator[datetime]:
    """The days of the weeks that BYWEEKNO names, which may lie in the neighbouring years."""
    last = datetime(year, 12, 28).isocalendar().week
    for number in sorted({week if week > 0 else last + 1 + week for week in rule.by_week}):
        if 1 <= number <= last:
            first = datetime.fromisocalendar(year, number, 1)
            yield from (first + place * _DAY for place in range(7))


def _days_of(rule: Rule, first: datetime) -> Iterator[datetime]:
    """The days of the period that begins on a day, as far as they can fit."""
    if rule.frequency in {"HOURLY", "DAILY"}:
        yield first.replace(hour=0, minute=0)
    elif rule.frequency == "WEEKLY":
        yield from (first + place * _DAY for place in range(7))
    elif rule.frequency == "YEARLY" and rule.by_week:
        yield from _weeks_of(rule, first.year)
    else:
        months = [first.month] if rule.frequency == "MONTHLY" else rule.by_month or range(1, 13)
        for month in months:
            beginning = first.replace(month=month, day=1)
            yield from (beginning + place * _DAY for place in range(monthrange(first.year, month)[1]))


def _in_period(rule: Rule, first: datetime) -> list[datetime]:
    """The civil times of one period, in order."""
    hours = (first.hour,) if rule.frequency == "HOURLY" else rule.by_hour
    if rule.frequency == "HOURLY" and rule.by_hour and first.hour not in rule.by_hour:
        return []
    found = [
        datetime.combine(day, time(hour, minute))
        for day in _days_of(rule, first)
        if _day_fits(rule, day)
        for hour in hours
        for minute in rule.by_minute
    ]
    if not rule.by_position:
        return found
    size = len(found)
    places = {place - 1 if place > 0 else size + place for place in rule.by_position}
    return [found[place] for place in sorted(places) if 0 <= place < size]


def _period(rule: Rule, start: datetime) -> tuple[Callable[[int], datetime], Callable[[datetime], int]]:
    """(the first moment of the n-th period, the number of the period that a civil time is in) of a rule."""
    step, midnight = rule.interval, start.replace(hour=0, minute=0)
    if rule.frequency in {"YEARLY", "MONTHLY"}:
        unit = 12 * step if rule.frequency == "YEARLY" else step
        base = start.year * 12 + (start.month - 1 if rule.frequency == "MONTHLY" else 0)

        def month(number: int) -> datetime:
            year, place = divmod(base + number * unit, 12)
            return datetime(min(year, 9999), place + 1, 1)

        return month, lambda civil: (civil.year * 12 + civil.month - 1 - base) // unit
    if rule.frequency == "HOURLY":
        length, origin = step * _HOUR, start.replace(minute=0)
    elif rule.frequency == "DAILY":
        length, origin = step * _DAY, midnight
    else:
        length, origin = step * 7 * _DAY, midnight - (midnight.weekday() - rule.week_start) % 7 * _DAY
    return lambda number: origin + number * length, lambda civil: (civil - origin) // length


def _walk(rule: Rule, start: datetime, after: datetime, before: datetime) -> Iterator[datetime]:
    """The civil times from ``after`` on and before ``before``, whatever COUNT says."""
    if rule.until:
        before = min(before, rule.until + timedelta(microseconds=1))
    after = max(after, start)
    begins, number_of = _period(rule, start)
    # Weeks that BYWEEKNO names reach into the year before and the year after.
    reach = 1 if rule.by_week else 0
    number = max(number_of(after) - reach, 0) if after > start else 0
    last = number_of(before) + reach if before > start else -1
    for place in range(number, last + 1):
        for civil in _in_period(rule, begins(place)):
            if after <= civil < before:
                yield civil


@lru_cache(maxsize=1024)
def _counted(rule: Rule, start: datetime) -> tuple[datetime, ...]:
    end = min(start, datetime(9900, 1, 1)) + REACH
    return tuple(islice(_walk(rule, start, start, end), rule.count))


def civil_starts(rule: Rule, start: datetime, after: datetime, before: datetime) -> Iterator[datetime]:
    """The civil times at which the rule of an entry that begins at ``start`` comes true, in [after, before)."""
    if rule.count is None:
        return _walk(rule, start, after, before)
    every = _counted(rule, start)
    return iter(every[bisect_left(every, after) : bisect_left(every, before)])


def check_ever(rule: Rule, start: datetime) -> None:
    """Refuse a whole rule that never comes true, such as one for the 30th of February."""
    if start.year > 2500:
        raise RecurrenceError("begins too far in the future")
    if next(civil_starts(rule, start, start, start + _sparse(rule)), None) is None:
        raise RecurrenceError("never comes true; check its BY parts against each other")


def _sparse(rule: Rule) -> timedelta:
    """How far to look for the first time: all years for what is rare, less for what is a lot of steps."""
    return REACH if rule.frequency in {"MONTHLY", "YEARLY"} else timedelta(days=366 * 9)
