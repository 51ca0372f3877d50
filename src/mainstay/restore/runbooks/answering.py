"""What people tell a run: answers to questions, outcomes that nobody else knows, and reviews of a broken glass."""

from django.db import transaction

from mainstay.core import clock, doorbell
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.restore import review as reviewing
from mainstay.restore.runbooks import facts
from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.inputs import InputError, fitting
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.models import Run, StepRun

State = StepRun.State
DONE, NOT_DONE, AGAIN = "done", "not done", "again"
_BECOMES = {DONE: State.DONE, NOT_DONE: State.FAILED, AGAIN: State.WAITING}


@transaction.atomic
def answer(actor: Actor, step_run: int, what: str, text: str = "") -> None:
    """Answer a step that waits for a person, or whose outcome nobody knows.

    ``what`` is ``done``, ``not done``, or ``again`` where it ran already. ``text`` is the answer to a question, which
    takes ``done``; for an outcome that was unknown it says how one knows.
    """
    require(actor, Right.RESPOND)
    number = StepRun.objects.filter(pk=step_run).values_list("run_id", flat=True).first()
    if number is None:
        raise not_found(f"step {step_run}")
    run = reviewing.locked(Run, actor, number)
    cell = StepRun.objects.get(pk=step_run)
    if run.state not in {Run.State.WAITING, Run.State.RUNNING, Run.State.PERSON}:
        raise ProblemError(409, "Not possible", f"{run} is {run.get_state_display().lower()}: resume it first.")
    if cell.state not in {State.PERSON, State.UNKNOWN}:
        raise ProblemError(409, "Not possible", f"{cell} is {cell.get_state_display().lower()}; nothing is asked.")
    if what not in _BECOMES or (what == AGAIN and not cell.attempt):
        raise bad_request("write done, not done, or again where it ran before", "what")
    step = facts.book_of(run.version.text).step(cell.step)
    said = _said(step, cell, what, text.strip())
    cell.state, cell.by = _BECOMES[what], actor.name
    cell.answer = said if step.kind == model.ASK else ""
    cell.outcome = f"{actor.name}: {what}" + (f", {said}" if said else "")
    cell.ended_at = clock.now() if what != AGAIN else None
    cell.save(update_fields=["state", "by", "answer", "outcome", "ended_at"])
    reviewing.note(actor, run, "answer", f"{cell}: {cell.outcome}", step=cell.step, where=cell.target)
    if run.state == Run.State.PERSON:
        Run.objects.filter(pk=run.pk).update(state=Run.State.WAITING, look_at=clock.now())
    transaction.on_commit(lambda: doorbell.ring(doorbell.RUNS))


def _said(step: Step, cell: StepRun, what: str, text: str) -> str:
    if step.kind == model.ASK and what == DONE:
        if step.choices and text not in step.choices:
            raise bad_request(f"write one of {', '.join(step.choices)}", "text")
        if not text:
            raise bad_request("write an answer", "text")
    elif cell.state == State.UNKNOWN and not text:
        raise bad_request("write how you know", "text")
    try:
        return fitting(step.id, text)
    except InputError as error:
        raise bad_request(str(error), "text") from None


@transaction.atomic
def review(actor: Actor, number: int, text: str) -> None:
    """Say what came of a broken glass. Not by whoever broke it."""
    require(actor, Right.MAINTAIN)
    run = reviewing.locked(Run, actor, number)
    if not run.emergency:
        raise ProblemError(409, "Not possible", f"Nobody broke the glass for {run}.")
    if actor.person_id is None or actor.person_id == run.started_by_id:
        raise ProblemError(403, "Not allowed", "Whoever broke the glass does not review it. Ask a colleague.")
    if run.reviewed_at is not None:
        raise ProblemError(409, "Reviewed", f"{run.reviewed_name} has reviewed this already.")
    said = text.strip()[:2000]
    if not said:
        raise bad_request("write what you found: was it right, and what follows", "text")
    run.reviewed_by_id, run.reviewed_name, run.reviewed_at, run.review = actor.person_id, actor.name, clock.now(), said
    run.save(update_fields=["reviewed_by", "reviewed_name", "reviewed_at", "review"])
    reviewing.note(actor, run, "review", f"reviewed by {actor.name}: {said}", review=said)
