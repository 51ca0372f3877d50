"""What can be done with runs: write, dry-run, ask, approve, start, stop and resume. The one door to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.core import clock, doorbell, people
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Role
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.restore import review
from mainstay.restore.approval import Step as Decision
from mainstay.restore.runbooks import books, domain, facts, hosts, trial, trials
from mainstay.restore.runbooks.book import lint
from mainstay.restore.runbooks.book.inputs import InputError, checked
from mainstay.restore.runbooks.book.model import Book
from mainstay.restore.runbooks.execution import local
from mainstay.restore.runbooks.models import Run, StepRun, Trial

State = Run.State
OPEN = (State.DRAFT, State.REQUESTED, State.APPROVED, State.REJECTED)
LIVE = (State.WAITING, State.RUNNING, State.PERSON)
ENDED = (State.STOPPED, State.FAILED)


def visible(actor: Actor) -> QuerySet[Run]:
    """The one door to runs, newest first. They show production, so it takes a responder."""
    require(actor, Right.RESPOND)
    return Run.objects.select_related("version__book", "incident").order_by("-pk")


def get(actor: Actor, number: int) -> Run:
    """One run."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"run {number}")
    return found


def waiting_for(actor: Actor) -> QuerySet[Run]:
    """Runs that wait for people: for an approval that this actor may give, for an answer, or for a review."""
    mine = Q(requested_by=actor.person_id) | Q(version__author=actor.person_id) if actor.person_id else Q(pk=None)
    reviews = Q(reviewed_at=None) & ~Q(emergency="")
    return visible(actor).filter((Q(state=State.REQUESTED) & ~mine) | Q(state=State.PERSON) | reviews)


@transaction.atomic
def propose(
    actor: Actor,
    key: str,
    inputs: Mapping[str, Any],
    *,
    targets: Sequence[str] | None = None,
    reason: str = "",
    incident: int | None = None,
) -> Run:
    """Write a draft of a run of the present version of a book. Without ``targets`` it takes all that the book names."""
    version = books.version(actor, key)
    book = facts.book_of(version.text)
    run = Run(**review.begin(actor, incident), version=version, title=book.title, state=State.DRAFT)
    _fill(actor, run, book, inputs, targets, reason)
    run.save()
    review.note(actor, run, "draft", f"drafted: {run.title}", targets=len(run.targets), inputs=run.inputs)
    return run


@transaction.atomic
def edit(
    actor: Actor, number: int, inputs: Mapping[str, Any], *, targets: Sequence[str] | None = None, reason: str = ""
) -> Run:
    """Change what has not begun. An approval that was given or asked for is void."""
    run = review.locked(Run, actor, number)
    review.require_state(run, *OPEN)
    if run.started_at is not None and targets is not None and list(targets) != run.targets:
        raise bad_request("it has begun on its targets: make a new run for others", "targets")
    wanted = run.targets if targets is None or run.started_at is not None else targets
    _fill(actor, run, facts.book_of(run.version.text), inputs, wanted, reason or run.reason)
    review.void(run)
    run.requested_by_id, run.requested_name = actor.person_id, actor.name
    run.save()
    review.note(actor, run, "edit", "edited; approvals of it are void", inputs=run.inputs)
    return run


def _fill(
    actor: Actor, run: Run, book: Book, inputs: Mapping[str, Any], targets: Sequence[str] | None, reason: str
) -> None:
    if book.changes and not reason.strip():
        raise bad_request("write why, for whoever approves and for the record", "reason")
    try:
        run.inputs = checked(book, inputs)
    except InputError as error:
        raise bad_request(str(error), f"inputs.{error.name}") from None
    run.targets = hosts.chosen(actor, book, targets) if book.targets else []
    run.reason = reason.strip()


@transaction.atomic
def ask_dry_run(actor: Actor, number: int) -> Trial:
    """Let the worker say exactly what would run where, look whether it could, and run nothing but checks."""
    run = review.locked(Run, actor, number)
    review.require_state(run, *OPEN)
    return trials.ask(actor, run, run.version.text)


def dry_run(actor: Actor, number: int) -> Run:
    """Ask for a dry run and wait until the worker has made it, which takes some seconds."""
    trials.wait(ask_dry_run(actor, number).pk)
    fresh = get(actor, number)
    if fresh.dry_run_hash != facts.hash_of(fresh):
        raise ProblemError(409, "Edited meanwhile", "Somebody edited it during the dry run. Make it again.")
    return fresh


