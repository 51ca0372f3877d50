"""What can be done with actions: make, change, end, remind, and keep in step with trackers. The one door to them."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from mainstay.core import audit, clock, feed, people
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.learn.problems import record
from mainstay.learn.problems.domain import actions as domain
from mainstay.learn.problems.models import Action
from mainstay.learn.trackers import domain as theirs
from mainstay.learn.trackers import services as trackers
from mainstay.learn.trackers.models import Fact, Issue
from mainstay.respond.comms import services as comms

State = Action.State
PURPOSE = "action"


@dataclass(frozen=True)
class Wanted:
    """An action that somebody asks for; ``owner`` is a mail address."""

    title: str
    kind: str
    owner: str
    due: date


def visible(actor: Actor) -> QuerySet[Action]:
    """The one door to actions: what is due first comes first."""
    require(actor, Right.READ)
    return Action.objects.select_related("problem", "owner").order_by("due", "pk")


def get(actor: Actor, number: int) -> Action:
    """One action."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"action {number}")
    return found


def issues_of(actor: Actor, numbers: list[int]) -> dict[int, list[Issue]]:
    """The issues in trackers of several actions."""
    rows = trackers.issues(actor).filter(purpose=PURPOSE, ref__in=[str(one) for one in numbers]).order_by("pk")
    found: dict[int, list[Issue]] = {}
    for row in rows:
        found.setdefault(int(row.ref), []).append(row)
    return found


def late(one: Action) -> int:
    """Days that an open action is overdue, in its owner's zone; 0 while there is time."""
    if one.state != State.OPEN:
        return 0
    return max(domain.days_late(one.due, timezone.localtime(clock.now(), _zone(one.owner)).date()), 0)


@transaction.atomic
def create(actor: Actor, problem: int, wanted: Wanted) -> Action:
    """Write an action down. Raises ``ProblemError`` that names the field."""
    held = record.locked(actor, problem)
    title = " ".join(wanted.title.split())
    if not title:
        raise bad_request("write what is to be done", "title")
    if wanted.kind not in Action.Kind.values:
        raise bad_request(f"write one of {', '.join(Action.Kind.values)}", "kind")
    owner = _owner(wanted.owner)
    made = Action(
        problem=held,
        title=title[:250],
        kind=wanted.kind,
        owner=owner,
        due=wanted.due,
        made_at=clock.now(),
        made_by=actor.name,
    )
    _plan(made, clock.now())
    made.save()
    record.note(actor, held, "action", f"{made}: {made.title}, {owner} until {made.due}", about=str(made))
    return made


def _owner(email: str) -> Person:
    found = people.find(email)
    if found is None or not found.is_active:
        raise bad_request("there is no such person", "owner")
    return found


def _zone(owner: Person | None) -> ZoneInfo:
    return ZoneInfo((owner.timezone if owner else "") or str(current().default_timezone))


def _rhythm() -> domain.Rhythm:
    return domain.Rhythm(current().action_remind_days, current().action_overdue_days)


def _plan(one: Action, since: datetime) -> None:
    """When its owner is reminded next."""
    one.remind_at = (
        domain.next_reminder(one.due, _rhythm(), _zone(one.owner), since)
        if one.state == State.OPEN and one.owner
        else None
    )


def _locked(actor: Actor, number: int) -> Action:
    require(actor, Right.RESPOND)
    found = Action.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"action {number}")
    return found


@transaction.atomic
def change(actor: Actor, number: int, owner: str = "", due: date | None = None) -> Action:
    """Give it to somebody else, or another date."""
    one = _locked(actor, number)
    if one.state != State.OPEN:
        raise ProblemError(409, "Not possible", f"{one} is {one.get_state_display().lower()}.")
    one.owner = _owner(owner) if owner else one.owner
    one.due = due or one.due
    _plan(one, clock.now())
    one.save()
    record.note(actor, one.problem, "action_change", f"{one}: {one.owner} until {one.due}", about=str(one))
    return one


@transaction.atomic
def done(actor: Actor, number: int, evidence: str) -> Action:
    """Say that it is done, and by what that can be seen."""
    return _end(actor, _locked(actor, number), State.DONE, evidence, "write by what it can be seen that it is done")


@transaction.atomic
def drop(actor: Actor, number: int, reason: str) -> Action:
    """Say that it will not be done, and why."""
    return _end(actor, _locked(actor, number), State.DROPPED, reason, "write why it is not done")


def _end(actor: Actor, one: Action, state: str, said: str, remedy: str, *, tell: bool = True) -> Action:
    if one.state != State.OPEN:
        raise ProblemError(409, "Not possible", f"{one} is {one.get_state_display().lower()}.")
    if not said.strip():
        raise bad_request(remedy, "text")
    one.state, one.said, one.ended_at, one.ended_by = state, said.strip()[:4000], clock.now(), actor.name
    _plan(one, clock.now())
    one.save()
    record.note(
        actor, one.problem, "action_end", f"{one} is {one.get_state_display().lower()}: {one.said}", about=str(one)
    )
    if tell:
        _tell_trackers(actor, one, theirs.State.DONE if state == State.DONE else theirs.State.REFUSED, one.said)
    return one


