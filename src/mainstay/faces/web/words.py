"""Sentences of the screens: counts, lengths of time, and whom an incident hurts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(count: int) -> str:
    """A count as people write it: in words up to ten."""
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"


def headline(open_count: int, waiting: int, mine: int) -> str:
    """The state of things in one sentence: ``Two open, one needs you``."""
    if not open_count:
        return "Nothing is open"
    start = f"{number(open_count).capitalize()} open"
    if mine:
        return f"{start}, {number(mine)} {'needs' if mine == 1 else 'need'} you"
    if waiting:
        return f"{start}, {number(waiting)} not taken"
    return f"{start}, all taken" if open_count > 1 else f"{start}, taken"


def duration(length: timedelta) -> str:
    """A length of time with its two largest units: ``2 h 05 min``."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def time_left(left: timedelta | None, *, over: bool) -> str:
    """What is left of an agreed time: ``12 min left``; for a goal that was reached how close it was."""
    if left is None:
        return ""
    if left < timedelta():
        return f"{duration(-left)} too late" if over else f"{duration(-left)} over"
    return f"{duration(left)} to spare" if over else f"{duration(left)} left"


def clock_time(moment: datetime, now: datetime, *, seconds: bool = False) -> str:
    """A time in the person's zone with its offset, and its day when that is not today."""
    local, today = timezone.localtime(moment), timezone.localtime(now)
    offset = local.strftime("%z")
    text = local.strftime("%H:%M:%S" if seconds else "%H:%M") + f" {offset[:3]}:{offset[3:5]}"
    if local.date() == today.date():
        return text
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local.day} {local:%b}{year} {text}"


def short_time(moment: datetime) -> str:
    """Hours and minutes alone, for places that say the offset nearby."""
    return timezone.localtime(moment).strftime("%H:%M")


def money(amount: object, currency: str) -> str:
    """``EUR 18,600``, without cents where there are none."""
    value = Decimal(str(amount))
    return f"{currency} {value:,.0f}" if value == value.to_integral_value() else f"{currency} {value:,.2f}"


def impact(reason: Mapping[str, Any], currency: str) -> str:
    """Whom an incident hurts, in one line: the processes, their users, and what an hour costs."""
    processes = reason.get("processes") or []
    if not processes:
        told = str(reason.get("impact", "")) or "its impact is not known"
        return told[:1].upper() + told[1:] + "."
    first = processes[0]
    parts = [f"{first['name']} is hit" + ("" if first.get("open_now", True) else ", outside its support hours")]
    if first.get("users"):
        parts.append(str(first["users"]))
    cost = total_cost(processes)
    if cost:
        parts.append(f"{money(cost, currency)} an hour")
    line = ": ".join(parts[:2]) + "".join(f", {part}" for part in parts[2:]) + "."
    others = [str(one["name"]) for one in processes[1:]]
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        line += f" Also {', '.join(others[:3])}{more}."
    return line


def total_cost(processes: Iterable[Mapping[str, Any]]) -> Decimal:
    """What an hour costs over all processes that are open now."""
    found = (one.get("cost_per_hour") for one in processes if one.get("open_now", True))
    return sum((Decimal(str(cost)) for cost in found if cost), Decimal())


def value(found: float | None) -> str:
    """A measured value with four digits that matter."""
    if found is None:
        return "none"
    if found == int(found) and abs(found) < 1e9:
        return f"{int(found):,}"
    return f"{found:.4g}"


def measured(found: float, unit: str) -> str:
    """A value of a check with its unit, as people read it: ``920 GiB``, ``8 %``, ``120 ms``."""
    if unit == "ratio":
        return f"{found * 100:.4g} %"
    if unit == "seconds" and abs(found) < 1:
        return f"{found * 1000:.4g} ms"
    steps = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB") if unit == "bytes" else (unit,)
    power = 0
    while abs(found) >= 1024 and power < len(steps) - 1:
        found, power = found / 1024, power + 1
    return f"{value(found)} {steps[power]}".strip()


@dataclass(frozen=True)
class Part:
    """One part of a signature in words: its name, its values and what stands between them, and when it fits."""

    name: str
    values: tuple[str, ...]
    between: str
    why: str


def signature(match: Mapping[str, Any]) -> list[Part]:
    """How a known error is recognised, part by part. Every part must fit."""
    labels = [f'{name}="{found}"' for name, found in sorted(match["labels"].items())] + list(match["matchers"])
    parts = (
        ("Rules", match["rules"], " or ", "One of these rules or alerts fires."),
        ("Labels", labels, " and ", "The alert has all of these labels. One that is not there counts as empty."),
        ("Measured", [match["condition"]], "", "What the alert itself carries as its value lies there."),
        ("Text", [match["text"]], "", "The alert's text has this piece, whatever its case."),
        ("Words", match["words"], ", ", "The alert's text has all of these words."),
        ("Log", [match["log"]], "", "The service wrote such a line around the beginning. Asked some seconds later."),
    )
    return [
        Part(name, kept, between, why) for name, found, between, why in parts if (kept := tuple(filter(None, found)))
    ]