def dry_run_of_text(
    actor: Actor,
    text: str,
    inputs: Mapping[str, Any],
    *,
    targets: Sequence[str] | None = None,
    reason: str = "",
) -> dict[str, Any]:
    """The dry run of a text that may be no book of ours yet. Nothing of it is kept.

    It is made here, or by the worker when this process cannot become the user that steps run as.
    """
    book, problems = lint.check(text)
    if book is None:
        raise bad_request("; ".join(f"line {one}" for one in problems if not one.hint), "text")
    run = Run(title=book.title)
    _fill(actor, run, book, inputs, targets, reason or "dry run")
    if local.may_run_here():
        return trial.of_book(actor, book, run)
    return trials.wait(trials.ask(actor, run, text).pk)


@transaction.atomic
def request(actor: Actor, number: int) -> None:
    """Ask colleagues to approve exactly this version with these inputs on these targets."""
    run = review.locked(Run, actor, number)
    review.require_state(run, State.DRAFT)
    if not domain.needs_approval(facts.book_of(run.version.text)):
        raise ProblemError(409, "Not possible", "This book takes no approval: start it.")
    review.ask(actor, run, facts.hash_of(run))


@transaction.atomic
def approve(actor: Actor, number: int, seen_hash: str) -> None:
    """Approve exactly what was seen: ``seen_hash`` is that of the content on the approver's screen."""
    run = review.locked(Run, actor, number)
    review.approve(actor, run, facts.hash_of(run), seen_hash)


@transaction.atomic
def reject(actor: Actor, number: int, reason: str) -> None:
    """Say no, and why."""
    review.reject(actor, review.locked(Run, actor, number), reason)


@transaction.atomic
def withdraw(actor: Actor, number: int) -> None:
    """Give it up, also after it was stopped or has failed. What was done stays done."""
    run = review.locked(Run, actor, number)
    review.require_state(run, *OPEN, *ENDED)
    run.state, run.finished_at = State.WITHDRAWN, clock.now()
    run.save(update_fields=["state", "finished_at"])
    review.note(actor, run, "withdraw", f"withdrawn by {actor.name}")


def startable(run: Run) -> Decision:
    """Whether a run may be handed to the worker now, and why or why not."""
    book, begun = facts.book_of(run.version.text), run.started_at is not None
    return domain.may_start(
        book,
        approved=review.may_carry_out(run, facts.hash_of(run), begun=begun),
        is_current=run.version.book.current_id == run.version_id,
        enabled=run.version.book.enabled,
        targets=len(run.targets),
        most=current().runbook_max_targets,
        begun=begun,
    )


@transaction.atomic
def start(actor: Actor, number: int) -> None:
    """Hand an approved run to the worker, which asks the calendar before it works."""
    run = review.locked(Run, actor, number)
    review.require_state(run, State.DRAFT, State.APPROVED)
    review.require_step(startable(run))
    _hand_over(actor, run)
    review.note(actor, run, "start", f"started by {actor.name}", hash=facts.hash_of(run), inputs=run.inputs)


@transaction.atomic
def begin(
    actor: Actor,
    key: str,
    inputs: Mapping[str, Any],
    *,
    targets: Sequence[str] | None = None,
    reason: str,
    incident: int | None = None,
    automatic: str = "",
) -> Run:
    """A run, as far as it goes without a second person: one that takes one waits for it, any other is started.

    ``automatic`` says what began it when no person did.
    """
    made = propose(actor, key, inputs, targets=targets, reason=reason, incident=incident)
    made.automatic = automatic
    made.save(update_fields=["automatic"])
    if domain.needs_approval(facts.book_of(made.version.text)):
        request(actor, made.pk)
    else:
        start(actor, made.pk)
    return get(actor, made.pk)


