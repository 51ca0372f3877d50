"""The life of a breach: pending, firing, resolved.

Source: Prometheus documentation, "Alerting rules": ``for`` is how long a series must breach before it fires,
``keep_firing_for`` how long it must not breach before it has ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """Where a series stands."""

    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True)
class Watched:
    """A series that breaches, or did until a moment ago."""

    phase: Phase
    active_since: datetime
    fired_at: datetime | None = None
    keep_since: datetime | None = None


class Breach(Protocol):
    """A series that breaches. ``notes`` are annotations beside those of the rule, ``link`` leads to what was seen."""

    @property
    def labels(self) -> Mapping[str, str]:
        """What tells it from the rule's other series."""

    @property
    def value(self) -> float:
        """What was measured."""

    @property
    def notes(self) -> Mapping[str, str]:
        """More to read, by name."""

    @property
    def link(self) -> str:
        """An address, or nothing."""


@dataclass(frozen=True)
class Measured:
    """A series of a PromQL rule that breaches."""

    labels: Mapping[str, str]
    value: float
    notes: Mapping[str, str] = field(default_factory=dict)
    link: str = ""


@dataclass(frozen=True)
class Decision:
    """What one evaluation means for one series. ``watched`` is nothing when it need not be watched any more."""

    watched: Watched | None
    fires: bool = False
    resolves: bool = False
    reason: str = ""


def decide(watched: Watched | None, now: datetime, *, breaches: bool, wait: timedelta, keep: timedelta) -> Decision:
    """The next state of one series. ``wait`` is the rule's ``for``, ``keep`` its ``keep_firing_for``."""
    if breaches:
        return _breaching(watched or Watched(Phase.PENDING, now), now, wait)
    if watched is None:
        return Decision(None, reason="does not breach")
    if watched.phase is Phase.PENDING:
        return Decision(None, reason="stopped before it had breached for long enough")
    if keep:
        since = watched.keep_since or now
        if now - since < keep:
            return Decision(replace(watched, keep_since=since), reason="does not breach now, kept firing for a while")
    return Decision(None, resolves=True, reason="does not breach any more")


def _breaching(watched: Watched, now: datetime, wait: timedelta) -> Decision:
    if watched.phase is Phase.FIRING:
        return Decision(replace(watched, keep_since=None), reason="still breaches")
    if now - watched.active_since >= wait:
        fired = replace(watched, phase=Phase.FIRING, fired_at=now)
        return Decision(fired, fires=True, reason="breached for as long as the rule asks")
    return Decision(watched, reason="breaches, not yet for as long as the rule asks")


def decide_all(
    watched: Mapping[str, Watched], breaching: frozenset[str], now: datetime, wait: timedelta, keep: timedelta
) -> dict[str, Decision]:
    """One decision for each series that is watched or breaches, by fingerprint."""
    return {
        key: decide(watched.get(key), now, breaches=key in breaching, wait=wait, keep=keep)
        for key in sorted(breaching | watched.keys())
    }
