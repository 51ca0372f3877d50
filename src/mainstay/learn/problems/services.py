"""What can be done with problems: make, take, dismiss, name the cause, plan the fix, verify. The one door to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.models import KnownError, Service
from mainstay.change.releases.models import Release
from mainstay.core import audit, clock, people
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Person
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.learn.problems import portraits, record
from mainstay.learn.problems.domain import course, recurrence
from mainstay.learn.problems.domain.course import Event, Kind
from mainstay.learn.problems.models import Occurrence, Problem
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident

State = Problem.State
LIVE = (State.OPEN, State.CAUSE_KNOWN, State.FIX_PLANNED, State.VERIFYING)
visible = record.visible
get = record.get


@dataclass(frozen=True)
class Wanted:
    """A problem that somebody makes, from incidents, a known error, a release that is to blame, or nothing of these."""

    title: str = ""
    incidents: Sequence[int] = ()
    known_error: str = ""
    release: int | None = None
    service: str = ""
    cause: str = ""


@transaction.atomic
def create(actor: Actor, wanted: Wanted) -> Problem:
    """Make a problem. Raises ``ProblemError`` that names the field."""
    require(actor, Right.RESPOND)
    known = _one(KnownError, {"key": wanted.known_error}, "known_error") if wanted.known_error else None
    release = _one(Release, {"pk": wanted.release}, "release") if wanted.release else None
    service = _one(Service, {"key": wanted.service}, "service") if wanted.service else None
    rows = [incidents.get(actor, number) for number in dict.fromkeys(wanted.incidents)]
    if known is not None and not rows:
        rows = list(Incident.objects.filter(known_error=known).order_by("-pk")[:50])
    title = wanted.title.strip() or (known.name if known else rows[0].title if rows else "")
    if release is not None and not title:
        title = f"{release.service.name} {release.version} did harm"
    if not title:
        raise bad_request("write what comes again", "title")
    problem = Problem.objects.create(
        title=title[:300],
        service=service or (release.service if release else rows[0].service if rows else None),
        state=State.OPEN,
        reason=f"made by {actor.name}",
        known_error=known,
        workaround=known.workaround if known else "",
        verify_days=current().problem_verify_days,
        owner_id=actor.person_id,
        made_at=clock.now(),
        made_by=actor.name,
    )
    record.note(actor, problem, "create", f"Made by {actor.name}: {problem.title}")
    for row in rows:
        record.link(actor, problem, row, f"said {actor.name}")
    if release is not None:
        record.note(actor, problem, "blame", f"{release} ({release.service.name} {release.version}) is to blame")
    _remember_traits(problem)
    said = wanted.cause.strip() or (f"{release.service.name} {release.version} ({release})" if release else "")
    if said:
        record.move(actor, problem, Event(Kind.NAME_CAUSE, clock.now(), said))
    return problem


def _one(model: Any, by: dict[str, Any], field: str) -> Any:
    found = model.objects.filter(**by).first()
    if found is None:
        raise bad_request(f"there is no {model._meta.verbose_name} {next(iter(by.values()))!r}", field)
    return found


def _remember_traits(problem: Problem) -> None:
    """What its incidents have in common and where they differ, as they are now."""
    numbers = list(problem.occurrences.values_list("incident", flat=True))
    if len(numbers) < 2:
        return
    same, varies = recurrence.traits(portraits.occurrences(numbers))
    problem.common = [{"name": one.name, "value": one.values[0][0]} for one in same]
    problem.differing = [{"name": one.name, "values": [list(pair) for pair in one.values]} for one in varies]
    problem.save(update_fields=["common", "differing"])


@transaction.atomic
def propose(actor: Actor, numbers: Sequence[int], reason: str) -> Problem:
    """Write down that incidents look like one thing coming again, for a person to take or dismiss."""
    require(actor, Right.RESPOND)
    rows = list(Incident.objects.filter(pk__in=numbers).select_related("service").order_by("-started_at"))
    problem = Problem.objects.create(
        title=rows[0].title[:300],
        service=rows[0].service,
        state=State.PROPOSED,
        reason=reason,
        verify_days=current().problem_verify_days,
        known_error=rows[0].known_error,
        made_at=clock.now(),
        made_by=actor.name,
    )
    record.note(actor, problem, "propose", f"Proposed: {reason}", incidents=list(numbers))
    for row in rows:
        record.link(actor, problem, row, reason)
    _remember_traits(problem)
    return problem


@transaction.atomic
def take(actor: Actor, number: int) -> Problem:
    """Take a proposal, or one that was dismissed after all."""
    problem = record.locked(actor, number)
    record.move(actor, problem, Event(Kind.TAKE, clock.now(), f"taken by {actor.name}"))
    if problem.owner_id is None and actor.person_id is not None:
        problem.owner_id = actor.person_id
        problem.save(update_fields=["owner"])
    return problem


@transaction.atomic
def dismiss(actor: Actor, number: int, reason: str) -> Problem:
    """Say that it is no problem, and why. The same incidents do not propose it again."""
    problem = record.locked(actor, number)
    record.move(actor, problem, Event(Kind.DISMISS, clock.now(), reason.strip()))
    return problem


@transaction.atomic
def name_cause(actor: Actor, number: int, cause: str, known_error: str = "", workaround: str = "") -> Problem:
    """Write the cause down, with the known error that tells of it and the workaround in place."""
    problem = record.locked(actor, number)
    known = _one(KnownError, {"key": known_error}, "known_error") if known_error else problem.known_error
    problem.known_error = known
    problem.workaround = workaround.strip() or problem.workaround or (known.workaround if known else "")
    record.move(actor, problem, Event(Kind.NAME_CAUSE, clock.now(), cause.strip()))
    problem.save()
    told = f"known error {known.key}" if known else "no known error"
    record.note(actor, problem, "workaround", f"With {told}; workaround: {problem.workaround or 'none'}")
    return problem


@dataclass(frozen=True)
class Fix:
    """What is to end a problem: a release, or a version that is to come, or something else in words."""

    release: int | None = None
    version: str = ""
    text: str = ""
    days: int | None = None


@transaction.atomic
def plan_fix(actor: Actor, number: int, fix: Fix) -> Problem:
    """Say what is to end it. With a release or a version the window of verification opens when that has finished."""
    problem = record.locked(actor, number)
    release = _one(Release, {"pk": fix.release}, "release") if fix.release else None
    version = fix.version.strip()[:200] or (release.version if release else "")
    if fix.days is not None and not 1 <= fix.days <= 365:
        raise bad_request("write a number of days from 1 to 365", "days")
    problem.fix_release, problem.fix_version = release, version
    problem.verify_days = fix.days or problem.verify_days
    said = ", ".join(part for part in (version, str(release) if release else "", fix.text.strip()) if part)
    record.move(actor, problem, Event(Kind.PLAN_FIX, clock.now(), said[:300]))
    problem.save()
    record.note(actor, problem, "fix", f"Fix: {said}; to be verified for {problem.verify_days} days")
    return problem


@transaction.atomic
def verify(actor: Actor, number: int) -> Problem:
    """Say that the fix is in place: from now on no recurrence is awaited."""
    problem = record.locked(actor, number)
    record.move(actor, problem, Event(Kind.FIX_DONE, clock.now()))
    return problem


@transaction.atomic
def reopen(actor: Actor, number: int, reason: str) -> Problem:
    """Say that it is not solved after all."""
    problem = record.locked(actor, number)
    record.move(actor, problem, Event(Kind.REOPEN, clock.now(), reason.strip()))
    return problem


@transaction.atomic
def add_incident(actor: Actor, number: int, incident: int) -> Problem:
    """Say that an incident belongs to it."""
    problem = record.locked(actor, number)
    record.link(actor, problem, incidents.get(actor, incident), f"said {actor.name}")
    _remember_traits(problem)
    return problem


@transaction.atomic
def remove_incident(actor: Actor, number: int, incident: int) -> Problem:
    """Say that an incident does not belong to it."""
    problem = record.locked(actor, number)
    if not Occurrence.objects.filter(problem=problem, incident=incident).delete()[0]:
        raise bad_request(f"INC-{incident} does not belong to {problem}", "incident")
    record.note(actor, problem, "incident_removed", f"INC-{incident} does not belong to it, said {actor.name}")
    _remember_traits(problem)
    return problem


@transaction.atomic
def assign(actor: Actor, number: int, email: str) -> Problem:
    """Give it to somebody."""
    problem = record.locked(actor, number)
    person: Person | None = people.find(email)
    if person is None or not person.is_active:
        raise bad_request("there is no such person", "owner")
    problem.owner = person
    problem.save(update_fields=["owner"])
    record.note(actor, problem, "assign", f"Given to {person} by {actor.name}", person=person.email)
    return problem


@transaction.atomic
def comment(actor: Actor, number: int, text: str) -> None:
    """Add a note to its log."""
    problem = record.locked(actor, number)
    if not text.strip():
        raise bad_request("write something", "text")
    problem.notes.create(at=clock.now(), who=actor.name, text=text.strip()[:2000])
    audit.record(actor, "problem.note", str(problem))


def of_incident(actor: Actor, number: int) -> QuerySet[Problem]:
    """The problems that an incident belongs to; those that were dismissed are left out."""
    return visible(actor).filter(occurrences__incident=number).exclude(state=State.DISMISSED)


def verified_until(problem: Problem) -> datetime | None:
    """When it counts as solved, once its fix is in place."""
    return record.standing(problem).until


def may(problem: Problem) -> dict[str, bool]:
    """What can be done with it, by name."""
    return {kind.name.lower(): course.possible(course.State(problem.state), kind) for kind in Kind}
