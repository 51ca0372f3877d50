"""Who is to blame where nobody knows who calls whom: the most ill of all. Pure.

Where a service waits for another, the same seconds are lost at both, and are more beside what they were at the one that
is called; the same failures are fewer at the caller, which calls others as well. So of two that are as ill the one is
to blame whose slowness rose most times, and where most of the failures are.
"""

from collections.abc import Mapping, Sequence
from math import log1p
from typing import Final

from mainstay.learn.diagnosis.domain.symptoms import Group, Sign, Signs

# The more ill a service is the more it is to blame, to this power; where it was noticed is seldom where it is.
_ILL: Final = 3.0
_SYMPTOM: Final = 0.3
# Beyond so many times what it was it matters no longer how many.
_MOST_TIMES: Final = 50.0


def shares(signs: Signs, own: Mapping[str, float], start: str) -> dict[str, float]:
    """The share of the blame of each service. ``own`` is how ill each is, ``start`` where it was noticed."""
    lost = _most_lost(signs)
    ill = {one: own[one] ** _ILL * _times(found) * _part_of(lost, found) for one, found in signs.items()}
    ill[start] = ill.get(start, 0.0) * _SYMPTOM
    total = sum(ill.values())
    return {one: weight / total for one, weight in ill.items() if weight} if total else {start: 1.0}


def _times(signs: Sequence[Sign]) -> float:
    """How many times what it was the slowness is that rose most, as a logarithm; 1 where nothing tells."""
    rises = (
        log1p(min(one.now / max(one.was, 1e-9), _MOST_TIMES))
        for one in signs
        if one.group is Group.SLOW and one.was is not None and one.now is not None
    )
    return max(rises, default=1.0)


def _most_lost(signs: Signs) -> dict[str, float]:
    """Metric -> the most of it that any service lost by failing."""
    found: dict[str, float] = {}
    for one in (one for each in signs.values() for one in each if one.group is Group.FAILING):
        found[one.name] = max(found.get(one.name, 0.0), _loss(one))
    return found


def _part_of(lost: Mapping[str, float], signs: Sequence[Sign]) -> float:
    """Which part of the greatest loss is here, 0 to 1; 1 where nothing tells."""
    return max((_loss(one) / lost[one.name] for one in signs if _loss(one) and lost.get(one.name)), default=1.0)


def _loss(sign: Sign) -> float:
    return abs(sign.now - sign.was) if sign.was is not None and sign.now is not None else 0.0
