"""Decisions about incidents: which priority and why, and which step may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass

IMPACTS = ("high", "medium", "low")
URGENCIES = ("high", "medium", "low")
DEFAULT_MATRIX: Mapping[tuple[str, str], int] = {
    ("high", "high"): 1,
    ("high", "medium"): 2,
    ("high", "low"): 3,
    ("medium", "high"): 2,
    ("medium", "medium"): 3,
    ("medium", "low"): 4,
    ("low", "high"): 3,
    ("low", "medium"): 4,
    ("low", "low"): 4,
}
_BY_SEVERITY = {
    "critical": "high",
    "page": "high",
    "high": "high",
    "error": "high",
    "warning": "medium",
    "medium": "medium",
    "info": "low",
    "low": "low",
    "none": "low",
}


@dataclass(frozen=True)
class Urgency:
    """How soon it hurts, and where that was said."""

    level: str
    reason: str


def urgency_of(rule_urgency: str, labels: Mapping[str, str]) -> Urgency:
    """What the rule says, else the alert's severity label, else medium."""
    if rule_urgency:
        return Urgency(rule_urgency, "set by the rule")
    severity = labels.get("severity", "").lower()
    if severity in _BY_SEVERITY:
        return Urgency(_BY_SEVERITY[severity], f"severity={severity}")
    return Urgency("medium", "neither rule nor alert says")


@dataclass(frozen=True)
class Priority:
    """1 (drop everything) to 4 (in working hours), with its reason as a sentence."""

    value: int
    reason: str


def priority_of(impact: str, urgency: str, matrix: Mapping[tuple[str, str], int]) -> Priority:
    """Priority = impact x urgency, by the matrix."""
    value = matrix.get((impact, urgency), DEFAULT_MATRIX[impact, urgency])
    return Priority(value, f"impact {impact} x urgency {urgency}")


@dataclass(frozen=True)
class Step:
    """Whether a step may be taken now, and why not."""

    allowed: bool
    reason: str = ""


def may_acknowledge(state: str) -> Step:
    """Only an open incident waits for an acknowledgement; a second one is harmless and changes nothing."""
    if state == "open":
        return Step(True)
    return Step(False, f"the incident is {state} already")


def may_resolve(state: str, cause: str) -> Step:
    """Any live incident can be resolved by somebody who names the cause."""
    if state == "resolved":
        return Step(False, "the incident is resolved already")
    if not cause.strip():
        return Step(False, "write what the cause was, or that it is not known")
    return Step(True)


def after_alerts(state: str, firing: int) -> str:
    """The state that follows from the number of alerts that still fire.

    An incident whose last alert has ended is restored; one whose alert comes back before it is resolved is open again.
    """
    if state in {"open", "acknowledged"} and firing == 0:
        return "restored"
    if state == "restored" and firing > 0:
        return "open"
    return state


def group_of(service: str | None, name: str, labels: Mapping[str, str]) -> str:
    """What belongs into one incident: alerts of one service, else of one name, unless a label says otherwise."""
    if labels.get("incident_group"):
        return f"group:{labels['incident_group']}"[:200]
    return f"service:{service}" if service else f"alert:{name}"[:200]
