"""Which changes are near to a disturbance, in time and over the calls between services. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log
from typing import Generic, Protocol, TypeVar

from mainstay.catalog.domain import paths_to

# A change is half as near for each so much time that lies between.
HALF = timedelta(minutes=45)
# How near a service is: one call away counts so much of it, downwards and upwards. What is called can break its caller;
# a caller mostly breaks what it calls by more traffic.
_DOWN, _UP = 0.75, 0.4
# What came after it began has caused nothing of it, but may explain how it went on.
_AFTER = 0.1
MOST_CALLS = 3


@dataclass(frozen=True)
class Way:
    """How a service lies to the disturbed one: how near (0 to 1), and that in words."""

    near: float
    said: str


class Timed(Protocol):
    """A change as it is ranked."""

    @property
    def time(self) -> datetime:
        """When."""

    @property
    def service(self) -> str:
        """Where."""


Change = TypeVar("Change", bound=Timed)


@dataclass(frozen=True)
class Ranked(Generic[Change]):
    """A change with how near it is (0 to 1) and why."""

    change: Change
    near: float
    why: str


def ways(service: str, dependencies: Sequence[tuple[str, str]]) -> dict[str, Way]:
    """The services around one, ``MOST_CALLS`` calls away at most; ``dependencies`` are (caller, callee) pairs.

    One that is both called and calls is as near as the nearer of the two.
    """
    found = {service: Way(1.0, "the service itself")}
    down = paths_to(service, ((callee, caller) for caller, callee in dependencies))
    up = paths_to(service, dependencies)
    for each, rate in ((down, _DOWN), (up, _UP)):
        for key, path in each.items():
            calls = len(path) - 1
            near = rate**calls
            if 0 < calls <= MOST_CALLS and (key not in found or found[key].near < near):
                chain = path[::-1] if each is down else path
                found[key] = Way(near, " → ".join(chain))
    return found


def ranked(changes: Iterable[Change], around: Mapping[str, Way], began: datetime) -> list[Ranked[Change]]:
    """The changes, the nearest first; of two as near the later one. One of a service that is not around is left out."""
    found = []
    for change in changes:
        way = around.get(change.service)
        if way is None:
            continue
        before = began - change.time
        in_time = exp(-log(2) * (before / HALF)) if before >= timedelta() else _AFTER
        found.append(Ranked(change, in_time * way.near, way.said))
    return sorted(found, key=lambda one: (-one.near, began - one.change.time))
