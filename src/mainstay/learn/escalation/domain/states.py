"""Where a case stands, what may follow, and what that means for the clocks of its incident. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a case stands."""

    BUILDING = "building"
    BROKEN = "broken"
    READY = "ready"
    SENT = "sent"
    ACCEPTED = "accepted"
    ASKED = "asked"
    FIXED = "fixed"
    DECLINED = "declined"


# What developers say of a case that they have.
SAID = (State.ACCEPTED, State.ASKED, State.FIXED, State.DECLINED)
_WITH_THEM = frozenset({State.SENT, State.ACCEPTED})


@dataclass(frozen=True)
class Step:
    """Whether a step may be taken now, and why not."""

    allowed: bool
    reason: str = ""


def may_hand_over(state: State) -> Step:
    """A case goes once, when it is built."""
    if state is State.READY:
        return Step(True)
    if state is State.BUILDING:
        return Step(False, "it is still being built")
    if state is State.BROKEN:
        return Step(False, "it could not be built; build it again")
    return Step(False, "it was handed over before")


def may_say(state: State, said: State) -> Step:
    """What developers may say of a case in this state. What is over can be taken up again, and nothing else."""
    if said not in SAID:
        return Step(False, f"write one of {', '.join(SAID)}")
    if state not in {State.SENT, *SAID}:
        return Step(False, "it was not handed over")
    if state is said:
        return Step(False, f"it is {said} already")
    if state in {State.FIXED, State.DECLINED} and said is not State.ACCEPTED:
        return Step(False, f"it is {state}; only who accepts it takes it up again")
    return Step(True)


def may_answer(state: State) -> Step:
    """Who was asked for more may answer."""
    return Step(True) if state is State.ASKED else Step(False, "nobody asked for information")


def waits(state: State) -> bool:
    """Whether the incident waits for developers in this state, which stops its clocks where that is agreed."""
    return state in _WITH_THEM


# Words of trackers for an issue that waits for whoever wrote it.
_ASKS = ("info", "question", "feedback", "reporter", "clarif")


def heard(state: str, theirs: str) -> State | None:
    """What an issue in this state of a tracker says of its case, or nothing. ``theirs`` is the tracker's own word."""
    if state in {"open", "working"} and any(one in theirs.lower() for one in _ASKS):
        return State.ASKED
    return {"working": State.ACCEPTED, "done": State.FIXED, "refused": State.DECLINED}.get(state)
