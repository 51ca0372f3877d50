"""How much of an agreed time an incident has used, by when it is used up, and why. Pure: the time is handed in.

Every moment either counts or does not. It counts while the incident is broken, inside the hours that are agreed for
the priority which it has then, and while nothing stops the clock. What has counted only grows, whatever happens; the
length that it is held against is that of the priority of the moment. So a raise can break an agreement at once, a
lowering cannot mend one that is broken, and nobody has to guess what an earlier priority would have meant.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mainstay.catalog.levels.agreements import WAITS, Agreement
from mainstay.catalog.levels.spans import ZERO, Span, Spans, common, length, moment_after, union, without

# A length of support hours is looked for so far ahead, in steps; who has none in a year has none.
_AHEAD = (timedelta(days=8), timedelta(days=60), timedelta(days=400))


class Goal(StrEnum):
    """What is agreed."""

    ACKNOWLEDGE = "acknowledge"
    RESTORE = "restore"


class State(StrEnum):
    """How a clock stands. One that is ``none`` holds against nothing: no time is agreed."""

    RUNNING = "running"
    STOPPED = "stopped"
    MET = "met"
    BREACHED = "breached"
    NONE = "none"


class Happened(StrEnum):
    """What the log of an incident tells of it."""

    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    RESTORED = "restored"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    PRIORITY = "priority"
    HELD = "held"
    RELEASED = "released"


@dataclass(frozen=True)
class Event:
    """One entry of the log. ``priority`` belongs to the opening and to changes of it, ``why`` to a hold."""

    at: datetime
    what: Happened
    priority: int = 0
    why: str = ""


@dataclass(frozen=True)
class Stop:
    """Time that does not count, as agreed, and what it is called: ``MNT-4``."""

    span: Span
    name: str


@dataclass(frozen=True)
class Clock:
    """How one goal stands. ``due`` is nothing where the deadline cannot be told, which ``reason`` explains."""

    goal: Goal
    state: State
    reason: str
    limit: timedelta | None = None
    spent: timedelta = ZERO
    due: datetime | None = None
    breached_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def left(self) -> timedelta | None:
        """What is left; below zero when more was used."""
        return None if self.limit is None else self.limit - self.spent

    @property
    def share(self) -> float:
        """How much of the time is used, 1 for all of it."""
        return self.spent / self.limit if self.limit else 0.0

    @property
    def goes_on(self) -> bool:
        """Whether the goal has not been reached."""
        return self.state != State.NONE and self.ended_at is None


@dataclass(frozen=True)
class _Phase:
    """Time in which nothing happened to the incident."""

    span: Span
    priority: int
    broken: bool
    held: str


def clock(goal: Goal, agreement: Agreement, events: Sequence[Event], stops: Sequence[Stop], now: datetime) -> Clock:
    """How a goal stands. ``events`` are in their order and begin with the opening; later ones than ``now`` are ignored.

    1. The events cut the time into phases with one priority each, up to the moment at which the goal was reached.
    2. Of each phase only some time counts; it is held against what is agreed for the priority of the phase.
    3. Where the goal is not reached, the rest is laid into the time ahead, as far as that is known.
    """
    phases, ended = _phases(goal, events, now)
    if agreement.trouble:
        return Clock(goal, State.NONE, f"{agreement.name}: {agreement.trouble}", ended_at=ended)
    stopped = union(one.span for one in stops)
    counted: list[Span] = []
    spent, breached = ZERO, None
    for phase in phases:
        here = _counts(phase, agreement, stopped)
        limit = _limit(goal, agreement, phase.priority)
        if limit is not None and breached is None and phase.broken:
            breached = _breach(here, spent, limit, phase)
        counted += here
        spent += length(here)
    last = phases[-1]
    limit = _limit(goal, agreement, last.priority)
    state, due = State.MET if ended else State.RUNNING, None
    if limit is None and breached is None:
        state = State.NONE
    elif breached is not None:
        state, due = State.BREACHED, breached
    elif not ended and limit is not None:
        due, runs = _ahead(last, agreement, stopped, limit - spent, now)
        state = State.RUNNING if runs else State.STOPPED
    reason = _reason(goal, agreement, phases, stops, state, limit, ended)
    return Clock(goal, state, reason, limit, spent, due, breached, ended)


def _phases(goal: Goal, events: Sequence[Event], now: datetime) -> tuple[list[_Phase], datetime | None]:
    """The time from the opening to ``now`` or to the goal, and when that was reached."""
    opened = events[0]
    at, priority, broken, held, ended = opened.at, opened.priority, True, "", None
    found: list[_Phase] = []
    for event in events[1:]:
        if event.at > now:
            break
        found.append(_Phase(Span(at, max(event.at, at)), priority, broken, held))
        at = max(event.at, at)
        if event.what is Happened.PRIORITY:
            priority = event.priority
        elif event.what is Happened.HELD:
            held = event.why
        elif event.what in {Happened.RELEASED, Happened.RESTORED, Happened.RESOLVED, Happened.REOPENED}:
            held = ""
        if event.what in {Happened.RESTORED, Happened.RESOLVED}:
            broken, ended = False, ended or at
        elif event.what is Happened.REOPENED:
            broken, ended = True, None
        if event.what is Happened.RESOLVED or (goal is Goal.ACKNOWLEDGE and event.what is Happened.ACKNOWLEDGED):
            return found, ended or at
    found.append(_Phase(Span(at, max(now, at)), priority, broken, held))
    return found, ended


def _limit(goal: Goal, agreement: Agreement, priority: int) -> timedelta | None:
    target = agreement.target(priority)
    return target.acknowledge if goal is Goal.ACKNOWLEDGE else target.restore


def _counts(phase: _Phase, agreement: Agreement, stopped: Spans) -> Spans:
    if not phase.broken or phase.held in agreement.stops_for:
        return ()
    return without(_worked(phase, agreement), stopped)


def _worked(phase: _Phase, agreement: Agreement) -> Spans:
    """The time of a phase that lies in the hours agreed for its priority."""
    if agreement.target(phase.priority).in_hours:
        return agreement.opening.between(phase.span.start, phase.span.end)
    return union([phase.span])


def _breach(here: Spans, before: timedelta, limit: timedelta, phase: _Phase) -> datetime | None:
    """When more than the limit has counted. A priority that was raised breaks it at its raise."""
    if before > limit:
        return phase.span.start
    return moment_after(here, limit - before) if before + length(here) > limit else None


def _ahead(
    last: _Phase, agreement: Agreement, stopped: Spans, left: timedelta, now: datetime
) -> tuple[datetime | None, bool]:
    """When what is left will be used up if nothing else happens, and whether the clock runs now."""
    if last.held in agreement.stops_for:
        return None, False
    for far in _AHEAD:
        coming = without(_worked(_Phase(Span(now, now + far), last.priority, True, ""), agreement), stopped)
        runs = bool(coming) and coming[0].start == now
        due = moment_after(coming, left)
        if due is not None:
            return due, runs
    return None, runs


def _reason(
    goal: Goal,
    agreement: Agreement,
    phases: Sequence[_Phase],
    stops: Sequence[Stop],
    state: State,
    limit: timedelta | None,
    ended: datetime | None,
) -> str:
    """Why this deadline: what is agreed, and what did not count."""
    last = phases[-1]
    where = f"P{last.priority} of {agreement.name}"
    if limit is None:
        return f"{where}: no time to {goal} is agreed"
    parts = [f"{where}: {goal} within {minutes(limit)}"]
    parts[0] += " in support hours" if agreement.target(last.priority).in_hours else ""
    lost = _lost(agreement, phases, stops)
    if lost:
        parts.append("stopped for " + ", ".join(f"{minutes(much)} ({name})" for name, much in lost.items()))
    if state is State.STOPPED:
        here = last.span.end
        planned = next((one.name for one in stops if one.span.start <= here < one.span.end), "")
        parts.append(f"stopped now: {WAITS.get(last.held) or planned or 'outside support hours'}")
    elif last.held and not ended and last.held not in agreement.stops_for:
        parts.append(f"{WAITS.get(last.held, last.held)} does not stop it, as agreed")
    if len({phase.priority for phase in phases}) > 1:
        ways = [f"P{phase.priority}" for phase in phases]
        kept = [one for place, one in enumerate(ways) if place == 0 or ways[place - 1] != one]
        parts.append(f"the priority went {' to '.join(kept)}, and what was used before counts")
    return "; ".join(parts)


def _lost(agreement: Agreement, phases: Iterable[_Phase], stops: Iterable[Stop]) -> Mapping[str, timedelta]:
    """How much time, that would have counted, each thing stopped. Two may have stopped the same time."""
    stops, lost = tuple(stops), dict[str, timedelta]()
    for phase in phases:
        if not phase.broken:
            continue
        would = _worked(phase, agreement)
        if phase.held in agreement.stops_for:
            name = WAITS[phase.held]
            lost[name] = lost.get(name, ZERO) + length(would)
        for one in stops:
            much = length(common(would, (one.span,)))
            if much:
                lost[one.name] = lost.get(one.name, ZERO) + much
    return {name: much for name, much in lost.items() if much}


def minutes(much: timedelta) -> str:
    """A length as a sentence holds it: ``45 min``, ``4 h``, ``2 h 30 min``."""
    whole = int(much.total_seconds() // 60)
    if whole < 60:
        return f"{whole} min" if whole else f"{int(much.total_seconds())} s"
    hours, rest = divmod(whole, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
