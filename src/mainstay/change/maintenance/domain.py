"""What the time asks of planned work. Pure: the time is handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Act(StrEnum):
    """What there is to do."""

    NOTHING = "nothing"
    BEGIN = "begin"
    SAY_LATE = "say late"
    LAPSE = "lapse"
    SAY_OVERRUN = "say overrun"
    FORGET = "forget"


@dataclass(frozen=True)
class Facts:
    """A piece of work as the decision needs it. ``began_at`` is nothing before it has begun."""

    starts_at: datetime
    ends_at: datetime
    began_at: datetime | None
    by_itself: bool
    late_told: bool
    overran_told: bool


@dataclass(frozen=True)
class Limits:
    """After how long work that has not begun is late, and work that has not ended is forgotten."""

    late: timedelta
    forgotten: timedelta


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    act: Act
    reason: str


def decide(work: Facts, limits: Limits, now: datetime) -> Decision:
    """What work that has not ended asks for now.

    1. Before its time: nothing.
    2. Not begun: it begins by itself where it was asked to; a person is told once when it is late; when its time is
       over without a beginning it lapses, because nobody expects it any more.
    3. Begun and past its end: a person is told once; later it is taken as forgotten and ended, so that nothing stays
       quiet for ever.
    """
    if now < work.starts_at:
        return Decision(Act.NOTHING, "its time has not come")
    if work.began_at is None:
        if now >= work.ends_at:
            return Decision(Act.LAPSE, "its time is over and nobody began it")
        if work.by_itself:
            return Decision(Act.BEGIN, "its time has come")
        if now >= work.starts_at + limits.late and not work.late_told:
            return Decision(Act.SAY_LATE, f"it should have begun {_minutes(now - work.starts_at)} ago")
        return Decision(Act.NOTHING, "a person begins it")
    if now >= work.ends_at + limits.forgotten:
        return Decision(Act.FORGET, f"its time was over {_minutes(now - work.ends_at)} ago and nobody ended it")
    if now >= work.ends_at and not work.overran_told:
        return Decision(Act.SAY_OVERRUN, "its time is over and it goes on")
    return Decision(Act.NOTHING, "it goes on")


def _minutes(length: timedelta) -> str:
    return f"{int(length.total_seconds() // 60)} min"


def overlap(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    """Whether two spans share any time. A span that ends where the other begins does not meet it."""
    return one[0] < other[1] and other[0] < one[1]
