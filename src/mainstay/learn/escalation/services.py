"""Cases for developers: have one built, look at it, hand it over, and hear what came of it. The door to the room."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.catalog import services as catalog
from mainstay.catalog.levels.agreements import DEVELOPERS
from mainstay.catalog.models import Team
from mainstay.core import audit, clock, doorbell, feed, locks
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.learn.escalation import build, mails
from mainstay.learn.escalation.domain import states
from mainstay.learn.escalation.models import Escalation, EscalationFile
from mainstay.learn.trackers import services as trackers
from mainstay.learn.trackers.models import Issue, Tracker
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.clocks import services as clocks
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import State as Stage
from mainstay.respond.timeline import services as timeline

State = Escalation.State
PURPOSE = "escalation"
LONGEST_NOTE = 4000


def visible(actor: Actor) -> QuerySet[Escalation]:
    """The one door to cases, the latest first. They hold evidence of production, so it takes a responder."""
    require(actor, Right.RESPOND)
    return Escalation.objects.select_related("incident__service", "team").order_by("-pk")


def get(actor: Actor, number: int) -> Escalation:
    """One case."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"case {number}")
    return found


def of_incident(actor: Actor, number: int) -> QuerySet[Escalation]:
    """The cases of an incident."""
    return visible(actor).filter(incident_id=number)


def content(actor: Actor, number: int) -> tuple[str, bytes]:
    """The file of a case with the name under which it is saved. Each time is in the audit log."""
    row = get(actor, number)
    kept = EscalationFile.objects.filter(escalation=row).first()
    if kept is None:
        why = row.problem or ("it is being built" if row.state == State.BUILDING else "it was kept for its days")
        raise ProblemError(404, "Not there", f"{row} has no file: {why}.")
    audit.record(actor, "escalation.fetch", str(row), digest=row.digest)
    return f"{row}-{row.incident}.zip", bytes(kept.content)


def has_file(actor: Actor, row: Escalation) -> bool:
    """Whether the file of a case is still kept."""
    require(actor, Right.RESPOND)
    return EscalationFile.objects.filter(escalation=row).exists()


@transaction.atomic
def begin(actor: Actor, number: int) -> Escalation:
    """Have a case built of an incident by the worker."""
    incident = incidents.locked(actor, number)
    if incident.service_id is None:
        raise ProblemError(409, "Not possible", f"{incident} belongs to no service of the catalog; give it one first.")
    if Escalation.objects.filter(incident=incident, state=State.BUILDING).exists():
        raise ProblemError(409, "Being built", f"A case of {incident} is being built already.")
    row = Escalation.objects.create(
        incident=incident, asked_by_id=actor.person_id, asked_name=actor.name, asked_at=clock.now()
    )
    _note(actor, row, "escalation.build", f"{row}: {actor.name} has a case for the developers built")
    transaction.on_commit(lambda: doorbell.ring(doorbell.CASES))
    return row


@transaction.atomic
def again(actor: Actor, number: int) -> Escalation:
    """Build a case anew that was not handed over, from what is known now."""
    row = _locked(actor, number)
    if row.state not in {State.READY, State.BROKEN}:
        raise ProblemError(409, "Not possible", f"{row} is {row.get_state_display().lower()}.")
    row.state, row.tries, row.problem, row.lease_until = State.BUILDING, 0, "", None
    row.save()
    _note(actor, row, "escalation.build", f"{row} is built anew for {actor.name}")
    transaction.on_commit(lambda: doorbell.ring(doorbell.CASES))
    return row


def build_due() -> int:
    """Build what waits, one a round. Taken by a conditional update with a lease, so that two workers never both do."""
    now = clock.now()
    due = Escalation.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), state=State.BUILDING)
    first = due.order_by("asked_at").values_list("pk", "tries").first()
    if first is None:
        return 0
    number, tries = first
    if tries >= current().escalation_tries:
        _broken(number, "whoever built it was cut off, again and again", again=False)
        return 1
    lease = now + timedelta(seconds=current().escalation_build_seconds)
    if due.filter(pk=number, tries=tries).update(lease_until=lease, tries=tries + 1) == 1:
        build_now(number)
    return 1


