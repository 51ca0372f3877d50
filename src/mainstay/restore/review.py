"""The second person: what changes of production share of asking, approving, saying no, and writing it down."""

from typing import Any, TypeVar

from mainstay.catalog.calendar.domain import Answer
from mainstay.core import audit, clock, feed, people
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Person, Role
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline import services as timeline
from mainstay.restore import approval
from mainstay.restore.approved import Approved

Kind = TypeVar("Kind", bound=Approved)


def locked(model: type[Kind], actor: Actor, number: int) -> Kind:
    """One of them, held for the length of the caller's transaction. It takes a responder."""
    require(actor, Right.RESPOND)
    found: Kind | None = model._default_manager.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"{model.WORD} {number}")
    return found


def require_step(step: approval.Step) -> None:
    """Let a decision pass, or raise its reason."""
    if not step.allowed:
        raise ProblemError(409, "Not possible", sentence(step.reason))


def require_open_gate(answer: Answer) -> None:
    """Let an answer of the gate pass, or raise its reason."""
    if not answer.allowed:
        raise ProblemError(409, "The gate is closed", sentence(answer.reason))


def sentence(reason: str) -> str:
    """A reason as it stands alone."""
    return f"{reason[:1].upper()}{reason[1:]}."


def require_state(thing: Approved, *states: str) -> None:
    """Raise what it is now, unless that is one of these states."""
    if thing.state not in states:
        raise ProblemError(409, "Not possible", f"{thing} is {thing.get_state_display().lower()}.")


def begin(actor: Actor, incident: int | None) -> dict[str, Any]:
    """What every draft begins with. Raises ``ProblemError`` when there is no such incident."""
    require(actor, Right.RESPOND)
    if incident is not None and not Incident.objects.filter(pk=incident).exists():
        raise bad_request(f"there is no incident {incident}", "incident")
    return {
        "incident_id": incident,
        "requested_by_id": actor.person_id,
        "requested_name": actor.name,
        "created_at": clock.now(),
    }


def void(thing: Approved) -> None:
    """Make it a draft again: an approval that was given or asked for holds no more."""
    thing.state, thing.state_reason = "draft", ""
    thing.approved_by, thing.approved_name, thing.approved_hash = None, "", ""
    thing.approved_at = thing.approval_expires_at = None


def ask(actor: Actor, thing: Approved, now_hash: str) -> None:
    """Ask colleagues for approval, and tell each who may give it."""
    thing.state = "requested"
    thing.requested_by_id, thing.requested_name = actor.person_id, actor.name
    thing.save()
    note(actor, thing, "request", f"waits for approval: {thing.title}", hash=now_hash)
    for person in people.visible(actor).filter(is_active=True).exclude(role=Role.VIEWER):
        if person.pk != actor.person_id:
            tell(person, thing, f"{actor.name} asks for approval of {thing}: {thing.title}")


def approve(actor: Actor, thing: Approved, now_hash: str, seen_hash: str) -> None:
    """Approve exactly what was seen: ``seen_hash`` is that of the content on the approver's screen."""
    require_step(approval.may_approve(thing.state, thing.requested_by_id, actor.person_id, thing.barred()))
    if seen_hash != now_hash:
        raise ProblemError(409, "It has changed", "This is not what you saw: it was edited meanwhile. Look again.")
    thing.state, thing.approved_at, thing.approved_hash = "approved", clock.now(), now_hash
    thing.approved_by_id, thing.approved_name = actor.person_id, actor.name
    thing.approval_expires_at = approval.expiry(clock.now(), current().sql_approval_hours)
    thing.save()
    note(actor, thing, "approve", f"approved by {actor.name}", hash=now_hash)
    tell(thing.requested_by, thing, f"{actor.name} has approved {thing}")


def reject(actor: Actor, thing: Approved, reason: str) -> None:
    """Say no, and why."""
    require_state(thing, "requested", "approved")
    said = written(reason, "write why, so that it can be done better")
    thing.state, thing.state_reason = "rejected", f"{actor.name}: {said}"
    thing.save(update_fields=["state", "state_reason"])
    note(actor, thing, "reject", f"rejected by {actor.name}: {said}", reason=said[:500])
    tell(thing.requested_by, thing, f"{actor.name} has rejected {thing}")


def written(reason: str, remedy: str) -> str:
    """A reason without blanks around it. Raises ``ProblemError`` when there is none."""
    if not reason.strip():
        raise bad_request(remedy, "reason")
    return reason.strip()


def may_carry_out(thing: Approved, now_hash: str, *, begun: bool) -> approval.Step:
    """Whether its approval still covers it. One that has expired covers the rest of what was ``begun`` under it."""
    given = approval.Approval(thing.approved_by_id, thing.approved_name, thing.approved_hash, thing.approval_expires_at)
    return approval.may_carry_out(given, thing.requested_by_id, now_hash, clock.now(), begun=begun)


def note(actor: Actor, thing: Approved, deed: str, said: str, **detail: Any) -> None:
    """Audit log, timeline and open screens, in the caller's transaction. ``said`` goes on after ``COR-7``."""
    audit.record(actor, f"{thing.WORD}.{deed}", str(thing), **thing.audited(), **detail)
    if thing.incident_id:
        timeline.record(thing.incident_id, thing.WORD, f"{thing} {said}", actor.name)
    feed.tell(thing.WORD, thing.pk)


def tell(person: Person | None, thing: Approved, subject: str) -> None:
    """Show a person that it is their turn."""
    if person is not None:
        key, link = f"{thing.WORD}-{thing.pk}-{thing.state}", f"{thing.PATH}/{thing.pk}"
        feed.tell("page", thing.WORD, person_id=person.pk, key=key, subject=subject[:300], link=link)
