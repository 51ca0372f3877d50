"""Whether a remedy may run now: limits per incident, machine, remedy and installation, and a breaker. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

RUN, HOLD, TRIP = "run", "hold", "trip"


@dataclass(frozen=True)
class Limits:
    """How often in an hour: this remedy, on one machine, and all remedies together."""

    per_hour: int
    per_target: int
    together: int


@dataclass(frozen=True)
class Seen:
    """What the last hour saw. ``targets`` are those wanted now, with how often remedies ran on each."""

    tripped: str
    enabled: bool
    runs: int
    targets: Mapping[str, int]
    together: int


@dataclass(frozen=True)
class Decision:
    """Run it, hold it back, or trip the breaker, which a person re-arms; and why."""

    what: str
    reason: str


def decide(seen: Seen, limits: Limits) -> Decision:
    """A remedy that is asked for more often than it may is one that does not help: then people take over."""
    if not seen.enabled:
        return Decision(HOLD, "it is switched off")
    if seen.tripped:
        return Decision(HOLD, f"its breaker is open: {seen.tripped}")
    if seen.runs >= limits.per_hour:
        return Decision(TRIP, f"it ran {seen.runs} times within an hour, and what it mends came back")
    often = next((key for key, count in seen.targets.items() if count >= limits.per_target), None)
    if often is not None:
        return Decision(TRIP, f"remedies ran {seen.targets[often]} times on {often} within an hour")
    if seen.together >= limits.together:
        return Decision(TRIP, f"all remedies together ran {seen.together} times within an hour")
    return Decision(RUN, "inside of its limits")


_ENDS = {
    "failed": "its run failed",
    "stopped": "its run was stopped",
    "rejected": "its run was rejected",
    "withdrawn": "its run was withdrawn",
}


def after(state: str, reason: str) -> Decision | None:
    """What the end of a run means for its remedy; nothing while it goes on. Anything but done trips the breaker."""
    if state in _ENDS:
        return Decision(TRIP, _ENDS[state] + (f": {reason}" if reason else ""))
    return Decision(RUN, "its run went through") if state == "done" else None
