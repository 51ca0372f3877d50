"""Decisions about alerts: what a signal means for what is known."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What a signal makes of an alert."""

    OPEN = "open"
    REFRESH = "refresh"
    RESOLVE = "resolve"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Known:
    """What is known of an alert."""

    firing: bool
    starts_at: datetime
    ends_at: datetime | None
    # Whether it ended because its sender fell silent, and not because the sender said so.
    fell_silent: bool = False


@dataclass(frozen=True)
class Signal:
    """What a sender says of an alert now."""

    firing: bool
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    action: Action
    reason: str


def decide(known: Known | None, signal: Signal) -> Decision:
    """What a signal means, given what is known of its alert. Pure; senders repeat themselves and come out of order."""
    if signal.firing:
        if known is None:
            return Decision(Action.OPEN, "first time seen")
        if known.firing:
            return Decision(Action.REFRESH, "fires already")
        if known.fell_silent:
            return Decision(Action.OPEN, "heard of again")
        if known.ends_at and signal.starts_at < known.ends_at and signal.starts_at <= known.starts_at:
            return Decision(Action.IGNORE, "older than its end, which is known")
        return Decision(Action.OPEN, "fires again")
    if known is None:
        return Decision(Action.IGNORE, "ended before it was ever seen firing")
    if not known.firing:
        return Decision(Action.IGNORE, "has ended already")
    if signal.ends_at and signal.ends_at < known.starts_at:
        return Decision(Action.IGNORE, "ends an earlier firing")
    return Decision(Action.RESOLVE, "the sender says that it ended")
