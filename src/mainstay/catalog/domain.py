"""Decisions of the catalog: what a failure hits, and when the business is open."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

LEVELS = ("high", "medium", "low")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Hours:
    """When a business process is worked with. No windows means round the clock."""

    timezone: str = "UTC"
    windows: tuple[tuple[frozenset[int], time, time], ...] = ()

    def open_at(self, now: datetime) -> bool:
        """Whether ``now`` lies in a window. A window that ends at 00:00 ends with the day."""
        if not self.windows:
            return True
        local = now.astimezone(ZoneInfo(self.timezone))
        clock = local.time()
        return any(
            local.weekday() in days and start <= clock and (clock < end or end == time())
            for days, start, end in self.windows
        )


def hours_from(raw: Mapping[str, Any]) -> Hours:
    """Hours as files and tables hold them: ``{timezone, weekly: [{days, from, to}]}``.

    Raises ``ValueError`` that names the field.
    """
    if not raw:
        return Hours()
    try:
        zone = str(ZoneInfo(str(raw.get("timezone", "UTC"))))
    except (ValueError, KeyError, OSError):
        raise ValueError(f"timezone: {raw.get('timezone')!r} is not a time zone") from None
    windows = []
    for place, window in enumerate(raw.get("weekly", [])):
        days = window.get("days", DAYS)
        unknown = [day for day in days if day not in DAYS]
        if unknown:
            raise ValueError(f"weekly[{place}].days: {unknown[0]!r} is not one of {', '.join(DAYS)}")
        try:
            start, end = time.fromisoformat(str(window["from"])), time.fromisoformat(str(window["to"]))
        except (KeyError, ValueError):
            raise ValueError(f"weekly[{place}]: write from and to as 'HH:MM'") from None
        if end <= start and end != time():
            raise ValueError(f"weekly[{place}].to: it lies before from; write a window over midnight as two windows")
        windows.append((frozenset(DAYS.index(day) for day in days), start, end))
    return Hours(zone, tuple(windows))


@dataclass(frozen=True)
class Process:
    """A business process with the keys of the services that it needs directly."""

    key: str
    name: str
    importance: str
    services: frozenset[str]
    users: str = ""
    cost_per_hour: Decimal | None = None
    hours: Hours = field(default_factory=Hours)


@dataclass(frozen=True)
class Hit:
    """A process that a failure reaches. ``path`` goes from a service that the process needs to the failing one."""

    process: Process
    path: tuple[str, ...]
    open_now: bool


@dataclass(frozen=True)
class Impact:
    """How much a failure of a service hurts the business, and why."""

    level: str
    hits: tuple[Hit, ...]
    reason: str

    def sentence(self, currency: str) -> str:
        """What is hit, in the words of the business: ``Checkout: about 120 customers an hour, 5,200 EUR an hour``."""
        if not self.hits:
            return self.reason[:1].upper() + self.reason[1:]
        worst, rest = self.hits[0].process, [hit.process.name for hit in self.hits[1:]]
        cost = f"{worst.cost_per_hour:,.0f} {currency} an hour" if worst.cost_per_hour is not None else ""
        facts = ", ".join(fact for fact in (worst.users, cost) if fact)
        said = f"{worst.name}: {facts}" if facts else f"{worst.name} is hit"
        return said + (f". Also hit: {', '.join(rest)}" if rest else "")


def _lower(level: str) -> str:
    return LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]


def callers_of(dependencies: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Who calls each service; ``dependencies`` are (caller, callee) pairs."""
    found: dict[str, list[str]] = {}
    for caller, callee in dependencies:
        found.setdefault(callee, []).append(caller)
    return found


def reached(service: str, callers: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Every service that needs one, near and far, without itself. ``callers`` is made once for many questions."""
    found, waiting = {service}, [service]
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in found:
                found.add(caller)
                waiting.append(caller)
    return frozenset(found - {service})


def paths_to(service: str, dependencies: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Every service that needs ``service``, with the shortest path of calls down to it.

    ``dependencies`` are (caller, callee) pairs. Breadth first, so that cycles end and short paths win.
    """
    callers = callers_of(dependencies)
    found: dict[str, tuple[str, ...]] = {service: (service,)}
    waiting = deque([service])
    while waiting:
        here = waiting.popleft()
        for caller in sorted(callers.get(here, ())):
            if caller not in found:
                found[caller] = (caller, *found[here])
                waiting.append(caller)
    return found


def covered(services: Iterable[str], reach: str, dependencies: Sequence[tuple[str, str]]) -> frozenset[str]:
    """The services and those around them, near and far; ``dependencies`` are calls as (caller, callee).

    ``reach`` is one of ``calendar.entries.REACHES``: ``dependents`` adds what needs one of the services,
    ``dependencies`` what one of them needs, ``both`` either, ``alone`` nothing.
    """
    named = frozenset(services)
    found = set(named)
    for one in named:
        if reach in {"dependents", "both"}:
            found |= set(paths_to(one, dependencies))
        if reach in {"dependencies", "both"}:
            found |= set(paths_to(one, ((callee, caller) for caller, callee in dependencies)))
    return frozenset(found)


def impact_of(
    service: str | None,
    tier: int,
    dependencies: Iterable[tuple[str, str]],
    processes: Sequence[Process],
    now: datetime,
) -> Impact:
    """The business processes that reach a failing service over the dependencies, and the level that follows.

    The level is the highest importance among them; a process outside its support hours counts one step less. A service
    that no process needs is judged by its tier.
    """
    if service is None:
        return Impact("medium", (), "the alert names no service of the catalog, so its impact is not known")
    reach = paths_to(service, dependencies)
    hits = []
    for process in processes:
        ways = [reach[key] for key in process.services if key in reach]
        if ways:
            hits.append(Hit(process, min(ways, key=lambda way: (len(way), way)), process.hours.open_at(now)))
    if not hits:
        level = "medium" if tier == 1 else "low"
        return Impact(level, (), f"no business process needs {service}; as a tier {tier} service its impact is {level}")

    def felt(hit: Hit) -> str:
        return hit.process.importance if hit.open_now else _lower(hit.process.importance)

    hits.sort(key=lambda hit: (LEVELS.index(felt(hit)), len(hit.path), hit.process.name))
    worst = hits[0]
    way = f" ({' → '.join(worst.path)})" if len(worst.path) > 1 else ""
    reason = f"{worst.process.name} needs {service}{way}, importance {worst.process.importance}"
    if not worst.open_now:
        reason += ", one step less outside its support hours"
    if len(hits) > 1:
        reason += f"; also hit: {', '.join(hit.process.name for hit in hits[1:])}"
    return Impact(felt(worst), tuple(hits), reason)
