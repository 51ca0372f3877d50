"""What may be done with a release, and what the time asks of it. Pure: the time is handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where a release stands."""

    PLANNED = "planned"
    STARTED = "started"
    WATCHED = "watched"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    BROKEN_OFF = "broken off"
    ROLLED_BACK = "rolled back"


class Act(StrEnum):
    """What can be done with it."""

    START = "start"
    FINISH = "finish"
    BREAK_OFF = "break off"
    VERIFY = "verify"
    ROLL_BACK = "roll back"


_JUDGED = (State.PASSED, State.FAILED, State.INCONCLUSIVE)
_FROM: dict[Act, tuple[State, ...]] = {
    Act.START: (State.PLANNED,),
    Act.FINISH: (State.STARTED,),
    Act.BREAK_OFF: (State.PLANNED, State.STARTED),
    Act.VERIFY: (State.WATCHED, *_JUDGED),
    Act.ROLL_BACK: (State.STARTED, State.WATCHED, *_JUDGED),
}


@dataclass(frozen=True)
class Step:
    """Whether something may be done, and why not."""

    allowed: bool
    reason: str


def step(state: State, act: Act) -> Step:
    """Whether a release in this state can take this step."""
    if state in _FROM[act]:
        return Step(True, "")
    if act is Act.VERIFY and state in {State.PLANNED, State.STARTED}:
        return Step(False, f"it is {state.value}; it is judged once it has finished")
    return Step(False, f"it is {state.value}; to {act.value} it must be {' or '.join(one.value for one in _FROM[act])}")


@dataclass(frozen=True)
class Spans:
    """The windows to compare: before it started, since it finished, and the same hours of earlier weeks."""

    before: tuple[datetime, datetime]
    after: tuple[datetime, datetime]
    seasons: tuple[tuple[datetime, datetime], ...]


def spans(
    started: datetime, finished: datetime, now: datetime, watch: timedelta, before: timedelta, weeks: int
) -> Spans:
    """What to compare now. What came while it was rolled out belongs to neither side."""
    until = min(now, finished + watch)
    week = timedelta(days=7)
    seasons = tuple((finished - n * week, until - n * week) for n in range(1, weeks + 1))
    return Spans((started - before, started), (finished, until), seasons)


def due(finished: datetime, now: datetime, watch: timedelta) -> bool:
    """Whether it has been watched long enough to be judged."""
    return now >= finished + watch


@dataclass(frozen=True)
class Begun:
    """What began by itself before: how many runs within an hour, of how many that may, and one that did not help."""

    recent: int
    most: int
    stuck: str


def may_begin(begun: Begun) -> Step:
    """Whether a runbook may begin by itself because a release failed. One that did not help waits for a person."""
    if begun.stuck:
        return Step(False, f"{begun.stuck}, which it began before, did not go through; run the book by hand once")
    if begun.recent >= begun.most:
        return Step(False, f"{begun.recent} runs began by themselves within an hour, and {begun.most} may")
    return Step(True, "")
