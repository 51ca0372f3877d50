"""Actions that come of a problem: when their owner is reminded, and what a tracker makes of them. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class State(StrEnum):
    """Where an action stands."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


# When people read what they are reminded of, on the clock of their wall: never at night.
_MORNING = time(9, 0)


@dataclass(frozen=True)
class Rhythm:
    """So many days before it is due a reminder comes, then on the day, then after each so many days."""

    before: int
    after: int


def reminders(due: date, rhythm: Rhythm, zone: ZoneInfo, since: datetime, most: int = 60) -> list[datetime]:
    """When the owner is reminded after ``since``, at nine in the morning there."""
    days = [due - timedelta(days=rhythm.before)] if rhythm.before else []
    days += [due, *(due + timedelta(days=rhythm.after * step) for step in range(1, most))]
    times = [datetime.combine(day, _MORNING, zone).astimezone(UTC) for day in days]
    return [one for one in times if one > since]


def next_reminder(due: date, rhythm: Rhythm, zone: ZoneInfo, since: datetime) -> datetime | None:
    """The first of them; nothing when it is overdue for so long that nobody is reminded any more."""
    return next(iter(reminders(due, rhythm, zone, since)), None)


def days_late(due: date, today: date) -> int:
    """Days after it was due; below none while there is time."""
    return (today - due).days


@dataclass(frozen=True)
class Heard:
    """What the state of an issue makes of an action, and why."""

    after: State
    reason: str


def heard(before: State, theirs: str, issue: str) -> Heard:
    """An issue that is done ends the action, one that opens again opens it, one that is refused waits for a person."""
    if theirs == "done" and before is State.OPEN:
        return Heard(State.DONE, f"{issue} was closed as done")
    if theirs in {"open", "working"} and before is State.DONE:
        return Heard(State.OPEN, f"{issue} was opened again")
    if theirs == "refused" and before is State.OPEN:
        return Heard(before, f"{issue} will not be done there: drop the action, or do it elsewhere")
    return Heard(before, f"{issue} is {theirs} there")
