"""What a plugin prints: its text, and performance data with units and thresholds.

Source: Monitoring Plugins Development Guidelines, "Plugin Output" and "Performance data":
``'label'=value[UOM];[warn];[crit];[min];[max]``, after a ``|``, on the first line and behind a second one.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

_ENTRY = re.compile(r"\s*(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^\s='|]+))=(?P<rest>\S*)")
_VALUE = re.compile(r"(?P<number>[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)(?P<unit>[^\d;]*)")
# Unit as plugins write it -> the unit that is kept, and what a value is multiplied by.
_UNITS = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "us": ("seconds", 1e-6),
    "ns": ("seconds", 1e-9),
    "%": ("ratio", 1e-2),
    "b": ("bytes", 1.0),
    "c": ("total", 1.0),
    **{
        f"{letter}{middle}b": ("bytes", 1024.0**power)
        for power, letter in enumerate("kmgtp", 1)
        for middle in ("", "i")
    },
}


@dataclass(frozen=True)
class Range:
    """When a threshold alerts: outside of ``low`` to ``high``, or inside of it with ``inside``."""

    low: float
    high: float
    inside: bool = False

    def alerts(self, value: float) -> bool:
        """Whether a value breaks it."""
        return (self.low <= value <= self.high) is self.inside

    def __str__(self) -> str:
        """As plugins write it."""
        low = "~" if math.isinf(self.low) else f"{self.low:g}"
        high = "" if math.isinf(self.high) else f"{self.high:g}"
        return f"{'@' if self.inside else ''}{low}:{high}"


@dataclass(frozen=True)
class Measure:
    """One value in base units (seconds, bytes, a ratio, a total) with its thresholds in the same unit."""

    label: str
    value: float
    unit: str = ""
    warning: Range | None = None
    critical: Range | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Output:
    """The first line without its data, what follows, and all data. ``unread`` is data that is no data."""

    text: str
    more: str
    measures: tuple[Measure, ...]
    unread: tuple[str, ...]


def read(printed: str) -> Output:
    """Take apart what a plugin printed. Behind the first ``|`` of a later line all is data, to the end."""
    first, _, rest = printed.partition("\n")
    text, _, data = first.partition("|")
    more, _, later = rest.partition("|")
    found, unread = list[Measure](), list[str]()
    for one in _entries(f"{data} {later}"):
        if isinstance(one, Measure):
            found.append(one)
        else:
            unread.append(one)
    return Output(text.strip(), more.strip("\n"), tuple(found), tuple(unread))


def _entries(data: str) -> Iterator[Measure | str]:
    place, data = 0, " ".join(data.split())
    while place < len(data):
        found = _ENTRY.match(data, place)
        if not found:
            rest, _, _ = data[place:].strip().partition(" ")
            place = data.index(rest, place) + max(len(rest), 1) if rest else len(data)
            if rest:
                yield rest
            continue
        place = found.end()
        label = (found["quoted"] or "").replace("''", "'") or found["plain"]
        one = _measure(label, found["rest"].split(";"))
        # ``U`` says that the value could not be found out.
        if one is not None:
            yield one
        elif found["rest"].split(";")[0] != "U":
            yield found[0].strip()


def _measure(label: str, parts: list[str]) -> Measure | None:
    found = _VALUE.fullmatch(parts[0])
    if not found:
        return None
    unit, times = _UNITS.get(found["unit"].casefold(), (found["unit"], 1.0))
    value = _number(found["number"])
    if value is None:
        return None
    warning, critical, low, high = (*parts[1:5], "", "", "", "")[:4]
    bounds = (_number(low), _number(high))
    return Measure(
        label,
        value * times,
        unit,
        parse_range(warning, times),
        parse_range(critical, times),
        *(None if bound is None else bound * times for bound in bounds),
    )


def _number(text: str) -> float | None:
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def parse_range(text: str, times: float = 1.0) -> Range | None:
    """Read ``10``, ``10:``, ``~:10``, ``10:20`` or ``@10:20``; nothing for what is none. Bounds are multiplied."""
    inside, bounds = text.startswith("@"), text.removeprefix("@")
    if not bounds:
        return None
    before, colon, after = bounds.rpartition(":")
    low = -math.inf if before == "~" else _number(before) if before else 0.0
    high = _number(after) if after else math.inf if colon else None
    if low is None or high is None or low > high:
        return None
    return Range(low * times, high * times, inside)
