"""Problems as rows: the door to them, holding one, and what is written on its log."""

from typing import Any

from django.db.models import QuerySet

from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.learn.problems.domain import course
from mainstay.learn.problems.domain.course import Event, Kind, Standing
from mainstay.learn.problems.models import Occurrence, Problem
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline import services as timeline


def visible(actor: Actor) -> QuerySet[Problem]:
    """The one door to problems, the latest first."""
    require(actor, Right.READ)
    return Problem.objects.select_related("service", "known_error", "owner", "fix_release__service").order_by("-pk")


def get(actor: Actor, number: int) -> Problem:
    """One problem."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"problem {number}")
    return found


def locked(actor: Actor, number: int) -> Problem:
    """A problem to act on, held for the caller's transaction."""
    require(actor, Right.RESPOND)
    found = Problem.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"problem {number}")
    return found


def note(actor: Actor, problem: Problem, deed: str, said: str, **detail: Any) -> None:
    """Its own log, the audit log and open screens, in the caller's transaction."""
    problem.notes.create(at=clock.now(), who=actor.name, text=said[:2000])
    audit.record(actor, f"problem.{deed}", str(problem), said=said[:500], **detail)
    feed.tell("problem", problem.pk)


def standing(problem: Problem) -> Standing:
    """A problem as the decision needs it."""
    return Standing(course.State(problem.state), problem.cause, problem.fix, problem.fixed_at, problem.verify_days)


def move(actor: Actor, problem: Problem, event: Event) -> course.Decision:
    """Let something happen to a locked problem. Raises ``ProblemError`` with the reason when it cannot."""
    before = standing(problem)
    decision = course.decide(before, event)
    if not decision.allowed:
        if not event.text.strip() and decision.reason.startswith("write"):
            raise bad_request(decision.reason, "text")
        raise ProblemError(409, "Not possible", f"{problem}: {decision.reason}.")
    if not decision.moved(before):
        return decision
    after = decision.after
    problem.state, problem.reason = after.state.value, decision.reason
    problem.cause, problem.fix, problem.fixed_at = after.cause, after.fix[:300], after.since
    ended = after.state in {course.State.SOLVED, course.State.DISMISSED}
    problem.ended_at = clock.now() if ended else None
    problem.save()
    deed = event.kind.value.replace(" ", "_")
    note(actor, problem, deed, f"{problem.get_state_display()}: {decision.reason}", state=problem.state)
    return decision


def link(actor: Actor, problem: Problem, incident: Incident, why: str) -> bool:
    """Say that an incident belongs to a locked problem, which it may open again. Returns whether that is new."""
    _, new = Occurrence.objects.get_or_create(
        problem=problem, incident=incident, defaults={"at": clock.now(), "who": actor.name, "why": why[:300]}
    )
    if not new:
        return False
    timeline.record(incident.pk, "problem", f"Belongs to {problem} ({problem.title}): {why}", actor.name)
    note(actor, problem, "incident", f"{incident} belongs to it: {why}", incident=incident.pk)
    move(actor, problem, Event(Kind.RECUR, incident.started_at, str(incident)))
    return True
