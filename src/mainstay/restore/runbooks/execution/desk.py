"""SQL steps, through the desk: reads are judged, and a change becomes a correction that people approve there."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mainstay.core import clock
from mainstay.core.access import SYSTEM, Actor, of_person
from mainstay.core.problems import ProblemError
from mainstay.observe.metrics import services as metrics
from mainstay.observe.metrics.promql import PromQLError
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.inputs import in_statement
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.programs import NotBegunError
from mainstay.restore.runbooks.execution.setting import Outcome, Setting, State, expected, in_thread
from mainstay.restore.runbooks.models import Run
from mainstay.restore.sqldesk.correct import services as corrections
from mainstay.restore.sqldesk.domain.checks import holds
from mainstay.restore.sqldesk.examine import services as reads
from mainstay.restore.sqldesk.models import Correction

_SHOWN = 200
# How often a step looks what became of its correction.
LOOK = timedelta(seconds=5)
_WAITS = frozenset(
    {
        *(Correction.State.DRAFT, Correction.State.REQUESTED, Correction.State.APPROVED, Correction.State.QUEUED),
        *(Correction.State.RUNNING, Correction.State.PAUSED, Correction.State.UNKNOWN),
    }
)


def actor_of(run: Run) -> Actor:
    """As whom the desk and the gate are asked: whoever started the run, else Mainstay."""
    return of_person(run.started_by, via="runbook") if run.started_by is not None else SYSTEM


async def run(setting: Setting, step: Step, output: Output) -> Outcome:
    """Read, or draft a change and wait for it."""
    if step.write:
        return await in_thread(setting, lambda: _draft(setting, step))
    names, rows = await in_thread(setting, lambda: _read(setting, step))
    output.feed("out", ("\t".join(names) + "\n").encode())
    for row in rows[:_SHOWN]:
        output.feed("out", ("\t".join(map(str, row)) + "\n").encode())
    if len(rows) > _SHOWN:
        output.log(f"{len(rows) - _SHOWN} more rows")
    if step.kind == model.CHECK and not step.expect:
        good = holds([tuple(row) for row in rows])
        return Outcome(State.DONE, "it is so") if good else Outcome(State.FAILED, "it is not so")
    return expected(step, output, f"{len(rows)} rows")


def _values(setting: Setting, step: Step) -> Mapping[str, Any]:
    have = setting.values()
    return {name: have.get(name, "") for name in in_statement(step.text)}


def _read(setting: Setting, step: Step) -> tuple[list[str], list[list[Any]]]:
    actor = actor_of(setting.run)
    try:
        read = reads.begin(
            actor,
            step.connection,
            step.text,
            _values(setting, step),
            incident=setting.run.incident_id,
            reason=f"{setting.run}: {step.title}",
        )
        _, reading, rows = reads.run(actor, read)
    except ProblemError as error:
        raise NotBegunError(f"{step.connection}: {error.detail}") from None
    return reading.names, rows


def _draft(setting: Setting, step: Step) -> Outcome:
    """A correction, previewed and sent for approval. The desk's own rules hold for it."""
    actor = actor_of(setting.run)
    fields = {
        "title": f"{setting.run}: {step.title}"[:200],
        "reason": setting.run.reason or setting.run.title,
        "statements": [step.text],
        "parameters": dict(_values(setting, step)),
        "expected_rows": step.rows,
    }
    try:
        made = corrections.propose(actor, step.connection, fields, setting.run.incident_id)
        corrections.preview(actor, made.pk)
        corrections.request(actor, made.pk)
    except ProblemError as error:
        raise NotBegunError(f"{step.connection}: {error.detail}") from None
    return Outcome(
        State.WAITING,
        f"{made} waits for approval at the SQL desk",
        until=clock.now() + LOOK,
        detail={"correction": made.pk},
    )


def became(number: int) -> Outcome:
    """What has become of a correction by now."""
    made = Correction.objects.filter(pk=number).first()
    if made is None:
        return Outcome(State.FAILED, f"COR-{number} is not there any more")
    said = f"{made} is {made.get_state_display().lower()}"
    if made.state in _WAITS:
        return Outcome(State.WAITING, said, until=clock.now() + LOOK, detail={"correction": number})
    return Outcome(State.DONE if made.state == Correction.State.DONE else State.FAILED, said)


async def ask_metrics(setting: Setting, step: Step, output: Output) -> Outcome:
    """A check by PromQL holds when the expression gives any series."""
    try:
        found = await in_thread(setting, lambda: metrics.evaluate(SYSTEM, step.text.strip()))
    except (PromQLError, TelemetryError) as error:
        raise NotBegunError(f"the expression cannot be evaluated: {error}") from None
    for labels, value in found[:_SHOWN]:
        inner = ",".join(f'{name}="{one}"' for name, one in sorted(labels.items()))
        output.feed("out", f"{{{inner}}} {value:g}\n".encode())
    return Outcome(State.DONE, f"{len(found)} series") if found else Outcome(State.FAILED, "no series")
