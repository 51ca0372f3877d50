"""What a drill asks, how it is scored, and what somebody has practised. Pure: moments are handed in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LEVELS: Mapping[str, str] = {
    "joiner": "New joiner",
    "responder": "Responder",
    "senior": "Senior responder",
    "lead": "Incident lead",
}
SKILLS: Mapping[str, str] = {
    "metrics": "Reading metrics",
    "logs": "Reading logs",
    "data": "Looking at data",
    "changes": "Judging changes",
    "topology": "Following calls",
    "runbooks": "Mending by a runbook",
    "business": "Telling the business",
    "priorities": "Two things at once",
    "doubt": "Doubting the first suspect",
}
FULL = 100
# From this score on a scenario counts as mastered.
PASSED = 60
WRONG = 15
NOT_TOLD = 10
SHOWN = 10


@dataclass(frozen=True)
class Hint:
    """A help, and the points that it costs."""

    text: str
    cost: int


@dataclass(frozen=True)
class Culprit:
    """One thing that is broken: the services that count as its right answer, and what it is."""

    accepted: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class Decoy:
    """A harmless change that is reported shortly before, and draws suspicion."""

    service: str
    kind: str
    summary: str
    diff: str
    why_harmless: str


@dataclass(frozen=True)
class Deed:
    """How something is broken or mended: faults of the demo shop, or a runbook of the staging system."""

    faults: tuple[str, ...] = ()
    runbook: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """One exercise. ``within`` are seconds in which a practised person acknowledges, finds and restores."""

    key: str
    name: str
    level: str
    story: str
    skills: tuple[str, ...]
    culprits: tuple[Culprit, ...]
    explanation: str
    breaks: Deed
    mends: Deed
    hints: tuple[Hint, ...] = ()
    decoy: Decoy | None = None
    within: Mapping[str, int] = field(default_factory=lambda: {"acknowledge": 180, "find": 600, "restore": 900})

    def culprit(self, service: str) -> Culprit | None:
        """What is broken at a service; nothing where it is none."""
        return next((one for one in self.culprits if service in one.accepted), None)


@dataclass(frozen=True)
class Answer:
    """A service that was named as broken."""

    at: datetime
    service: str


@dataclass(frozen=True)
class Trail:
    """What really happened, from the break to the end. A moment is missing where it never came."""

    began: datetime
    ended: datetime
    alerted: datetime | None = None
    noticed: datetime | None = None
    acknowledged: datetime | None = None
    restored: datetime | None = None
    told: datetime | None = None
    answers: tuple[Answer, ...] = ()
    hints: int = 0
    shown: bool = False


@dataclass(frozen=True)
class Loss:
    """Points that were lost, and why."""

    points: int
    why: str


@dataclass(frozen=True)
class Stage:
    """One step of the way: seconds since the break, or nothing where it was not taken."""

    name: str
    seconds: float | None
    within: int | None = None


@dataclass(frozen=True)
class Debrief:
    """How it went."""

    score: int
    losses: tuple[Loss, ...]
    stages: tuple[Stage, ...]

    @property
    def passed(self) -> bool:
        """Whether the scenario counts as mastered."""
        return self.score >= PASSED


# Stage -> (points for being late, for being more than twice as late, for not doing it at all, what it is called).
_PRICES = {
    "acknowledge": (5, 10, 15, "acknowledged"),
    "find": (5, 10, 30, "found"),
    "restore": (5, 10, 20, "restored"),
}


def found_at(scenario: Scenario, answers: Iterable[Answer]) -> datetime | None:
    """When the last of the culprits was named; nothing while one is missing."""
    left, last = list(scenario.culprits), None
    for one in sorted(answers, key=lambda one: one.at):
        hit = next((culprit for culprit in left if one.service in culprit.accepted), None)
        if hit:
            left.remove(hit)
            last = one.at
    return None if left else last


def wrong(scenario: Scenario, answers: Iterable[Answer]) -> list[str]:
    """The services that were named and are to blame for nothing, each once."""
    return sorted({one.service for one in answers if scenario.culprit(one.service) is None})


def debrief(scenario: Scenario, trail: Trail) -> Debrief:
    """Score a drill. Points go by sentence, so that each loss can be argued with.

    1. Hints cost what was said when they were taken; so does the likely cause, which a drill hides.
    2. Each wrong suspect costs the same, once.
    3. Being late costs a little, being very late more, and leaving a step out most.
    4. Who told nobody what is hit has left half of the work undone.
    """
    found = found_at(scenario, trail.answers)
    at = {"acknowledge": trail.acknowledged, "find": found, "restore": trail.restored}
    losses = [Loss(one.cost, f"hint {place}: {one.text}") for place, one in enumerate(scenario.hints[: trail.hints], 1)]
    losses += [Loss(SHOWN, "the likely cause was looked up")] if trail.shown else []
    losses += [Loss(WRONG, f"{one} was suspected and is not to blame") for one in wrong(scenario, trail.answers)]
    for stage, moment in at.items():
        late = _lateness(stage, moment, trail.began, scenario.within.get(stage))
        losses += [late] if late else []
    if trail.told is None:
        losses.append(Loss(NOT_TOLD, "nobody was told what is hit: write a note that the business understands"))
    stages = (
        Stage("alert", _since(trail.began, trail.alerted)),
        Stage("notice", _since(trail.began, trail.noticed)),
        Stage("acknowledge", _since(trail.began, trail.acknowledged), scenario.within.get("acknowledge")),
        Stage("find", _since(trail.began, found), scenario.within.get("find")),
        Stage("restore", _since(trail.began, trail.restored), scenario.within.get("restore")),
        Stage("tell", _since(trail.began, trail.told)),
    )
    return Debrief(max(FULL - sum(one.points for one in losses), 0), tuple(losses), stages)


def _since(began: datetime, moment: datetime | None) -> float | None:
    return None if moment is None else max((moment - began).total_seconds(), 0.0)


def _lateness(stage: str, moment: datetime | None, began: datetime, within: int | None) -> Loss | None:
    late, very_late, never, word = _PRICES[stage]
    if moment is None:
        return Loss(never, f"it was not {word}")
    over = (moment - began) / timedelta(seconds=within or 1) if within else 0.0
    if over <= 1:
        return None
    took = f"it was {word} after {_said((moment - began).total_seconds())}, and {_said(within or 0)} are usual"
    return Loss(late if over <= 2 else very_late, took)


def _said(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 120 else f"{round(seconds / 60)} min"


def is_over(scenario: Scenario, trail: Trail, most: timedelta) -> str:
    """Why a drill ends by itself: everything is found and restored, or it has gone on for too long; else empty."""
    if trail.restored is not None and found_at(scenario, trail.answers) is not None:
        return "found and restored"
    return "its time is up" if trail.ended - trail.began >= most else ""


@dataclass(frozen=True)
class Practised:
    """A drill that somebody ended."""

    person: str
    scenario: str
    at: datetime
    score: int


@dataclass(frozen=True)
class Mastery:
    """What somebody has practised of one skill: the best score, when last, and in how many scenarios."""

    best: int
    last: datetime
    scenarios: int


def skill_map(scenarios: Mapping[str, Scenario], done: Iterable[Practised]) -> dict[str, dict[str, Mastery]]:
    """For each person and skill what was practised. Scenarios that are gone count no more."""
    found: dict[str, dict[str, list[Practised]]] = {}
    for one in done:
        for skill in scenarios[one.scenario].skills if one.scenario in scenarios else ():
            found.setdefault(one.person, {}).setdefault(skill, []).append(one)
    return {
        person: {
            skill: Mastery(
                max(one.score for one in rows), max(one.at for one in rows), len({one.scenario for one in rows})
            )
            for skill, rows in skills.items()
        }
        for person, skills in found.items()
    }


def level_of(scenarios: Iterable[Scenario], mastered: Iterable[str]) -> str:
    """The highest level whose scenarios, and those of all levels below, are mastered to two thirds; empty for none."""
    passed, reached = set(mastered), ""
    known = list(scenarios)
    for level in LEVELS:
        here = [one.key for one in known if one.level == level]
        if not here:
            continue
        if 3 * len(passed.intersection(here)) < 2 * len(here):
            return reached
        reached = level
    return reached


def next_for(scenarios: Sequence[Scenario], mastered: Iterable[str]) -> Scenario | None:
    """What to practise next: the first of the lowest level that is not mastered."""
    passed = set(mastered)
    order = list(LEVELS)
    rest = [one for one in scenarios if one.key not in passed]
    return min(rest, key=lambda one: order.index(one.level), default=None)
