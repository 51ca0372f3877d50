"""What an issue of another tracker comes down to, and what is to be made of what was heard. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where an issue stands, in words that are the same for all trackers."""

    WAITING = "waiting"
    OPEN = "open"
    WORKING = "working"
    DONE = "done"
    REFUSED = "refused"


# What somebody may ask for; ``WAITING`` is an issue that is not made yet.
ASKED = (State.OPEN, State.WORKING, State.DONE, State.REFUSED)
ENDED = frozenset({State.DONE, State.REFUSED})


@dataclass(frozen=True)
class Seen:
    """An issue as its tracker showed it. ``theirs`` is the tracker's own word for the state, empty when not told."""

    number: str
    url: str = ""
    title: str = ""
    state: State | None = None
    theirs: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Note:
    """A comment in a tracker. ``number`` is what the tracker calls it."""

    number: str
    who: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """What a webhook or a look says of one issue."""

    seen: Seen
    notes: Sequence[Note] = ()


def state_of(words: Sequence[str], states: Mapping[str, str], usual: State) -> State:
    """The state for the first of a tracker's words (a status, or labels) that the mapping names, else the usual one."""
    mapped = {name.casefold(): State(ours) for name, ours in states.items()}
    return next((mapped[word.casefold()] for word in words if word.casefold() in mapped), usual)


@dataclass(frozen=True)
class Taken:
    """Whether what was heard moves our picture of the issue, and why not."""

    moves: bool
    reason: str


def takes(known: State, known_at: datetime | None, seen: Seen) -> Taken:
    """Whether a state that was heard replaces the one that is known. What is older than our picture never does."""
    if seen.state is None:
        return Taken(False, "it says nothing of the state")
    if known_at is not None and seen.at is not None and seen.at < known_at:
        return Taken(False, "it is older than what is known")
    if seen.state is known:
        return Taken(False, "it stands there already")
    return Taken(True, f"{known.value} to {seen.state.value}")
