"""Which silence an alert falls under. Pure: the time is handed in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mainstay.catalog.domain import paths_to


@dataclass(frozen=True)
class Quiet:
    """A silence as a decision needs it. No services: every alert with the labels. No labels: all of the services."""

    pk: int
    services: frozenset[str]
    labels: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime


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


def falls_under(quiets: Iterable[Quiet], service: str | None, labels: Mapping[str, str], now: datetime) -> Quiet | None:
    """The silence that an alert falls under now: of several the one that ends last."""
    holding = [
        one
        for one in quiets
        if one.starts_at <= now < one.ends_at
        and (not one.services or service in one.services)
        and all(labels.get(name) == value for name, value in one.labels.items())
    ]
    return max(holding, key=lambda one: (one.ends_at, one.pk), default=None)
