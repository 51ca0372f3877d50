"""What can be done with incidents: open or join, acknowledge, pass on, snooze, restore, resolve, and their log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog import services as catalog
from mainstay.catalog.known.index import Recognised
from mainstay.catalog.known.signature import Symptom
from mainstay.catalog.models import Service
from mainstay.core import audit, clock, feed, inbox
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.respond.incidents import domain, known
from mainstay.respond.incidents.models import Incident, PriorityCell, State
from mainstay.respond.incidents.report import Exhibit, markdown
from mainstay.respond.oncall import services as oncall
from mainstay.respond.paging import services as paging
from mainstay.respond.timeline import services as timeline

LIVE = (State.OPEN, State.ACKNOWLEDGED, State.RESTORED)
SNOOZE = timedelta(minutes=15)


@dataclass(frozen=True)
class Trigger:
    """The alert that wants an incident, as this room needs it."""

    name: str
    title: str
    service: Service | None
    labels: Mapping[str, str]
    text: str
    rule: str
    rule_urgency: str
    starts_at: datetime
    source: str
    sentence: str
    value: float | None = None
    metrics: frozenset[str] = frozenset()

    @property
    def symptom(self) -> Symptom:
        """It as known errors see it."""
        service = self.service.key if self.service else None
        return Symptom(service, self.rule, self.labels, self.text, self.value, self.metrics)


def matrix() -> dict[tuple[str, str], int]:
    """The priority matrix: what was edited, over the defaults."""
    edited = {(cell.impact, cell.urgency): cell.priority for cell in PriorityCell.objects.all()}
    return {**domain.DEFAULT_MATRIX, **edited}


@transaction.atomic
def set_matrix(actor: Actor, wanted: Mapping[tuple[str, str], int]) -> None:
    """Edit the priority matrix. Incidents that are open keep the priority they have."""
    require(actor, Right.MAINTAIN)
    for (impact, urgency), value in wanted.items():
        if impact not in domain.IMPACTS or urgency not in domain.URGENCIES or not 1 <= value <= 4:
            raise bad_request(f"write a priority from 1 to 4 for {impact} x {urgency}", f"{impact}.{urgency}")
        PriorityCell.objects.update_or_create(impact=impact, urgency=urgency, defaults={"priority": value})
    audit.record(actor, "matrix.edit", "priority matrix", cells={f"{i} x {u}": v for (i, u), v in wanted.items()})


def open_or_join(trigger: Trigger, picture: catalog.Picture, cells: Mapping[tuple[str, str], int]) -> Incident:
    """The incident that an alert belongs to, in the caller's transaction.

    1. Alerts of one service share an incident while it lives; a label ``incident_group`` says otherwise.
    2. A new incident gets its priority from the business impact and the urgency, its log, and its escalation.
    3. An alert that joins can raise the priority, never lower it; one that comes back opens a restored incident again.
    """
    key = trigger.service.key if trigger.service else None
    group = domain.group_of(key, trigger.name, trigger.labels)
    impact = picture.impact(key, clock.now())
    urgency = domain.urgency_of(trigger.rule_urgency, trigger.labels)
    priority = domain.priority_of(impact.level, urgency.level, cells)
    recognised = picture.known.at_once.match(trigger.symptom)
    live = Incident.objects.select_for_update().filter(live_group=group).first()
    if live is None:
        return _open(trigger, group, impact, urgency, priority, recognised)
    timeline.record(live.pk, "alert", trigger.sentence)
    changed = ["updated_at"]
    if priority.value < live.priority:
        changed += _raise(live, impact, urgency, priority)
    if live.state == State.RESTORED:
        live.state, live.restored_at = State.OPEN, None
        changed += ["state", "restored_at"]
        told = "Open again: the alert came back before the incident was resolved"
        timeline.record(live.pk, "state", told, event="reopened")
    live.save(update_fields=changed)
    if recognised:
        known.offer(live, recognised)
    if live.state == State.OPEN and "state" in changed:
        _escalate(live, "the alert came back")
    elif live.state == State.OPEN and "priority" in changed:
        _escalate(live, "the priority was raised")
    return live


def _open(
    trigger: Trigger,
    group: str,
    impact: Any,
    urgency: domain.Urgency,
    priority: domain.Priority,
    recognised: Sequence[Recognised],
) -> Incident:
    incident = Incident(
        title=trigger.title[:300],
        service=trigger.service,
        priority=priority.value,
        impact=impact.level,
        urgency=urgency.level,
        reason=_reason(impact, urgency, priority),
        opened_at=clock.now(),
        started_at=trigger.starts_at,
        live_group=group,
    )
    incident.save()
    timeline.record(incident.pk, "alert", trigger.sentence)
    told = f"Opened as P{priority.value}: {priority.reason}. {_sentence(impact.reason)}"
    timeline.record(incident.pk, "opened", told, event="opened", priority=priority.value)
    if recognised:
        known.offer(incident, recognised)
    feed.tell("incidents", incident.pk)
    _escalate(incident, f"opened by {trigger.source}")
    return incident


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _reason(impact: Any, urgency: domain.Urgency, priority: domain.Priority) -> dict[str, Any]:
    return {
        "priority": priority.reason,
        "sentence": impact.sentence(current().currency),
        "impact": impact.reason,
        "urgency": f"{urgency.level}: {urgency.reason}",
        "processes": [
            {
                "key": hit.process.key,
                "name": hit.process.name,
                "importance": hit.process.importance,
                "users": hit.process.users,
                "cost_per_hour": str(hit.process.cost_per_hour) if hit.process.cost_per_hour is not None else None,
                "path": list(hit.path),
                "open_now": hit.open_now,
            }
            for hit in impact.hits
        ],
    }


def _raise(live: Incident, impact: Any, urgency: domain.Urgency, priority: domain.Priority) -> list[str]:
    told = f"Raised from P{live.priority} to P{priority.value}: {priority.reason}"
    timeline.record(live.pk, "priority", told, event="priority", priority=priority.value)
    live.priority, live.impact, live.urgency = priority.value, impact.level, urgency.level
    live.reason = _reason(impact, urgency, priority)
    return ["priority", "impact", "urgency", "reason"]


def _escalate(incident: Incident, reason: str) -> None:
    service = incident.service
    team = service.team.key if service and service.team else None
    oncall.start(incident.pk, incident.priority, service.key if service else None, team, reason)


def alerts_changed(incident_id: int, firing: int, sentence: str) -> None:
    """Note that alerts of an incident have ended; when it was the last one, the incident is restored."""
    incident = Incident.objects.select_for_update().get(pk=incident_id)
    timeline.record(incident_id, "alert", sentence)
    after = domain.after_alerts(incident.state, firing)
    if after == incident.state or after != State.RESTORED:
        return
    incident.state, incident.restored_at = State.RESTORED, clock.now()
    incident.save(update_fields=["state", "restored_at", "updated_at"])
    timeline.record(incident_id, "state", "Restored: every alert has ended", event="restored")
    oncall.stop(incident_id, "restored")
    feed.tell("incidents", incident_id)


def visible(actor: Actor) -> QuerySet[Incident]:
    """The one door to incidents."""
    require(actor, Right.READ)
    return Incident.objects.select_related("service__team", "owner", "known_error")


def count_waiting(actor: Actor) -> int:
    """How many incidents are open and nobody has taken."""
    require(actor, Right.READ)
    return Incident.objects.filter(state=State.OPEN).count()


def last_of_service(actor: Actor, incident: Incident) -> Incident | None:
    """The newest earlier incident of the same service, preferring one with the same known error."""
    if incident.service_id is None:
        return None
    earlier = visible(actor).filter(service_id=incident.service_id, pk__lt=incident.pk).order_by("-opened_at")
    same = earlier.filter(known_error_id=incident.known_error_id).first() if incident.known_error_id else None
    return same or earlier.first()


def get(actor: Actor, number: int) -> Incident:
    """One incident."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"incident {number}")
    return found


