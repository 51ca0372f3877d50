"""A whole case as plain data, with what goes into its files: read once, not cleaned yet."""

from dataclasses import dataclass, replace

from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.learn.diagnosis import services as diagnosis
from mainstay.learn.diagnosis.domain import diagnose
from mainstay.learn.diagnosis.domain.case import Case
from mainstay.learn.diagnosis.domain.reporting import plain
from mainstay.learn.escalation.domain.drawing import Chart, described
from mainstay.learn.escalation.domain.lacks import Known, lacks
from mainstay.learn.escalation.domain.queries import promql
from mainstay.learn.escalation.domain.verify import proofs
from mainstay.learn.escalation.gather import logs, measures, versions, work
from mainstay.learn.escalation.gather.scene import Row, Scene, moment, stamp
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident


@dataclass(frozen=True)
class Gathered:
    """What a case is made of: ``record`` is all that its page tells, ``people`` whom to ask, the rest fills files."""

    record: Row
    people: list[list[str]]
    case: Case
    charts: list[Chart]


def gather(actor: Actor, number: int, note: str = "") -> Gathered:
    """Read everything. Raises ``TelemetryError`` and ``ProblemError``."""
    scene = _scene(actor, number)
    record = _of_incident(scene)
    charts = measures.charts(scene)
    evidence = work.evidence(scene)
    attempts, stands = work.tried(scene)
    hit = logs.hit(scene, evidence)
    counts = logs.counts(scene)
    found_versions = versions.versions(scene)
    case, cut = _files(scene)
    signs = {one.name: one.evidence for one in scene.suspects[:2]}
    fired = [(rule.name, rule.expr) for rule in measures.rules(scene)]
    known = Known(
        scene.suspect,
        counts,
        scene.case.metrics is not None,
        scene.case.metrics is not None and scene.suspect in scene.case.metrics["service"],
        scene.case.spans is not None,
        bool(scene.case.calls),
        bool(scene.case.changes),
        bool(found_versions),
        len(evidence),
        len(hit["rows"]),
        bool(record["hit"]["processes"]),
        bool(fired),
        bool(note),
        bool(attempts),
    )
    record |= {
        "note": note,
        "diagnosis": _said(scene),
        "again": _again(scene),
        "lines": counts,
        "queries": [*logs.searches(scene), *measures.results(scene, charts), *evidence],
        "patterns": logs.patterns(scene),
        "graphs": [_graph(place, one) for place, one in enumerate(charts, 1)],
        "versions": found_versions,
        "configuration": versions.configuration(scene),
        "differences": versions.differences(scene),
        "affected": hit,
        "tried": attempts,
        "in_place": [*stands, *versions.since_then(scene)],
        "verify": [[one.what, one.query, one.good] for one in proofs(fired, signs)],
        "clocks": work.clock_facts(scene),
        "log": work.log(scene),
        "lacks": [[one.what, one.remedy] for one in lacks(known)],
        "cut": cut,
    }
    return Gathered(record, work.people(scene), case, charts)


def _scene(actor: Actor, number: int) -> Scene:
    incident = incidents.get(actor, number)
    case = diagnosis.case(actor, number)
    if case.problem.seconds <= 0:
        raise ProblemError(409, "Not possible", f"INC-{number} has not begun yet.")
    found = alerts.firing_of(incident)
    return Scene(actor, incident, case, diagnose(case), tuple(found), clock.now())


def _of_incident(scene: Scene) -> Row:
    incident, case = scene.incident, scene.case
    return {
        "incident": str(incident),
        "title": incident.title,
        "state": incident.get_state_display(),
        "link": f"{current().public_url}/i/{incident.pk}",
        "made_at": stamp(scene.now),
        "service": case.alert.service,
        "service_name": incident.service.name if incident.service else "",
        "alerts": [
            {
                "name": one.name,
                "state": one.get_state_display(),
                "since": stamp(one.starts_at),
                "until": stamp(one.ends_at),
                "value": one.value,
                "said": str(one.annotations.get("summary") or one.annotations.get("description") or ""),
                "expr": one.rule.expr if one.rule else "",
            }
            for one in scene.alerts[:20]
        ],
        "times": _times(incident),
        "window": {"from": stamp(scene.window.start), "to": stamp(scene.window.end)},
        "normal": {"from": stamp(moment(case.normal.start)), "to": stamp(moment(case.normal.end))},
        "hit": {
            "sentence": str(incident.reason.get("sentence") or incident.impact),
            "why": str(incident.reason.get("impact") or ""),
            "priority": f"P{incident.priority}",
            "reason": str(incident.reason.get("priority") or ""),
            "urgency": str(incident.reason.get("urgency") or incident.urgency),
            "currency": current().currency,
            "processes": incident.reason.get("processes") or [],
        },
        "cause": incident.cause,
    }


def _said(scene: Scene) -> Row:
    """The diagnosis, with queries of metrics as PromQL that runs: the diagnosis names its own rates and means."""
    runs = {
        sign.query: promql(sign.name, one.name)
        for one in scene.suspects
        for sign in one.evidence
        if sign.source == "metrics" and sign.name
    }
    said = plain(scene.said)
    for one in (*said["services"], *said["changes"], *said["cleared"]):
        one["refute"] = runs.get(one["refute"], one["refute"])
        for sign in one["evidence"]:
            sign["query"] = runs.get(sign["query"], sign["query"])
    return said


def _times(incident: Incident) -> Row:
    names = ("started_at", "opened_at", "acknowledged_at", "restored_at", "resolved_at")
    return {name.removesuffix("_at"): stamp(getattr(incident, name)) for name in names}


def _again(scene: Scene) -> Row:
    """How to look at the same window again."""
    within = scene.window.locked
    return {
        "range": within,
        "commands": [
            f"mainstay logs search 'service:\"{scene.suspect}\" level:>=error' --range '{within}'",
            f"mainstay logs changed {scene.suspect} --range '{within}'",
            "mainstay diagnose .   # in the folder that this page lies in; needs no server",
        ],
    }


def _graph(place: int, chart: Chart) -> Row:
    name = f"graphs/{place}"
    return {
        "title": chart.title,
        "query": chart.query,
        "said": described(chart),
        "svg": f"{name}.svg",
        "csv": f"{name}.csv",
    }


def _files(scene: Scene) -> tuple[Case, list[str]]:
    """The case as its files hold it, and what was left out."""
    lines, cut_lines = logs.sample(scene.case.logs, current().escalation_lines)
    metrics, cut_metrics = measures.kept(scene.case, scene.services, current().escalation_samples)
    spans, cut_spans = measures.whole_traces(scene.case, current().escalation_spans)
    cut = [one for one in (cut_lines, cut_metrics, cut_spans) if one]
    return replace(scene.case, logs=lines, metrics=metrics, spans=spans), cut
