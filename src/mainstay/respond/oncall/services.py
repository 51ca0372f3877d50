"""Run escalations: start with a snapshot of the policy, page step after step, stop when somebody has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.core import clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Person
from mainstay.respond.oncall import domain
from mainstay.respond.oncall.models import Escalation, EscalationPolicy, Rotation
from mainstay.respond.paging import services as paging
from mainstay.respond.timeline import services as timeline

# An escalation that reached nobody is begun anew after this long.
RETRY_UNREACHED = timedelta(minutes=5)


def policy_for(service_key: str | None, team_key: str | None) -> tuple[EscalationPolicy | None, str]:
    """The policy that holds for a service, and why: one that names it, else its team's, else the default."""
    policies = EscalationPolicy.objects.prefetch_related("steps")
    if service_key:
        named = policies.filter(services__key=service_key).order_by("key").first()
        if named:
            return named, f"{named.name} names {service_key}"
    if team_key:
        of_team = policies.filter(team__key=team_key).order_by("key").first()
        if of_team:
            return of_team, f"{of_team.name} is the policy of the owner team"
    default = policies.filter(is_default=True).order_by("key").first()
    return default, f"{default.name} is the default policy" if default else "no escalation policy holds for it"


def snapshot_of(policy: EscalationPolicy) -> dict[str, Any]:
    """What an escalation keeps of a policy, so that a later edit does not change it under way."""
    return {
        "key": policy.key,
        "name": policy.name,
        "repeat": policy.repeat,
        "steps": [
            {"people": step.people, "rotations": step.rotations, "wait_seconds": step.wait_seconds}
            for step in policy.steps.all()
        ],
    }


def turns() -> list[domain.Turns]:
    """All rotations as the domain sees them."""
    return [_turns_of(row) for row in Rotation.objects.all()]


def _turns_of(row: Rotation) -> domain.Turns:
    return domain.Turns(row.key, row.timezone, tuple(row.people), row.starts_on, row.handover, row.days)


def start(incident_id: int, priority: int, service_key: str | None, team_key: str | None, reason: str) -> None:
    """Begin to page for an incident, in the caller's transaction, with its first step at once.

    A running escalation of the incident goes on and no second one begins.
    """
    if Escalation.objects.filter(incident_id=incident_id, state=Escalation.State.RUNNING).exists():
        return
    policy, why = policy_for(service_key, team_key)
    if policy is None or not policy.steps.all():
        timeline.record(
            incident_id, "escalation", f"Nobody is paged: {why if policy is None else policy.name + ' has no steps'}"
        )
        return
    now = clock.now()
    escalation = Escalation.objects.create(
        incident_id=incident_id,
        snapshot=snapshot_of(policy),
        next_at=now,
        started_at=now,
        reason=f"{reason}; {why}"[:300],
    )
    _advance(escalation, priority, now)


def stop(incident_id: int, reason: str) -> None:
    """Page nobody more for an incident, and take back what is not on its way yet."""
    Escalation.objects.filter(incident_id=incident_id, state=Escalation.State.RUNNING).update(
        state=Escalation.State.STOPPED, reason=reason[:300]
    )
    paging.drop_waiting(incident_id)


# Pages that belong to no step of a policy are numbered from here, so that each is written once.
TOLD = 1_000_000


def tell(incident_id: int, priority: int, owner_id: int | None, mark: int, reason: str) -> None:
    """Page whoever has an incident, or was paged for it, with something to know; once for each mark.

    In the caller's transaction. Without an escalation nobody can be paged, and only open screens show it.
    """
    latest = Escalation.objects.filter(incident_id=incident_id).order_by("-started_at", "-pk").first()
    concerned = Q(pk=owner_id) if owner_id else Q(pages__incident_id=incident_id)
    people = list(Person.objects.filter(concerned).distinct())
    if latest is not None:
        paging.page(latest.pk, incident_id, priority, TOLD + mark, people, reason)
        return
    for person in people:
        key, link = f"incident-{incident_id}-{mark}", f"/i/{incident_id}"
        feed.tell("page", f"INC-{incident_id}", person_id=person.pk, key=key, subject=reason[:300], link=link)


