"""What people did and know: what was tried and stands, evidence that was kept, people, clocks and the log."""

from collections.abc import Iterable
from typing import Any

from mainstay.core.settings import current
from mainstay.learn.escalation.gather.scene import Row, Scene, stamp
from mainstay.respond.clocks import services as clocks
from mainstay.respond.incidents import known
from mainstay.respond.incidents.models import KnownErrorMatch
from mainstay.respond.oncall import services as oncall
from mainstay.respond.timeline import services as timeline
from mainstay.restore.runbooks import services as runbooks
from mainstay.restore.runbooks.models import Run
from mainstay.restore.sqldesk.correct import services as corrections
from mainstay.restore.sqldesk.examine import services as examine
from mainstay.restore.sqldesk.models import Correction

Verdict = KnownErrorMatch.Verdict
_ENTRIES = 300


def tried(scene: Scene) -> tuple[list[Row], list[str]]:
    """What was tried, the first first, and what of it is in place now."""
    rows: list[Row] = []
    stands: list[str] = []
    for run in runbooks.visible(scene.actor).filter(incident=scene.incident).exclude(state=Run.State.DRAFT):
        what = f"runbook {run.title}"
        rows.append(_row(run.started_at or run.created_at, run.requested_name, what, run.get_state_display()))
        stands += [f"{what} ran through"] if run.state == Run.State.DONE else []
    for one in corrections.visible(scene.actor).filter(incident=scene.incident).exclude(started_name=""):
        what = f"correction of data {one}: {one.title}"
        said = Correction.State(one.state).label
        rows.append(_row(one.finished_at or one.created_at, one.requested_name, what, said))
        stands += [what] if one.state == Correction.State.DONE else []
    for match in known.matches(scene.actor, scene.incident):
        error = match.known_error
        what = f"known error {error.key}: {error.name}. Workaround: {error.workaround}"
        said = match.get_verdict_display()
        rows.append(_row(match.judged_at or match.offered_at, match.judged_by or "Mainstay", what, said))
        stands += [f"the workaround of {error.key}: {error.workaround}"] if match.verdict == Verdict.WORKED else []
    return sorted(rows, key=lambda one: str(one["at"])), stands


def _row(at: Any, who: str, what: str, outcome: str) -> Row:
    return {"at": stamp(at), "who": who, "what": what, "outcome": outcome}


def evidence(scene: Scene) -> list[Row]:
    """Answers of databases that were pinned to the incident, as they were."""
    most = current().escalation_rows
    rows = []
    for one in examine.evidence(scene.actor, scene.incident.pk):
        values = ", ".join(f"{name} = {value}" for name, value in one.read.values.items())
        rows.append(
            {
                "kind": "sql",
                "title": f"SQL: {one.title}",
                "query": one.read.sql + (f"\n-- with {values}" if values else ""),
                "command": "",
                "link": f"{current().public_url}/sql/evidence/{one.pk}",
                "columns": [str(name) for name in one.columns],
                "rows": [[_cell(cell) for cell in row] for row in one.rows[:most]],
                "matched": len(one.rows),
                "cut": max(len(one.rows) - most, 0),
                "said": f"of {one.read.connection.name} as it was {stamp(one.pinned_at)}"
                + (", and the answer itself was cut by a limit" if one.cut else ""),
            }
        )
    return rows


def _cell(value: Any) -> Any:
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)[: current().escalation_text]


def people(scene: Scene) -> list[list[str]]:
    """Whom to ask: who has it, who is on call, and the team of the service, with their addresses."""
    found: list[list[str]] = []
    if scene.incident.owner:
        found.append(["has the incident", str(scene.incident.owner), scene.incident.owner.email])
    for now in oncall.on_call_now(scene.actor):
        found += [[f"on call, {now.policy.name}", str(one), one.email] for one in now.people]
    service = scene.incident.service
    if service and service.team:
        found += [[f"team {service.team.name}", str(one), one.email] for one in service.team.members.all()[:10]]
    return _once(found)


def _once(rows: Iterable[list[str]]) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for role, name, mail in rows:
        if mail in found:
            found[mail][0] += f"; {role}"
        else:
            found[mail] = [role, name, mail]
    return list(found.values())


def clock_facts(scene: Scene) -> list[list[str]]:
    """How agreements stand, each with its reason."""
    found = clocks.of(scene.actor, scene.incident, scene.now)
    return [list(one) for one in found.told] if found else []


def log(scene: Scene) -> list[list[str]]:
    """The log of the incident, the newest entries of it if it is long."""
    entries = timeline.entries(scene.actor, scene.incident.pk)[-_ENTRIES:]
    return [[stamp(one.at), one.actor, one.text] for one in entries]
