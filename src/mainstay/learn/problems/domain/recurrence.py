"""When incidents are one that comes again, what all of them have in common, and where they differ."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mainstay.learn.problems.domain.likeness import Like

# The same signs at the same place say so alone; words alone have to be nearly the same.
_SIGNS, _TEXT, _BOTH = 0.6, 0.7, 0.45
_MOST_VALUES = 5
# What begins within such a time of each other may be one disturbance.
_TOGETHER = timedelta(minutes=10)


@dataclass(frozen=True)
class Rule:
    """From how many on incidents are a problem, within how many days."""

    least: int
    days: int


@dataclass(frozen=True)
class Occurrence:
    """One incident as it is compared with others of its kind."""

    number: int
    at: datetime
    service: str
    labels: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    problems: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """Whether something is so, and why."""

    yes: bool
    reason: str


def same_kind(like: Like) -> Verdict:
    """Whether an earlier incident that is like this one is the same coming again."""
    near = like.service > 0
    if near and like.signs >= _SIGNS:
        return Verdict(True, f"the same alert at the same place ({like.signs:.0%} of what it says)")
    if near and like.text >= _BOTH and like.signs >= _SIGNS / 2:
        return Verdict(True, f"alike in words ({like.text:.0%}) and alerts ({like.signs:.0%})")
    if near and like.text >= _TEXT:
        return Verdict(True, f"nearly the same words ({like.text:.0%}) at the same place")
    return Verdict(False, "it is like it, and not the same")


def proposal(
    found: Sequence[Occurrence], now: datetime, rule: Rule, dismissed: Sequence[Collection[int]] = ()
) -> Verdict:
    """Whether incidents of one kind are proposed as a problem.

    Those that belong to one already do not count. A set that somebody dismissed does not come back with its own
    incidents: as many new ones as make a problem are needed.
    """
    recent = [one for one in found if not one.problems and now - one.at <= timedelta(days=rule.days)]
    if len(recent) < rule.least:
        return Verdict(False, f"{len(recent)} in {rule.days} days; {rule.least} make a problem")
    numbers = {one.number for one in recent}
    for known in dismissed:
        fresh = numbers - set(known)
        if numbers & set(known) and len(fresh) < rule.least:
            return Verdict(False, f"it was dismissed, and {len(fresh)} are new since")
    return Verdict(True, f"{len(recent)} times in {rule.days} days")


def together(found: Sequence[datetime], others: Sequence[datetime]) -> bool:
    """Whether something else began about when each of these did: one may be what the other looks like elsewhere."""
    return bool(found) and all(any(abs(one - other) <= _TOGETHER for other in others) for one in found)


@dataclass(frozen=True)
class Trait:
    """A fact of the incidents: what it is of, its values with how often each was, the most frequent first."""

    name: str
    values: tuple[tuple[str, int], ...]

    @property
    def same(self) -> bool:
        """Whether all have the one value."""
        return len(self.values) == 1


def traits(found: Sequence[Occurrence]) -> tuple[list[Trait], list[Trait]]:
    """What all have in common, and what varies: labels, service, version, hour of the day and day of the week (UTC)."""
    columns: dict[str, list[str]] = {
        "service": [one.service for one in found],
        "version": [one.version for one in found],
        "weekday": [f"{one.at:%A}" for one in found],
        "hour": [f"{one.at:%H}:00" for one in found],
    }
    for name in sorted({name for one in found for name in one.labels}):
        columns[name] = [one.labels.get(name, "") for one in found]
    every = [Trait(name, _counted(values)) for name, values in columns.items() if any(values)]
    return [one for one in every if one.same], [one for one in every if not one.same]


def _counted(values: Sequence[str]) -> tuple[tuple[str, int], ...]:
    counts = Counter(value or "none" for value in values).most_common()
    rest = sum(count for _, count in counts[_MOST_VALUES:])
    return (*counts[:_MOST_VALUES], ("others", rest)) if rest else tuple(counts)