def hasten(incident_id: int, reason: str) -> bool:
    """Make the next step due now. Returns whether there is one."""
    due = Escalation.objects.filter(incident_id=incident_id, state=Escalation.State.RUNNING)
    running = due.first()
    if running is None or running.next_step >= domain.steps_in(running.snapshot):
        return False
    return due.filter(next_step=running.next_step).update(next_at=clock.now(), reason=reason[:300]) == 1


def run_due(limit: int = 100) -> int:
    """Take every step that is due. Each is one commit: who is paged, the log, and when the next step is due."""
    now = clock.now()
    due = Escalation.objects.filter(state=Escalation.State.RUNNING, next_at__lte=now).order_by("next_at")
    incidents = Escalation.incident.field.related_model._default_manager
    done = 0
    for pk, step in list(due.values_list("pk", "next_step")[:limit]):
        with transaction.atomic():
            # The incident is locked first, here and by whoever acknowledges it, so that neither waits for the other.
            incidents.select_for_update().filter(escalations=pk).first()
            # Whoever moves the step on from the number that was read has won it; another worker finds no row.
            won = Escalation.objects.filter(pk=pk, state=Escalation.State.RUNNING, next_step=step, next_at__lte=now)
            if won.update(next_at=now + timedelta(minutes=5)) != 1:
                continue
            escalation = Escalation.objects.select_related("incident").get(pk=pk)
            _advance(escalation, escalation.incident.priority, now)
            done += 1
    return done


def hasten_hopeless() -> int:
    """Go on at once where the pages of the last step reached nobody and can reach nobody any more."""
    now, done = clock.now(), 0
    running = Escalation.objects.filter(state=Escalation.State.RUNNING, next_at__gt=now, next_step__gt=0)
    last_pages = {
        escalation: [page.pk for page in escalation.pages.all() if page.step == escalation.next_step - 1]
        for escalation in running.prefetch_related("pages")
    }
    hopeful = paging.hopeful([pk for pages in last_pages.values() for pk in pages])
    for escalation, pages in last_pages.items():
        if not pages or hopeful & set(pages):
            continue
        if hasten(escalation.incident_id, "no page of the last step got through"):
            timeline.record(escalation.incident_id, "escalation", "No page of this step got through; going on at once")
            done += 1
    return done


def _advance(escalation: Escalation, priority: int, now: datetime) -> None:
    """Take the due step, and those after it for as long as a step reaches nobody."""
    known = turns()
    while True:
        due = domain.due_step(escalation.snapshot, escalation.next_step, known, now)
        if due is None:
            escalation.state = Escalation.State.EXHAUSTED
            escalation.save(update_fields=["state"])
            name, told = escalation.snapshot["name"], escalation.pages.exists()
            sentence = (
                f"Everybody in {name} was paged and nobody acknowledged" if told else f"Nobody in {name} could be paged"
            )
            timeline.record(escalation.incident_id, "escalation", sentence)
            return
        people = {person.email: person for person in Person.objects.filter(email__in=due.people)}
        for missing in [email for email in due.people if email not in people]:
            timeline.record(escalation.incident_id, "escalation", f"{missing} has no account and cannot be paged")
        paged = paging.page(
            escalation.pk,
            escalation.incident_id,
            priority,
            escalation.next_step,
            [people[email] for email in due.people if email in people],
            due.reason,
        )
        escalation.next_step += 1
        escalation.next_at = now + due.wait
        escalation.save(update_fields=["next_step", "next_at"])
        if paged.people:
            return


@dataclass(frozen=True)
class Next:
    """What comes next in an escalation, for screens."""

    policy: str
    people: tuple[str, ...]
    at: datetime | None
    state: str


def next_of(incident_id: int) -> Next | None:
    """Who is paged next for an incident, and when."""
    return next_of_many([incident_id]).get(incident_id)