@transaction.atomic
def break_glass(actor: Actor, number: int, reason: str) -> None:
    """Start a run without approval and against the calendar. It is told to every maintainer, and owes a review."""
    run = review.locked(Run, actor, number)
    review.require_state(run, *OPEN)
    if actor.person_id is None:
        raise ProblemError(403, "Not allowed", "Only a person who is signed in breaks the glass.")
    said = review.written(reason, "write what is at stake, in a sentence")
    if len(said) < 10:
        raise bad_request("write what is at stake, in a sentence", "reason")
    book = facts.book_of(run.version.text)
    pretended = Decision(True, "the glass was broken")
    review.require_step(
        domain.may_start(
            book,
            approved=pretended,
            is_current=run.version.book.current_id == run.version_id,
            enabled=run.version.book.enabled,
            targets=len(run.targets),
            most=current().runbook_max_targets,
            begun=run.started_at is not None,
        )
    )
    run.emergency = said
    _hand_over(actor, run)
    review.note(actor, run, "BREAK_GLASS", f"BROKE THE GLASS, by {actor.name}: {said}", reason=said, inputs=run.inputs)
    for person in people.visible(actor).filter(role__in=(Role.MAINTAINER, Role.ADMIN)):
        if person.pk != actor.person_id:
            review.tell(person, run, f"{actor.name} broke the glass for {run} ({run.title}): {said}")


def _hand_over(actor: Actor, run: Run) -> None:
    """Write down every step that will run, and let the worker take it."""
    book, now = facts.book_of(run.version.text), clock.now()
    have = set(run.steps.values_list("phase", "step", "target"))
    verify = [book.step(book.verify)] if book.verify else []
    made = [
        StepRun(run=run, phase=phase, place=place, step=step.id, target=target)
        for phase, steps in ((StepRun.Phase.MAIN, book.main), (StepRun.Phase.VERIFY, verify))
        for place, step in enumerate(steps)
        for target in (run.targets if step.each else [""])
        if (phase, step.id, target) not in have
    ]
    StepRun.objects.bulk_create(made, batch_size=500)
    anew = Q(state=StepRun.State.FAILED) | Q(phase__in=(StepRun.Phase.VERIFY, StepRun.Phase.UNDO))
    _again(run.steps.filter(anew), "runs again")
    run.state, run.state_reason, run.asked, run.look_at = State.WAITING, "", "", now
    run.started_by_id, run.finished_at, run.started_at = actor.person_id, None, now
    run.save()
    transaction.on_commit(lambda: doorbell.ring(doorbell.RUNS))


def _again(steps: QuerySet[StepRun], outcome: str) -> None:
    """Let steps run anew. What an attempt wrote is kept.

    A step by hand has no attempt; one that a person said cannot be done is asked for again.
    """
    steps.exclude(~Q(state=StepRun.State.FAILED), attempt=0).update(
        state=StepRun.State.WAITING, outcome=outcome, exit_code=None, until=None, ended_at=None, detail={}, answer=""
    )


@transaction.atomic
def resume(actor: Actor, number: int, inputs: Mapping[str, Any] | None = None) -> Run:
    """Go on from the step that failed. What is done stays done.

    With corrected ``inputs`` it is a draft again, and another person has to approve it before it goes on.
    """
    run = review.locked(Run, actor, number)
    review.require_state(run, *ENDED)
    if inputs is not None:
        before = run.inputs
        _fill(actor, run, facts.book_of(run.version.text), inputs, run.targets or None, run.reason)
        if run.inputs != before:
            review.void(run)
            run.emergency = ""
            run.requested_by_id, run.requested_name = actor.person_id, actor.name
            run.save()
            review.note(actor, run, "correct", "has other inputs; approvals of it are void", inputs=run.inputs)
            return run
    if not run.emergency:
        review.require_step(startable(run))
    _hand_over(actor, run)
    review.note(actor, run, "resume", f"resumed by {actor.name}")
    return run


@transaction.atomic
def stop(actor: Actor, number: int) -> None:
    """Panic: begin no more step, and kill those that run."""
    run = review.locked(Run, actor, number)
    review.require_state(run, *LIVE)
    _stop(actor, run)


@transaction.atomic
def stop_all(actor: Actor) -> int:
    """Panic: stop every run. Returns how many there were."""
    require(actor, Right.RESPOND)
    runs = list(Run.objects.select_for_update().filter(state__in=LIVE).exclude(asked="stop"))
    for run in runs:
        _stop(actor, run)
    return len(runs)


def _stop(actor: Actor, run: Run) -> None:
    if run.state == State.RUNNING:
        Run.objects.filter(pk=run.pk).update(asked="stop", state_reason=f"stopped by {actor.name}")
    else:
        Run.objects.filter(pk=run.pk).update(
            state=State.STOPPED, state_reason=f"stopped by {actor.name}", look_at=None, finished_at=clock.now()
        )
        run.leases.all().delete()
    review.note(actor, run, "stop", f"stopped by {actor.name}")
    transaction.on_commit(lambda: doorbell.ring(doorbell.RUNS))
