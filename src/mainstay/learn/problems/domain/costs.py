"""What incidents cost, and which problems cost the most (Pareto)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

_MINUTE = 60


@dataclass(frozen=True)
class Cost:
    """``money`` is nothing where no process that was hit says what an hour costs."""

    money: Decimal | None = None
    minutes_down: int = 0
    minutes_of_people: int = 0
    pages: int = 0
    incidents: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Both together."""
        money = None if self.money is None and other.money is None else (self.money or 0) + (other.money or 0)
        return Cost(
            Decimal(money) if money is not None else None,
            self.minutes_down + other.minutes_down,
            self.minutes_of_people + other.minutes_of_people,
            self.pages + other.pages,
            self.incidents + other.incidents,
        )


@dataclass(frozen=True)
class Times:
    """An incident's moments; those that are not yet are nothing."""

    started: datetime
    acknowledged: datetime | None
    restored: datetime | None
    resolved: datetime | None


def cost_of(times: Times, processes: Sequence[Mapping[str, Any]], pages: int, now: datetime) -> Cost:
    """What one incident costs up to now.

    Each process that was hit while it was open for business costs its hours from the first symptom to the restoration;
    people cost theirs from the acknowledgement to the resolution.
    """
    down = _minutes(times.started, times.restored or times.resolved or now)
    worked = _minutes(times.acknowledged, times.resolved or now) if times.acknowledged else 0
    hourly = [Decimal(one["cost_per_hour"]) for one in processes if one.get("cost_per_hour") and one.get("open_now")]
    money = (sum(hourly, Decimal(0)) * down / _MINUTE).quantize(Decimal("0.01")) if hourly else None
    return Cost(money, down, worked, pages, 1)


def _minutes(start: datetime, end: datetime) -> int:
    return max(round((end - start).total_seconds() / _MINUTE), 0)


@dataclass(frozen=True)
class Span:
    """When an incident hurt, and the business processes that it hit."""

    start: datetime
    end: datetime
    processes: Sequence[Mapping[str, Any]] = ()


def span_of(times: Times, processes: Sequence[Mapping[str, Any]], now: datetime) -> Span:
    """From the first symptom to the restoration, or to now."""
    return Span(times.started, max(times.restored or times.resolved or now, times.started), processes)


def whole(costs: Sequence[Cost], spans: Sequence[Span]) -> Cost:
    """What several incidents cost together. A minute in which two of them hurt the same process counts once."""
    hit: dict[str, tuple[Decimal, list[Span]]] = {}
    for span in spans:
        for one in span.processes:
            if one.get("cost_per_hour") and one.get("open_now"):
                hit.setdefault(one["key"], (Decimal(one["cost_per_hour"]), []))[1].append(span)
    cents = [hourly * _minutes_of(found) / _MINUTE for hourly, found in hit.values()]
    money = sum(cents, Decimal(0)).quantize(Decimal("0.01")) if cents else None
    return replace(sum(costs, Cost()), money=money, minutes_down=_minutes_of(spans))


def _minutes_of(spans: Sequence[Span]) -> int:
    """Minutes in any of them."""
    seconds, until = 0.0, None
    for one in sorted(spans, key=lambda span: span.start):
        start = max(one.start, until) if until else one.start
        seconds += max((one.end - start).total_seconds(), 0)
        until = max(until, one.end) if until else one.end
    return round(seconds / _MINUTE)


@dataclass(frozen=True)
class Share:
    """One of them in the order of cost: its part of all, and that of all up to it (0 to 1)."""

    number: int
    cost: Cost
    part: float
    up_to: float


def pareto(costs: Mapping[int, Cost]) -> list[Share]:
    """The costliest first: by money, then by minutes of people, then by minutes down."""
    order = sorted(
        costs.items(), key=lambda one: (-_weight(one[1])[0], -_weight(one[1])[1], -one[1].minutes_down, one[0])
    )
    by_money = any(cost.money for cost in costs.values())
    weights = [float(cost.money or 0) if by_money else float(cost.minutes_of_people) for _, cost in order]
    whole, so_far, found = sum(weights), 0.0, []
    for (number, cost), weight in zip(order, weights, strict=True):
        so_far += weight
        found.append(Share(number, cost, weight / whole if whole else 0.0, so_far / whole if whole else 0.0))
    return found


def _weight(cost: Cost) -> tuple[Decimal, int]:
    return cost.money or Decimal(0), cost.minutes_of_people