def build_now(number: int) -> Escalation:
    """Build a case in this process, whoever asked for it. What cannot be built says why, and is tried again."""
    row = Escalation.objects.select_related("incident").get(pk=number)
    began = clock.now()
    try:
        made = build.build(SYSTEM, row.incident_id)
    except (TelemetryError, ProblemError) as error:
        return _broken(number, getattr(error, "detail", "") or str(error), again=isinstance(error, TelemetryError))
    return _keep(number, made, (clock.now() - began).total_seconds())


@transaction.atomic
def _broken(number: int, why: str, *, again: bool) -> Escalation:
    row = _locked(SYSTEM, number)
    if row.state != State.BUILDING:
        return row
    row.problem = why[:2000]
    row.lease_until = clock.now() + timedelta(seconds=2**row.tries)
    if not again or row.tries >= current().escalation_tries:
        row.state, row.lease_until = State.BROKEN, None
        _note(SYSTEM, row, "escalation.broken", f"{row} could not be built: {why}"[:1000])
    row.save()
    return row


@transaction.atomic
def _keep(number: int, made: build.Built, seconds: float) -> Escalation:
    row = _locked(SYSTEM, number)
    if row.state != State.BUILDING:
        return row
    row.state, row.built_at, row.seconds, row.problem, row.lease_until = State.READY, clock.now(), seconds, "", None
    _store(row, made)
    row.save()
    _note(
        SYSTEM, row, "escalation.ready", f"{row} is built: {row.size:,} bytes", digest=row.digest, manifest=made.files
    )
    return row


def _store(row: Escalation, made: build.Built) -> None:
    row.digest, row.size, row.summary = made.digest, len(made.content), build.summary(made.record)
    until = clock.now() + timedelta(days=current().escalation_days)
    EscalationFile.objects.update_or_create(escalation=row, defaults={"content": made.content, "kept_until": until})


@transaction.atomic
def hand_over(actor: Actor, number: int, team: str, note: str = "") -> Escalation:
    """Give a case to a team: as an issue where its tracker is known, and by mail to its people."""
    row = _locked(actor, number)
    step = states.may_hand_over(states.State(row.state))
    if not step.allowed:
        raise ProblemError(409, "Not possible", f"{row}: {step.reason}.")
    if len(note) > LONGEST_NOTE:
        raise bad_request(f"write at most {LONGEST_NOTE} characters", "note")
    to = catalog.visible_teams(actor).filter(key=team).first()
    if to is None:
        raise bad_request(f"there is no team {team!r}; write the key of one", "to")
    tracker = _tracker(actor, to, row)
    addresses = mails.addresses(to)
    if tracker is None and not addresses:
        raise bad_request(f"{to.name} has neither a tracker nor a member with an address; give it one of both", "to")
    kept = EscalationFile.objects.filter(escalation=row).first()
    if kept is None:
        raise ProblemError(409, "Not possible", f"{row}: its file was kept for its days; build it anew.")
    made = build.with_note(bytes(kept.content), note.strip())
    _store(row, made)
    row.state, row.note, row.team, row.team_name = State.SENT, made.record["note"], to, to.name
    row.sent_at, row.sent_name = clock.now(), actor.name
    row.told = mails.tell(row, made.record, addresses)
    row.save()
    if tracker is not None:
        _open_issue(actor, row, made, tracker)
    told = f"{row} handed over to {to.name} by {actor.name}" + (f": {row.note}" if row.note else "")
    _note(actor, row, "escalation.hand_over", told, team=to.key, digest=row.digest, mails=row.told)
    _clocks(actor, row)
    return row


def _tracker(actor: Actor, team: Team, row: Escalation) -> Tracker | None:
    """Where the team works, else where issues of the service go."""
    live = trackers.visible(actor).filter(enabled=True)
    own = next((one for one in live if team.key in one.teams), None)
    return own or trackers.for_service(actor, row.incident.service)


def _open_issue(actor: Actor, row: Escalation, made: build.Built, tracker: Tracker) -> None:
    title = f"{row.incident}: {made.record['title']}"[:200]
    wanted = trackers.Wanted(PURPOSE, str(row.pk), title, build.markdown(made.record), f"/escalations/{row.pk}")
    issue = trackers.open_issue(actor, tracker, wanted)
    name = f"{row}-{row.incident}.zip"
    trackers.attach(actor, issue, name, made.content, link=f"/escalations/{row.pk}.zip")