def locked(actor: Actor, number: int) -> Incident:
    """One incident to act on, for the rest of the transaction."""
    require(actor, Right.RESPOND)
    found = Incident.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"incident {number}")
    return found


@transaction.atomic
def acknowledge(actor: Actor, number: int, via: str = "") -> bool:
    """Take an incident: no further step is paged. Returns whether this changed anything."""
    incident = locked(actor, number)
    if not domain.may_acknowledge(incident.state).allowed:
        return False
    incident.state, incident.acknowledged_at = State.ACKNOWLEDGED, clock.now()
    incident.owner_id, incident.snoozed_until = actor.person_id, None
    incident.save(update_fields=["state", "acknowledged_at", "owner", "snoozed_until", "updated_at"])
    timeline.record(number, "acknowledged", f"Acknowledged by {actor.name}{via}", actor.name, event="acknowledged")
    oncall.stop(number, f"acknowledged by {actor.name}")
    paging.mark_acknowledged(number, actor.person_id)
    audit.record(actor, "incident.acknowledge", f"incident {number}")
    feed.tell("incidents", number)
    return True


@transaction.atomic
def pass_on(actor: Actor, number: int, via: str = "") -> bool:
    """Page the next step now instead of later. Returns whether there is a next step."""
    incident = locked(actor, number)
    if incident.state != State.OPEN:
        raise ProblemError(409, "Not open", f"The incident is {incident.state}, so nobody is being paged.")
    if not oncall.hasten(number, f"passed on by {actor.name}"):
        return False
    timeline.record(number, "escalation", f"Passed on to the next step by {actor.name}{via}", actor.name)
    audit.record(actor, "incident.pass_on", f"incident {number}")
    return True


