"""The points of a supportability review, and what facts mean for each. Pure.

The points are those that production readiness reviews of the field ask for (Google, *Site Reliability Engineering*,
chapter 32, and the four golden signals of chapter 6), cut to what can be seen or confirmed. A point that cannot be seen
now is left out of the score and said to be unknown: a store that is away makes no service look worse, or better.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# How long what a person confirms holds.
FRESH = timedelta(days=180)
_SIGNALS: Mapping[str, re.Pattern[str]] = {
    "traffic": re.compile(r"request|query|quer(?:y|ies)|message|order|call|_count$|_total$"),
    "errors": re.compile(r"error|fail|reject|timeout|5xx|exception|status"),
    "latency": re.compile(r"duration|latency|_seconds|_ms\b|milliseconds|response_time"),
    "saturation": re.compile(r"memory|cpu|disk|queue|pool|connection|thread|inflight|backlog|heap|fds"),
}


class State(StrEnum):
    """How a point stands."""

    MET = "met"
    PARTLY = "partly"
    MISSING = "missing"
    UNKNOWN = "unknown"


_WORTH = {State.MET: 1.0, State.PARTLY: 0.5, State.MISSING: 0.0}


@dataclass(frozen=True)
class Logs:
    """The lines of a day: how many, and of how many something is true. ``loudest`` is the share of one pattern."""

    lines: int
    levelled: int
    correlated: int
    redacted: int
    loudest: float


@dataclass(frozen=True)
class Facts:
    """What is known of a service. Nothing where it could not be looked at."""

    owner: str
    described: bool
    links: tuple[str, ...]
    policy: str
    policy_is_default: bool
    needs: int
    processes: int
    health: tuple[str, ...]
    unwell: tuple[str, ...]
    rules: int
    rules_guided: int
    runbooks: int
    known_errors: int
    configurations: int
    metrics: frozenset[str] | None
    logs: Logs | None
    confirmed: Mapping[str, tuple[datetime, str]]


@dataclass(frozen=True)
class Finding:
    """How one point stands, what that was read from, and what to do."""

    point: str
    title: str
    state: State
    evidence: str
    advice: str = ""
    weight: int = 1


@dataclass(frozen=True)
class Verdict:
    """All findings, and the score: weighted share of what could be seen, 0 to 100."""

    findings: tuple[Finding, ...]
    score: int


def review(facts: Facts, now: datetime) -> Verdict:
    """Go through the list."""
    findings = tuple(point(facts, now) for point in _POINTS)
    seen = [one for one in findings if one.state is not State.UNKNOWN]
    worth = sum(one.weight * _WORTH[one.state] for one in seen)
    whole = sum(one.weight for one in seen)
    return Verdict(findings, round(100 * worth / whole) if whole else 0)


def _owner(facts: Facts, _: datetime) -> Finding:
    title = "It has an owner and says what it does"
    if facts.owner and facts.described:
        return Finding("owner", title, State.MET, f"owned by {facts.owner}", weight=2)
    lacking = "a description" if facts.owner else "a team that owns it"
    state = State.PARTLY if facts.owner else State.MISSING
    return Finding("owner", title, state, f"it lacks {lacking}", f"Name {lacking} in the catalog.", 2)


def _on_call(facts: Facts, _: datetime) -> Finding:
    title = "Somebody is paged for it"
    if not facts.policy:
        return Finding("on-call", title, State.MISSING, "no policy pages for it", "Name it in an escalation policy.", 3)
    if facts.policy_is_default:
        advice = "Give it, or its team, a policy of its own: the default reaches people who may not know it."
        return Finding("on-call", title, State.PARTLY, f"only the default policy, {facts.policy}", advice, 3)
    return Finding("on-call", title, State.MET, f"{facts.policy} pages for it", weight=3)


def _health(facts: Facts, _: datetime) -> Finding:
    title = "Its health can be asked from outside"
    if not facts.health:
        advice = "Offer an address such as /healthz that looks at what it needs, and have it checked or scraped."
        return Finding("health", title, State.MISSING, "nothing asks it", advice, 3)
    if facts.unwell:
        told = f"{', '.join(facts.unwell)} does not answer well"
        return Finding("health", title, State.PARTLY, told, "Mend it, so that its silence means something.", 3)
    return Finding("health", title, State.MET, f"asked by {', '.join(facts.health[:4])}", weight=3)


def _metrics(facts: Facts, _: datetime) -> Finding:
    title = "It measures traffic, errors, latency and saturation"
    if facts.metrics is None:
        return Finding("metrics", title, State.UNKNOWN, "the telemetry store does not answer")
    if not facts.metrics:
        advice = "Expose metrics of requests, errors, durations and resources, by Prometheus or OTLP."
        return Finding("metrics", title, State.MISSING, "no metric of it arrives", advice, 3)
    lacking = [name for name, sign in _SIGNALS.items() if not any(map(sign.search, facts.metrics))]
    told = f"{len(facts.metrics)} metrics arrive"
    if lacking:
        advice = f"Measure {' and '.join(lacking)} as well."
        return Finding("metrics", title, State.PARTLY, f"{told}, none of {', '.join(lacking)}", advice, 3)
    return Finding("metrics", title, State.MET, told, weight=3)


def _alerts(facts: Facts, _: datetime) -> Finding:
    title = "Rules watch it, and each says what to do"
    if not facts.rules:
        return Finding("alerts", title, State.MISSING, "no rule watches it", "Write rules on what its users feel.", 3)
    told = f"{facts.rules_guided} of {facts.rules} rules lead to a runbook or a known error"
    if facts.rules_guided < facts.rules:
        return Finding("alerts", title, State.PARTLY, told, "Write down for each what helps, or that nothing does.", 3)
    return Finding("alerts", title, State.MET, told, weight=3)


def _runbooks(facts: Facts, _: datetime) -> Finding:
    title = "What helps is written down"
    told = f"{facts.runbooks} runbooks and {facts.known_errors} known errors"
    if facts.runbooks or facts.known_errors:
        return Finding("runbooks", title, State.MET, told, weight=2)
    return Finding("runbooks", title, State.MISSING, told, "Write how it is restarted and how its data are mended.", 2)


def _of_logs(
    point: str, title: str, weight: int, judge: Callable[[Logs], tuple[State, str, str]]
) -> Callable[..., Finding]:
    def found(facts: Facts, _: datetime) -> Finding:
        if facts.logs is None:
            return Finding(point, title, State.UNKNOWN, "the telemetry store does not answer")
        if not facts.logs.lines:
            return Finding(point, title, State.MISSING, "no line of it arrived within a day", "Send its logs.", weight)
        state, evidence, advice = judge(facts.logs)
        return Finding(point, title, state, evidence, "" if state is State.MET else advice, weight)

    return found


def _share(part: int, whole: int, good: float, fair: float) -> tuple[State, str]:
    share = part / whole
    state = State.MET if share >= good else State.PARTLY if share >= fair else State.MISSING
    return state, f"{share:.0%} of {whole:,} lines"


def _levels(logs: Logs) -> tuple[State, str, str]:
    state, told = _share(logs.levelled, logs.lines, 0.95, 0.5)
    return state, f"{told} say their level", "Write a level on each line, so that errors can be told from the rest."


def _correlation(logs: Logs) -> tuple[State, str, str]:
    state, told = _share(logs.correlated, logs.lines, 0.5, 0.1)
    advice = "Carry the id of a trace or a request through every call and onto every line."
    return state, f"{told} carry the id of a trace or a request", advice


def _noise(logs: Logs) -> tuple[State, str, str]:
    state = State.MET if logs.loudest <= 0.5 else State.PARTLY if logs.loudest <= 0.8 else State.MISSING
    advice = "Write the loudest line less often, or as a metric."
    return state, f"the loudest kind of line makes {logs.loudest:.0%} of all", advice


def _secrets(logs: Logs) -> tuple[State, str, str]:
    if not logs.redacted:
        return State.MET, f"none was found in {logs.lines:,} lines", ""
    told = f"{logs.redacted:,} of {logs.lines:,} lines had a secret, which was taken out at intake"
    return State.MISSING, told, "Never hand a secret to the logger; change those that were written."


def _catalog(facts: Facts, _: datetime) -> Finding:
    title = "What it needs, and who needs it, is known"
    told = f"it needs {facts.needs} services, {facts.processes} business processes need it"
    if facts.needs and facts.processes:
        return Finding("dependencies", title, State.MET, told, weight=2)
    advice = "Name its calls (depends_on) and the business process that it serves; priorities come from them."
    state = State.PARTLY if facts.needs or facts.processes else State.MISSING
    return Finding("dependencies", title, state, told, advice, 2)


def _dashboard(facts: Facts, _: datetime) -> Finding:
    title = "Its dashboard and its documents are a click away"
    if facts.links:
        return Finding("links", title, State.MET, ", ".join(facts.links[:4]))
    return Finding(
        "links", title, State.MISSING, "no link stands in the catalog", "Link its dashboard and its documents."
    )


def _configuration(facts: Facts, _: datetime) -> Finding:
    title = "Its configuration is watched"
    if facts.configurations:
        return Finding("configuration", title, State.MET, f"{facts.configurations} sources are looked at")
    return Finding("configuration", title, State.MISSING, "nothing looks at it", "Name its files under configurations.")


def _confirmed(point: str, title: str, advice: str, weight: int) -> Callable[..., Finding]:
    def found(facts: Facts, now: datetime) -> Finding:
        if point not in facts.confirmed:
            return Finding(point, title, State.MISSING, "nobody has confirmed it", advice, weight)
        at, text = facts.confirmed[point]
        if now - at > FRESH:
            told = f"confirmed more than {FRESH.days} days ago: {text}"
            return Finding(point, title, State.PARTLY, told, f"{advice} Then confirm it again.", weight)
        return Finding(point, title, State.MET, text, weight=weight)

    return found


# What only people know: point -> title.
CONFIRMED: Mapping[str, str] = {
    "restore": "A restore of its data was tried",
    "rollback": "Going back to the release before was tried",
    "capacity": "It is known how much it bears",
}
_POINTS: Sequence[Callable[[Facts, datetime], Finding]] = (
    _owner,
    _on_call,
    _health,
    _metrics,
    _alerts,
    _runbooks,
    _of_logs("levels", "Its lines say how bad it is", 2, _levels),
    _of_logs("correlation", "Its lines can be followed through services", 2, _correlation),
    _of_logs("noise", "Its logs are no noise", 1, _noise),
    _of_logs("secrets", "Its logs hold no secrets", 3, _secrets),
    _catalog,
    _dashboard,
    _configuration,
    _confirmed("restore", CONFIRMED["restore"], "Restore a backup beside it, and look at the data.", 3),
    _confirmed("rollback", CONFIRMED["rollback"], "Go back one release where it does not hurt.", 2),
    _confirmed("capacity", CONFIRMED["capacity"], "Load it until it gives way, where it does not hurt.", 1),
)
