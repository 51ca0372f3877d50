"""The course of a problem, from the proposal to the proof that it is gone. One function decides, and says why."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where a problem stands."""

    PROPOSED = "proposed"
    DISMISSED = "dismissed"
    OPEN = "open"
    CAUSE_KNOWN = "cause known"
    FIX_PLANNED = "fix planned"
    VERIFYING = "verifying"
    SOLVED = "solved"


class Kind(StrEnum):
    """What can happen to it."""

    TAKE = "take"
    DISMISS = "dismiss"
    NAME_CAUSE = "name the cause"
    PLAN_FIX = "plan the fix"
    FIX_DONE = "begin to verify"
    RECUR = "recur"
    REOPEN = "reopen"
    LOOK = "look"


@dataclass(frozen=True)
class Standing:
    """A problem as the decision needs it. ``since`` is when the fix was in place, ``days`` how long it must hold."""

    state: State = State.PROPOSED
    cause: str = ""
    fix: str = ""
    since: datetime | None = None
    days: int = 30

    @property
    def until(self) -> datetime | None:
        """When it counts as solved."""
        return self.since + timedelta(days=self.days) if self.since else None


@dataclass(frozen=True)
class Event:
    """Something that happened: ``text`` is a reason, a cause or a fix; ``at`` of a recurrence is its beginning."""

    kind: Kind
    at: datetime
    text: str = ""


@dataclass(frozen=True)
class Decision:
    """What becomes of it. ``allowed`` is false for what cannot be done from here; ``reason`` says why either way."""

    allowed: bool
    after: Standing
    reason: str

    def moved(self, before: Standing) -> bool:
        """Whether it changed."""
        return self.after != before


_LIVE = (State.OPEN, State.CAUSE_KNOWN, State.FIX_PLANNED)
_FROM: dict[Kind, tuple[State, ...]] = {
    Kind.TAKE: (State.PROPOSED, State.DISMISSED),
    Kind.DISMISS: (State.PROPOSED, *_LIVE),
    Kind.NAME_CAUSE: (*_LIVE, State.VERIFYING),
    Kind.PLAN_FIX: (State.CAUSE_KNOWN, State.FIX_PLANNED),
    Kind.FIX_DONE: (State.FIX_PLANNED,),
    Kind.RECUR: tuple(State),
    Kind.REOPEN: (State.VERIFYING, State.SOLVED),
    Kind.LOOK: tuple(State),
}
_NEEDS_TEXT = {
    Kind.DISMISS: "write why it is no problem",
    Kind.NAME_CAUSE: "write the cause",
    Kind.PLAN_FIX: "write which release, version or change is to fix it",
    Kind.REOPEN: "write why it is not solved",
}


def possible(state: State, kind: Kind) -> bool:
    """Whether something can happen to a problem in this state."""
    return state in _FROM[kind]


def decide(before: Standing, event: Event) -> Decision:
    """What an event makes of a problem.

    1. What cannot be done from its state, or lacks its reason, changes nothing.
    2. A recurrence after the fix was in place opens it again, as the fix did not hold; one that began earlier does not.
    3. A look closes the window of verification when it is over.
    """
    if before.state not in _FROM[event.kind]:
        wanted = " or ".join(_FROM[event.kind])
        return _no(before, f"it is {before.state}; to {event.kind} it must be {wanted}")
    if event.kind in _NEEDS_TEXT and not event.text.strip():
        return _no(before, _NEEDS_TEXT[event.kind])
    return _STEPS[event.kind](before, event)


def _no(before: Standing, reason: str) -> Decision:
    return Decision(False, before, reason)


def _to(before: Standing, state: State, reason: str, **changes: object) -> Decision:
    return Decision(True, replace(before, state=state, **changes), reason)  # type: ignore[arg-type]  # fields of Standing


def _name_cause(before: Standing, event: Event) -> Decision:
    state = State.CAUSE_KNOWN if before.state is State.OPEN else before.state
    return _to(before, state, event.text, cause=event.text)


def _recur(before: Standing, event: Event) -> Decision:
    if before.state in {State.VERIFYING, State.SOLVED} and before.since is not None:
        if event.at < before.since:
            return _to(before, before.state, "it began before the fix was in place")
        days = (event.at - before.since).days
        said = f"{event.text} came {days} days after {before.fix or 'the fix'}: it does not hold"
        return _to(before, State.OPEN, said, since=None)
    if before.state is State.SOLVED:
        return _to(before, State.OPEN, f"{event.text} came after it was solved")
    return _to(before, before.state, f"{event.text} belongs to it")


def _look(before: Standing, event: Event) -> Decision:
    if before.state is not State.VERIFYING or before.until is None or event.at < before.until:
        return _to(before, before.state, "nothing is due")
    return _to(before, State.SOLVED, f"no recurrence for {before.days} days after {before.fix or 'the fix'}")


_STEPS = {
    Kind.TAKE: lambda before, event: _to(before, State.OPEN, event.text or "taken"),
    Kind.DISMISS: lambda before, event: _to(before, State.DISMISSED, event.text),
    Kind.NAME_CAUSE: _name_cause,
    Kind.PLAN_FIX: lambda before, event: _to(before, State.FIX_PLANNED, f"{event.text} is to fix it", fix=event.text),
    Kind.FIX_DONE: lambda before, event: _to(
        before, State.VERIFYING, f"no recurrence is awaited for {before.days} days after {before.fix}", since=event.at
    ),
    Kind.RECUR: _recur,
    Kind.REOPEN: lambda before, event: _to(before, State.OPEN, event.text, since=None),
    Kind.LOOK: _look,
}
