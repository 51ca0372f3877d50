"""Decisions about on-call: whose turn it is, and who is due at which step of an escalation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Turns:
    """A rotation: people in order, and the wall-clock handover between them."""

    key: str
    timezone: str
    people: tuple[str, ...]
    starts_on: date
    handover: time
    days: int


@dataclass(frozen=True)
class Turn:
    """Who has it, until when, and who follows. Times are UTC."""

    person: str
    until: datetime
    next_person: str


def turn_at(turns: Turns, now: datetime) -> Turn | None:
    """Whose turn it is.

    Handovers happen at the same wall-clock time all year, so turns are counted in calendar days of the rotation's zone
    and not in hours: a turn over a clock change is an hour shorter or longer. Before the first handover the first
    person has it.
    """
    if not turns.people:
        return None
    zone = ZoneInfo(turns.timezone)
    local = now.astimezone(zone)
    day = local.date() if local.time() >= turns.handover else local.date() - timedelta(days=1)
    number = max((day - turns.starts_on).days // turns.days, 0)
    ends_on = turns.starts_on + timedelta(days=(number + 1) * turns.days)
    ends = datetime.combine(ends_on, turns.handover, zone).astimezone(UTC)
    count = len(turns.people)
    return Turn(turns.people[number % count], ends, turns.people[(number + 1) % count])


@dataclass(frozen=True)
class Due:
    """What one step of an escalation asks for."""

    people: tuple[str, ...]
    wait: timedelta
    reason: str
    last: bool


def steps_in(snapshot: Mapping[str, Any]) -> int:
    """How many steps the whole escalation has, its repeats included."""
    return len(snapshot["steps"]) * (int(snapshot.get("repeat", 0)) + 1)


def due_step(snapshot: Mapping[str, Any], number: int, turns: Sequence[Turns], now: datetime) -> Due | None:
    """Whom step ``number`` pages, counted on through the repeats; nothing when the escalation is at its end.

    The policy is the snapshot from the start of the escalation. Whose turn it is in a rotation is asked now, because
    the pager must reach the one who has it.
    """
    total = steps_in(snapshot)
    if number >= total:
        return None
    steps = snapshot["steps"]
    step, round_number = steps[number % len(steps)], number // len(steps)
    known = {one.key: one for one in turns}
    people, why = list(step.get("people", [])), []
    for key in step.get("rotations", []):
        turn = turn_at(known[key], now) if key in known else None
        if turn:
            why.append(f"on call in {key}")
            people.append(turn.person)
    place = f"step {number % len(steps) + 1} of {snapshot['name']}"
    if round_number:
        place += f", round {round_number + 1}"
    reason = f"{', '.join(why)}, {place}" if why else place
    return Due(tuple(dict.fromkeys(people)), timedelta(seconds=step["wait_seconds"]), reason, number + 1 >= total)
