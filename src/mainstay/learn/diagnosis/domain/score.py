"""How often the diagnosis was right about what people confirmed, beside chance. Pure.

AC@k is the share of cases whose true service is among the first k that were named, as the literature on causes has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """A case that a person has confirmed.

    ``said`` are the services in the order in which they were named, ``service`` is the true one (empty: none of the
    catalog), ``among`` how many services could have been named.
    """

    said: tuple[str, ...]
    service: str
    among: int

    def hit(self, first: int) -> bool:
        """Whether the true service was among so many."""
        return bool(self.service) and self.service in self.said[:first]


@dataclass(frozen=True)
class Score:
    """``cases`` have a service to blame, ``silent`` are those of which nothing was said.

    ``rightly`` is the share of the silent ones where nothing was to be named; nothing where there were none.
    """

    cases: int
    at_1: float | None
    at_3: float | None
    chance_1: float | None
    chance_3: float | None
    silent: int
    rightly: float | None
    rightly_by_chance: float | None


def score(labels: Sequence[Label]) -> Score:
    """Score them. Who is silent about a case that has a culprit was not right about it."""
    blamed = [one for one in labels if one.service]
    silent = [one for one in labels if not one.said]
    return Score(
        cases=len(blamed),
        at_1=_mean([float(one.hit(1)) for one in blamed]),
        at_3=_mean([float(one.hit(3)) for one in blamed]),
        chance_1=_mean([1 / max(one.among, 1) for one in blamed]),
        chance_3=_mean([min(3 / max(one.among, 1), 1.0) for one in blamed]),
        silent=len(silent),
        rightly=_mean([float(not one.service) for one in silent]),
        # Who keeps silent without looking is right as often as there is nothing to say.
        rightly_by_chance=_mean([float(not one.service) for one in labels]) if silent else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