@transaction.atomic
def snooze(actor: Actor, number: int, length: timedelta = SNOOZE, via: str = "") -> None:
    """Acknowledge for a while: unless it is restored by then, paging begins again."""
    incident = locked(actor, number)
    if incident.state not in {State.OPEN, State.ACKNOWLEDGED}:
        raise ProblemError(409, "Not open", f"The incident is {incident.state}, so there is nothing to snooze.")
    now = clock.now()
    incident.state, incident.owner_id = State.ACKNOWLEDGED, actor.person_id
    incident.acknowledged_at, incident.snoozed_until = incident.acknowledged_at or now, now + length
    incident.save(update_fields=["state", "owner", "acknowledged_at", "snoozed_until", "updated_at"])
    minutes = int(length.total_seconds() // 60)
    told = f"Snoozed for {minutes} min by {actor.name}{via}"
    timeline.record(number, "acknowledged", told, actor.name, event="acknowledged")
    oncall.stop(number, f"snoozed by {actor.name}")
    paging.mark_acknowledged(number, actor.person_id)
    audit.record(actor, "incident.snooze", f"incident {number}", minutes=minutes)
    feed.tell("incidents", number)


def wake_snoozed() -> int:
    """Open again what was snoozed until now and is not restored, and page for it anew."""
    now, done = clock.now(), 0
    due = Incident.objects.filter(state=State.ACKNOWLEDGED, snoozed_until__lte=now)
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            if due.filter(pk=pk).update(state=State.OPEN, snoozed_until=None, owner=None) != 1:
                continue
            timeline.record(pk, "state", "The snooze has ended and it is not restored: open again")
            _escalate(Incident.objects.select_related("service__team").get(pk=pk), "the snooze has ended")
            feed.tell("incidents", pk)
            done += 1
    return done


@transaction.atomic
def resolve(actor: Actor, number: int, cause: str, *, workaround_helped: bool = False) -> None:
    """Close an incident with its cause. Alerts that still fire open a new one when they fire again."""
    incident = locked(actor, number)
    step = domain.may_resolve(incident.state, cause)
    if not step.allowed:
        if incident.state == State.RESOLVED:
            raise ProblemError(409, "Resolved already", f"{incident} was resolved before.")
        raise bad_request(step.reason, "cause")
    now = clock.now()
    incident.state, incident.resolved_at, incident.cause = State.RESOLVED, now, cause.strip()
    incident.restored_at = incident.restored_at or now
    incident.live_group, incident.snoozed_until = None, None
    incident.owner_id = incident.owner_id or actor.person_id
    incident.save()
    timeline.record(
        number, "resolved", f"Resolved by {actor.name}. Cause: {cause.strip()}", actor.name, event="resolved"
    )
    oncall.stop(number, f"resolved by {actor.name}")
    if workaround_helped and incident.known_error:
        known.judge(actor, number, incident.known_error.key, known.Verdict.WORKED)
    audit.record(actor, "incident.resolve", f"incident {number}", cause=cause.strip()[:500])
    feed.tell("incidents", number)


@transaction.atomic
def set_priority(actor: Actor, number: int, priority: int, reason: str) -> None:
    """Overrule the priority, with a reason that the log keeps."""
    incident = locked(actor, number)
    if not 1 <= priority <= 4:
        raise bad_request("write a priority from 1 to 4", "priority")
    if not reason.strip():
        raise bad_request("write why", "reason")
    before, incident.priority = incident.priority, priority
    incident.reason = {**incident.reason, "priority": f"set by {actor.name}: {reason.strip()}"}
    incident.save(update_fields=["priority", "reason", "updated_at"])
    told = f"P{before} to P{priority} by {actor.name}: {reason.strip()}"
    timeline.record(number, "priority", told, actor.name, event="priority", priority=priority)
    audit.record(actor, "incident.priority", f"incident {number}", before=before, after=priority, reason=reason.strip())
    if priority < before and incident.state == State.OPEN:
        _escalate(incident, "the priority was raised")
    feed.tell("incidents", number)


@transaction.atomic
def comment(actor: Actor, number: int, text: str) -> None:
    """Add a note to the log."""
    locked(actor, number)
    if not text.strip():
        raise bad_request("write something", "text")
    timeline.record(number, "note", text.strip(), actor.name)
    audit.record(actor, "incident.note", f"incident {number}")


@transaction.atomic
def assign(actor: Actor, number: int, person_id: int) -> None:
    """Give an incident to somebody."""
    incident = locked(actor, number)
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None:
        raise bad_request("there is no such person", "person")
    incident.owner = person
    incident.save(update_fields=["owner", "updated_at"])
    timeline.record(number, "note", f"Given to {person} by {actor.name}", actor.name)
    audit.record(actor, "incident.assign", f"incident {number}", person=person.email)
    feed.tell("incidents", number)


def audit_escalations(grace: timedelta = timedelta(seconds=30)) -> list[str]:
    """Look for escalations and deliveries that should have happened and did not, and begin those that are missing.

    Returns what was found as sentences; an empty list means that every open incident is on its way to somebody.
    """
    now = clock.now()
    found = []
    open_ids = list(
        Incident.objects.filter(state=State.OPEN, opened_at__lt=now - grace).values_list("pk", flat=True)[:5000]
    )
    for pk in oncall.without_escalation(open_ids):
        incident = Incident.objects.select_related("service__team").get(pk=pk)
        service = incident.service
        policy, why = oncall.policy_for(
            service.key if service else None, service.team.key if service and service.team else None
        )
        if policy is None:
            found.append(f"{incident}: nobody is paged, {why}")
            continue
        found.append(f"{incident} was open and nobody was being paged; paging began")
        with transaction.atomic():
            _escalate(incident, "found by the auditor without an escalation")
    found += [f"INC-{pk}: the next step is overdue" for pk in oncall.overdue(now, grace)]
    failed = inbox.failed(SYSTEM)
    if failed:
        found.append(f"{len(failed)} signals could not be worked off; see System health")
    return found + paging.overdue(now, grace)


def export_markdown(
    actor: Actor,
    number: int,
    evidence: Sequence[Exhibit] | None = None,
    agreed: Sequence[tuple[str, str]] = (),
) -> str:
    """The whole story of an incident as Markdown: facts, why each page was sent, what was kept as evidence, and the log
    with who did what. Without ``evidence`` the document does not speak of it. ``agreed`` are
    facts on how agreements were kept."""
    incident = get(actor, number)
    pages: Sequence[Any] = list(paging.visible_pages(actor).filter(incident=incident).order_by("created_at"))
    return markdown(incident, timeline.entries(actor, number), pages, clock.now(), evidence, agreed)