def next_of_many(incident_ids: Sequence[int]) -> dict[int, Next]:
    """Who is paged next, and when, for each of these incidents that was ever escalated. Three queries in all."""
    # A later escalation of the same incident takes the place of an earlier one.
    found = Escalation.objects.filter(incident_id__in=incident_ids).order_by("started_at", "pk")
    latest = {escalation.incident_id: escalation for escalation in found}
    known = turns() if latest else []
    due = {
        pk: domain.due_step(one.snapshot, one.next_step, known, one.next_at)
        for pk, one in latest.items()
        if one.state == Escalation.State.RUNNING
    }
    emails = {email for step in due.values() if step for email in step.people}
    names = dict(Person.objects.filter(email__in=emails).values_list("email", "name")) if emails else {}
    answer = {}
    for pk, one in latest.items():
        step = due.get(pk)
        people = tuple(names.get(email) or email for email in step.people) if step else ()
        answer[pk] = Next(one.snapshot["name"], people, one.next_at if pk in due else None, one.state)
    return answer


@dataclass(frozen=True)
class OnCallNow:
    """Who has a policy at this moment: the people of its first step, until when, and who follows."""

    policy: EscalationPolicy
    people: tuple[Person, ...]
    until: datetime | None
    then: str


def on_call_now(actor: Actor) -> list[OnCallNow]:
    """For every policy, who would be paged first now."""
    require(actor, Right.READ)
    now = clock.now()
    known = {one.key: one for one in turns()}
    everybody = {person.email: person for person in Person.objects.filter(is_active=True)}
    found = []
    for policy in visible_policies(actor):
        steps = list(policy.steps.all())
        emails, until, then = list(steps[0].people) if steps else [], None, ""
        for key in steps[0].rotations if steps else []:
            turn = domain.turn_at(known[key], now) if key in known else None
            if turn:
                emails.append(turn.person)
                if turn.next_person == turn.person:
                    continue  # Nobody takes over, so there is no end to tell.
                until = min(until, turn.until) if until else turn.until
                follower = everybody.get(turn.next_person)
                then = follower.name if follower else turn.next_person
        people = tuple(everybody[email] for email in dict.fromkeys(emails) if email in everybody)
        found.append(OnCallNow(policy, people, until, then))
    return found


def visible_policies(actor: Actor) -> QuerySet[EscalationPolicy]:
    """The one door to escalation policies."""
    require(actor, Right.READ)
    return EscalationPolicy.objects.select_related("team").prefetch_related("steps", "services").order_by("name")


@dataclass(frozen=True)
class RotationNow:
    """A rotation with whose turn it is now. ``turn`` is nothing when it has no people."""

    rotation: Rotation
    turn: domain.Turn | None
    names: dict[str, str]


def rotations_now(actor: Actor) -> list[RotationNow]:
    """Every rotation and whose turn it is, by name. ``names`` are the people's names by address."""
    require(actor, Right.READ)
    now = clock.now()
    rows = list(Rotation.objects.order_by("name"))
    emails = {email for row in rows for email in row.people}
    names = dict(Person.objects.filter(email__in=emails).values_list("email", "name"))
    return [RotationNow(row, domain.turn_at(_turns_of(row), now), names) for row in rows]


def overdue(now: datetime, grace: timedelta) -> list[int]:
    """Incidents whose next step should have happened and did not."""
    late = Escalation.objects.filter(state=Escalation.State.RUNNING, next_at__lt=now - grace)
    return list(late.values_list("incident_id", flat=True)[:20])


def without_escalation(incident_ids: list[int]) -> list[int]:
    """Those of the given incidents of which nobody is being told and nobody was.

    An exhausted escalation counts when one of its pages was sent; one that reached nobody at all counts for five
    minutes, so that it is tried anew now and then and not without a pause.
    """
    recent = clock.now() - RETRY_UNREACHED
    known = Escalation.objects.filter(incident_id__in=incident_ids).filter(
        Q(state=Escalation.State.RUNNING)
        | Q(state=Escalation.State.EXHAUSTED, pages__attempts__state="sent")
        | Q(state=Escalation.State.EXHAUSTED, started_at__gt=recent)
    )
    return sorted(set(incident_ids) - set(known.values_list("incident_id", flat=True)))


def tell_screens() -> None:
    """Let open screens look again at who is on call."""
    feed.tell("oncall")