@transaction.atomic
def reopen(actor: Actor, number: int, reason: str) -> Action:
    """Say that it is not done after all."""
    one = _locked(actor, number)
    if not reason.strip():
        raise bad_request("write why it is not done", "text")
    _reopen(actor, one, reason.strip())
    _tell_trackers(actor, one, theirs.State.OPEN, reason.strip())
    return one


def _reopen(actor: Actor, one: Action, reason: str) -> None:
    if one.state == State.OPEN:
        raise ProblemError(409, "Not possible", f"{one} is open.")
    one.state, one.ended_at, one.ended_by = State.OPEN, None, ""
    _plan(one, clock.now())
    one.save()
    record.note(actor, one.problem, "action_reopen", f"{one} is open again: {reason}", about=str(one))


def _tell_trackers(actor: Actor, one: Action, state: theirs.State, said: str) -> None:
    for issue in trackers.of(actor, PURPOSE, str(one.pk)):
        trackers.comment(actor, issue, said)
        if issue.state != state:
            trackers.move(actor, issue, state)


@transaction.atomic
def track(actor: Actor, number: int, tracker: str = "", issue: str = "") -> Issue:
    """Make an issue for it in a tracker, or link one that is there; without a tracker that of the problem's service."""
    one = _locked(actor, number)
    problem = one.problem
    place = trackers.tracker_of(actor, tracker) if tracker else trackers.for_service(actor, problem.service)
    if place is None:
        raise bad_request("no tracker takes issues of this service; write one into a configuration file", "tracker")
    facts = f"- From {problem}: {problem.title}\n- Owner: {one.owner}\n- Due: {one.due}"
    cause = f"\n\n## Cause\n\n{problem.cause}" if problem.cause else ""
    text = f"{one.get_kind_display()}: {one.title}\n\n{facts}{cause}"
    wanted = trackers.Wanted(PURPOSE, str(one.pk), one.title, text, f"/problems/{problem.pk}")
    made = trackers.link_issue(actor, place, wanted, issue) if issue else trackers.open_issue(actor, place, wanted)
    record.note(actor, problem, "action_track", f"{one} is followed in {place.name}", about=str(one))
    return made


@transaction.atomic
def comment(actor: Actor, number: int, text: str) -> None:
    """Say something about it, here and in its trackers."""
    one = _locked(actor, number)
    if not text.strip():
        raise bad_request("write something", "text")
    record.note(actor, one.problem, "action_note", f"{one}: {text.strip()}", about=str(one))
    for issue in trackers.of(actor, PURPOSE, str(one.pk)):
        trackers.comment(actor, issue, text)


def hear() -> int:
    """Take what happened to issues of actions in their trackers. Returns how many facts were taken."""
    taken = 0
    for fact in trackers.untaken(PURPOSE):
        with transaction.atomic():
            if trackers.take(fact):
                _hear(fact)
                taken += 1
    return taken


def _hear(fact: Fact) -> None:
    one = Action.objects.select_for_update().select_related("problem").filter(pk=fact.issue.ref).first()
    if one is None:
        return
    by = Actor(f"{fact.who or fact.issue.tracker.name} ({fact.issue.tracker.name})", Right.RESPOND, via="tracker")
    if fact.kind == Fact.Kind.COMMENT:
        record.note(by, one.problem, "action_note", f"{one}: {fact.text}", about=str(one))
        return
    heard = domain.heard(domain.State(one.state), fact.after, f"{fact.issue.tracker.name} {fact.issue.number}")
    if heard.after == one.state:
        record.note(by, one.problem, "action_heard", f"{one}: {heard.reason}", about=str(one))
    elif heard.after is domain.State.DONE:
        _end(by, one, State.DONE, f"{heard.reason}: {fact.issue.url}", "", tell=False)
    else:
        _reopen(by, one, heard.reason)


def remind_due(limit: int = 50) -> int:
    """Remind owners of what is due or overdue, by mail and on an open screen. Returns how many were reminded."""
    now, told = clock.now(), 0
    for number in list(Action.objects.filter(remind_at__lte=now).values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            one = Action.objects.select_for_update(of=("self",)).select_related("problem", "owner").get(pk=number)
            if one.state != State.OPEN or one.remind_at is None or one.remind_at > now or one.owner is None:
                continue
            _remind(one, one.owner)
            _plan(one, now)
            one.save(update_fields=["remind_at"])
            told += 1
    return told


def _remind(one: Action, owner: Person) -> None:
    days = domain.days_late(one.due, timezone.localtime(clock.now(), _zone(owner)).date())
    when = f"overdue for {days} days" if days > 0 else "due today" if days == 0 else f"due on {one.due}"
    subject = f"{one} is {when}: {one.title}"
    text = (
        f"{one.title}\n{one.get_kind_display()}. Of {one.problem}: {one.problem.title}\nDue on {one.due}.\n\n"
        f"{current().public_url}/problems/{one.problem_id}#h-actions\n"
    )
    if owner.is_active:
        comms.tell_person(str(one), owner.email, subject, text)
        link = f"/problems/{one.problem_id}#h-actions"
        feed.tell("page", "action", person_id=owner.pk, key=f"{one}-{one.due}-{days}", subject=subject[:300], link=link)
    audit.record(SYSTEM, "action.remind", str(one), owner=owner.email, days_late=days)
