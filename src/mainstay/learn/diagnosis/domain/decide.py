"""The diagnosis: who is likely to blame, on what evidence, what speaks against it, and what would refute it. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log1p, sqrt
from typing import Final

import polars as pl

from mainstay.change.releases.judge.kinds import read
from mainstay.learn.diagnosis.domain import hops, silence, stores, suspects, voices
from mainstay.learn.diagnosis.domain.blame import Blamed, Walk
from mainstay.learn.diagnosis.domain.case import Case
from mainstay.learn.diagnosis.domain.deviation import SCHEMA, deviations, onset
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign, group_of, is_local, levels_of, of_metrics

# Evidence below this is what a quiet hour shows too.
ENOUGH: Final = 0.75
# Where it may be any service, the strangest of all is stranger than one.
ENOUGH_ANYWHERE: Final = 1.2
CANDIDATES: Final = 5
CLEARED: Final = 20
_SIGNS: Final = 6
# What is told of a service by another counts so much.
_TOLD: Final = 0.5
_CUT_OFF: Final = re.compile(
    r"(?i)connection (?:was )?(?:refused|failure|failed)|econnrefused|unreachable|no route to host|no healthy upstream|"
    r"failed to connect|could not reach|cannot connect|can't connect|unavailable|name or service not known|no such host"
)
# An answer that says that the caller is wrong.
_THEIR_FAULT: Final = re.compile(r"(?i)\b4\d\d\b|bad request|unauthori[sz]ed|forbidden|invalid|malformed|not found")
# The alert itself says this much of its service.
_ALERT: Final = 1.0


@dataclass(frozen=True)
class Candidate:
    """A service or a change that may be to blame. ``confidence`` is 0 to 1; all of them add up to 1 at most.

    ``refute`` is a query that would show that it is not.
    """

    kind: str
    name: str
    confidence: float
    path: tuple[str, ...]
    evidence: tuple[Sign, ...]
    against: tuple[str, ...]
    refute: str
    reason: str


@dataclass(frozen=True)
class Diagnosis:
    """Services and changes, the most likely first; none of either where ``reason`` says why.

    ``cleared`` are the changes that were looked at and are not held to be to blame, each with its reason.
    """

    services: tuple[Candidate, ...]
    changes: tuple[Candidate, ...]
    reason: str
    changes_reason: str
    missing: tuple[str, ...]
    cleared: tuple[Candidate, ...] = ()


def diagnose(case: Case) -> Diagnosis:
    """Who is to blame. Every part of the case but its alert may be missing."""
    found = _Signs(case)
    alert_group = _alert_group(case)
    calls = [*(case.calls or ()), *(hops.calls_of(case.spans) if case.spans is not None else ())]
    calls += stores.calls_of(found.known, calls)
    local = is_local(str(read(case.alert.metric).kind), case.alert.metric)
    unreached = found.add_silence(calls)
    alerting = Sign(alert_group or Group.FAILING, _ALERT, "the alert", "alert", "", local=local)
    signs = {service: tuple(each) for service, each in found.every.items()}
    walk = Walk(
        {**signs, case.alert.service: (*signs.get(case.alert.service, ()), alerting)},
        calls,
        alert_group,
        levels_of(found.deviations),
        unreached,
        found.accused,
    )
    scored = _scored(walk, walk.blame(case.alert.service))
    first = scored[0][1]
    evidence = first.share * _own(signs.get(first.service, ())) + 0.5 * log1p(found.of_alert())
    if evidence < (ENOUGH if walk.knows(case.alert.service) or len(found.known) == 1 else ENOUGH_ANYWHERE):
        reason = "Not enough evidence: nothing that is known of went further astray than in a quiet hour."
        return Diagnosis((), (), reason, "", case.missing)
    total = sum(score for score, _ in scored)
    services = tuple(_candidate(score / total, one, signs, walk) for score, one in scored[:CANDIDATES])
    shares = {one.name: one.confidence for one in services}
    judged = suspects.judge(case, signs, shares, calls, found.onset(shares))
    changes, cleared = (tuple(map(_of_change, each)) for each in (judged.likely, judged.cleared[:CLEARED]))
    return Diagnosis(services, changes, services[0].reason, judged.said, case.missing, cleared)


def _of_change(one: suspects.Suspect) -> Candidate:
    what, where = one.change.id, (one.change.service,)
    why = f"{one.change.summary}: {one.why}" if one.change.summary else one.why
    return Candidate("change", what, one.confidence, where, one.evidence, one.against, one.refute, why)


class _Signs:
    """What every part of a case says, by service."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.deviations = pl.DataFrame(schema=SCHEMA)
        self.every: dict[str, list[Sign]] = {}
        # Those of whom others say that they cannot be reached.
        self.cut_off = set[str]()
        # Pairs of a service and one of which it says that it failed.
        self.accused = set[tuple[str, str]]()
        if case.metrics is not None and case.metrics.height:
            noticed = (pl.col("service") == case.alert.service) & _is_of("metric", case.alert.metric)
            self.deviations = deviations(case.metrics, case.normal, case.problem, noticed)
            self._add(of_metrics(self.deviations))
        if case.spans is not None and case.spans.height:
            self._add(self._waited_for(hops.signs(case.spans, case.normal, case.problem, self.known)))
        if case.logs is not None and case.logs.height:
            self._add(self._told(voices.signs(case.logs, case.normal, case.problem, self.known)))

    @cached_property
    def known(self) -> frozenset[str]:
        """The services of which anything is known."""
        case = self._case
        names = {case.alert.service, *(one for pair in case.calls or () for one in pair)}
        for frame in (case.metrics, case.logs, case.spans):
            if frame is not None:
                names |= set(frame["service"].unique().drop_nulls())
        return frozenset(names)

    def _told(self, signs: Mapping[str, Sequence[Sign]]) -> dict[str, list[Sign]]:
        """What a service says to be wrong with another counts for that one, too: by half, but wholly if not reached."""
        found: dict[str, list[Sign]] = {}
        for service, each in signs.items():
            for sign in each:
                found.setdefault(service, []).append(sign)
                apart = _CUT_OFF.search(sign.text) is not None and sign.group is not Group.ODD
                self.cut_off |= sign.about if apart else set()
                for other in sign.about if sign.group is not Group.ODD else ():
                    if sign.group is Group.FAILING and _THEIR_FAULT.search(sign.text) is None:
                        self.accused.add((service, other))
                    weight = sign.weight * (1.0 if apart else _TOLD)
                    told = replace(sign, weight=weight, text=f"{service} {sign.text}", about=frozenset())
                    found.setdefault(other, []).append(told)
        return found

    def _waited_for(self, signs: Mapping[str, Sequence[Sign]]) -> dict[str, list[Sign]]:
        """A call that takes long by itself is the waiting for who is called, wherever spans tell who that is."""
        found: dict[str, list[Sign]] = {}
        for service, each in signs.items():
            for sign in each:
                for one in sign.about or {service}:
                    text = f"{service}: {sign.text}" if sign.about else sign.text
                    found.setdefault(one, []).append(replace(sign, text=text, about=frozenset()))
        return found

    def _add(self, more: Mapping[str, Sequence[Sign]]) -> None:
        for service, signs in more.items():
            self.every.setdefault(service, []).extend(signs)

    def add_silence(self, calls: Sequence[tuple[str, str]]) -> frozenset[str]:
        """Add the signs of those that are no longer reached by callers that fail, and tell who that is."""
        failing = {one for one, each in self.every.items() if any(sign.group is Group.FAILING for sign in each)}
        found, dead = silence.signs(self.deviations, calls, failing), silence.dead(self.deviations)
        self._add(found)
        self._add(dead)
        return frozenset({*found, *dead, *self.cut_off})

    def onset(self, services: Collection[str]) -> float:
        """When it began, as far as metrics tell; else when the alert came."""
        case = self._case
        if case.metrics is None:
            return case.alert.time
        began = onset(case.metrics, self.deviations, case.normal, case.problem, services)
        return min(began, case.alert.time) if began is not None else case.alert.time

    def of_alert(self) -> float:
        """How far astray the metric is that alerted."""
        alert = self._case.alert
        mine = self.deviations.filter((pl.col("service") == alert.service) & _is_of("metric", alert.metric))
        return float((mine["far"] * mine["persists"]).max() or 0.0)  # type: ignore[arg-type]  # of numbers


