"""Decisions about checks: what an exit code means, and when a state has lasted long enough to tell somebody."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a run of a check says. The numbers of Nagios are their places here."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


NUMBERS = tuple(State)
SEVERITY = {State.WARNING: "warning", State.CRITICAL: "critical", State.UNKNOWN: "warning"}
# Of states that are as frequent, the one that a person must hear of first.
_GRAVITY = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)


def state_of(code: int | None) -> State:
    """The state that an exit code stands for. A program that was ended or gives another code says nothing."""
    return NUMBERS[code] if code is not None and 0 <= code < len(NUMBERS) else State.UNKNOWN


@dataclass(frozen=True)
class Decision:
    """The state that counts from now on, and why."""

    state: State
    reason: str


def decide(state: State, recent: Sequence[State], needed: int, of: int) -> Decision:
    """Whether the state that counts changes. ``recent`` are the last runs, the newest last.

    It is bad as long as ``needed`` of the last ``of`` runs were, else well again as soon as as many were well. Of
    several bad states the most frequent counts.
    """
    last = recent[-of:]
    bad = [one for one in last if one is not State.OK]
    well = len(last) - len(bad)
    if len(bad) >= needed:
        return _bad(state, bad, last, needed)
    if well >= needed and state is not State.OK:
        return Decision(State.OK, f"well in {well} of {len(last)} runs")
    if state is State.OK and bad:
        return Decision(state, f"bad in {len(bad)} of {len(last)} runs, {needed} of {of} are needed")
    return Decision(state, "as before")


def _bad(state: State, bad: Sequence[State], last: Sequence[State], needed: int) -> Decision:
    counts = Counter(bad)
    worst = min(counts, key=lambda one: (-counts[one], _GRAVITY.index(one)))
    # One bad state follows on another when it has lasted as well, so that nobody is told of each swing.
    if state is not State.OK and counts[worst] < needed:
        worst = state
    return Decision(worst, f"{worst} in {counts[worst]} of {len(last)} runs")
