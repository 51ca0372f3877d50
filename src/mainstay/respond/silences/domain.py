"""Which silence an alert falls under. Pure: the time is handed in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Quiet:
    """A silence as a decision needs it. No services: every alert with the labels. No labels: all of the services."""

    pk: int
    services: frozenset[str]
    labels: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime


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