@transaction.atomic
def say(actor: Actor, number: int, said: str, text: str = "") -> Escalation:
    """Write down what developers said of a case: accepted, asked, fixed or declined."""
    row = _locked(actor, number)
    if said not in states.SAID:
        raise bad_request(f"write one of {', '.join(states.SAID)}", "state")
    step = states.may_say(states.State(row.state), states.State(said))
    if not step.allowed:
        raise ProblemError(409, "Not possible", f"{row}: {step.reason}.")
    if said in {State.ASKED, State.DECLINED} and not text.strip():
        raise bad_request("write what they need" if said == State.ASKED else "write why", "text")
    row.state, row.said_at = said, clock.now()
    row.save(update_fields=["state", "said_at"])
    words = f"{row}: {row.get_state_display().lower()}, says {actor.name}"
    _note(actor, row, "escalation.say", words + (f": {text.strip()[:LONGEST_NOTE]}" if text.strip() else ""), said=said)
    _clocks(actor, row)
    return row


@transaction.atomic
def answer(actor: Actor, number: int, text: str) -> Escalation:
    """Give developers what they asked for. The issue gets it as a comment, and the case is theirs again."""
    row = _locked(actor, number)
    step = states.may_answer(states.State(row.state))
    if not step.allowed:
        raise ProblemError(409, "Not possible", f"{row}: {step.reason}.")
    if not text.strip():
        raise bad_request("write what they asked for", "text")
    clean = build.cleaner().text(text.strip()[:LONGEST_NOTE])
    row.state = State.SENT
    row.save(update_fields=["state"])
    for issue in issues(actor, row):
        trackers.comment(actor, issue, clean)
    if row.team:
        mails.answer(row, clean, mails.addresses(row.team))
    _note(actor, row, "escalation.answer", f"{row} answered by {actor.name}: {clean}")
    _clocks(actor, row)
    return row


def issues(actor: Actor, row: Escalation) -> QuerySet[Issue]:
    """The issues of a case."""
    return trackers.of(actor, PURPOSE, str(row.pk))


def remark(actor: Actor, number: int, text: str) -> None:
    """Note what was said besides, in the caller's transaction."""
    row = _locked(actor, number)
    _note(actor, row, "escalation.remark", f"{row}, {actor.name}: {text.strip()[:LONGEST_NOTE]}")


def _clocks(actor: Actor, row: Escalation) -> None:
    """Stop the clocks of the incident while developers have it, and let them go on when it is back with us.

    Nothing is held that nobody has taken, and a wait for somebody else stays as it is.
    """
    incident = incidents.locked(actor, row.incident_id)
    if incident.state != Stage.ACKNOWLEDGED:
        return
    held = clocks.held(actor, row.incident_id)
    if states.waits(states.State(row.state)):
        if not held:
            clocks.hold(actor, row.incident_id, DEVELOPERS, f"{row} is with {row.team_name}")
    elif held == DEVELOPERS and not _others_wait(row):
        clocks.resume(actor, row.incident_id)


def _others_wait(row: Escalation) -> bool:
    others = Escalation.objects.filter(incident_id=row.incident_id).exclude(pk=row.pk)
    return others.filter(state__in=(State.SENT, State.ACCEPTED)).exists()


def _locked(actor: Actor, number: int) -> Escalation:
    require(actor, Right.RESPOND)
    locks.one_at_a_time("escalation")
    found = Escalation.objects.select_for_update(of=("self",)).select_related("incident", "team").filter(pk=number)
    row = found.first()
    if row is None:
        raise not_found(f"case {number}")
    return row


def _note(actor: Actor, row: Escalation, action: str, text: str, **detail: Any) -> None:
    """Its own log, that of the incident, the audit log and open screens, in the caller's transaction."""
    row.notes.create(at=clock.now(), who=actor.name, text=text)
    timeline.record(row.incident_id, "case", text, actor.name)
    audit.record(actor, action, str(row), incident=row.incident_id, **detail)
    feed.tell(PURPOSE, row.pk)


def prune() -> int:
    """Delete the files of cases that were kept for their days. The rows stay."""
    return EscalationFile.objects.filter(kept_until__lt=clock.now()).delete()[0]


def teams(actor: Actor) -> QuerySet[Team]:
    """Whom a case can be handed over to."""
    return catalog.visible_teams(actor)