def _is_of(column: str, metric: str) -> pl.Expr:
    """Whether series are of a metric: with labels or without, and the mean in place of its sum and count."""
    base = pl.col(column).str.replace(r"\{.*$", "")
    return (base == metric) | (base == re.sub(r"_(sum|count|bucket)$", "_mean", metric))


def _alert_group(case: Case) -> Group | None:
    if not case.alert.metric:
        return None
    found = group_of(str(read(case.alert.metric).kind), case.alert.metric)
    return found if found in {Group.SLOW, Group.FAILING, Group.STARVED} else None


def _own(signs: Sequence[Sign]) -> float:
    return max((one.weight for one in signs if one.group in {Group.SLOW, Group.FAILING, Group.STARVED}), default=0.0)


def _scored(walk: Walk, blamed: Sequence[Blamed]) -> list[tuple[float, Blamed]]:
    """How likely each is to blame, the most likely first: its share of the blame, and how ill it is by itself."""
    found = [(one.share * sqrt(max(walk.own(one.service), 0.01)), one) for one in blamed]
    return sorted(found, key=lambda one: (-one[0], one[1].service))


def _candidate(confidence: float, one: Blamed, signs: Mapping[str, Sequence[Sign]], walk: Walk) -> Candidate:
    mine = sorted(signs.get(one.service, ()), key=lambda sign: -sign.weight)
    callees = {callee: walk.explained(one.service, callee) for callee in walk.callees(one.service)}
    sick = sorted((-part, callee) for callee, part in callees.items() if part > 0.15)
    against = [f"{callee}, which it calls, explains {-part:.0%} of it" for part, callee in sick[:2]]
    if not mine:
        against.append("nothing is known to be wrong with it by itself")
    way = " → ".join(one.path)
    waits = walk.unseen.get(one.service)
    if waits:
        first = f"nothing tells how fast it answers, and {waits} waits for something"
    else:
        first = mine[0].text if mine else "the alert is its own, and nothing that it calls explains it"
    reason = f"{one.service}: {first}" + (f" (by {way})" if len(one.path) > 1 else "")
    refute = mine[0].query if mine else ""
    return Candidate("service", one.service, confidence, one.path, tuple(mine[:_SIGNS]), tuple(against), refute, reason)
