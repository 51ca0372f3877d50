"""The gate: may production be changed now, and why. Corrections, jobs, runbooks and releases ask it first.

It fails closed: what cannot be evaluated means no, with the reason.
"""

import logging
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar import domain
from mainstay.catalog.calendar.domain import Answer
from mainstay.catalog.calendar.services import edges, live, readable
from mainstay.catalog.levels import objectives
from mainstay.catalog.models import EmergencyUse, Service
from mainstay.core import audit, clock, feed, people
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Role
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current

log = logging.getLogger(__name__)


def picture(now: datetime, asked: Collection[str]) -> domain.Picture:
    """What the gate looks at, in five queries."""
    good, bad = readable(live(now))
    services = dict(Service.objects.values_list("key", "only_in_windows"))
    return domain.Picture(good, bad, services, edges(), objectives.allowances(now, asked))


def may_change(
    actor: Actor,
    services: Collection[str],
    now: datetime,
    *,
    kind: str,
    emergency: str | None = None,
    in_window: bool = False,
) -> Answer:
    """May these services be changed now? ``kind`` is one of ``entries.CHANGES``.

    With ``in_window`` the answer is no outside of maintenance windows, whether or not the services demand one.

    With ``emergency``, a person's reason to change against the calendar, a no becomes a yes that is written down, told
    to maintainers and owes a review by somebody else. It holds for ``gate_emergency_minutes``; who asks again
    meanwhile, for the same services and kind, uses it again.
    """
    require(actor, Right.READ)
    try:
        # A savepoint, so that a failed question leaves the caller's transaction as it was. Alone it needs no
        # transaction, which on SQLite would wait for writers.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            answer = domain.decide(picture(now, services), services, kind, now, in_window=in_window)
    except (DatabaseError, ValueError, LookupError, ArithmeticError, TypeError, OSError) as error:
        log.exception("the gate could not be evaluated and stays closed")
        answer = Answer(False, f"the calendar cannot be evaluated, so nothing may be changed: {error}")
    if answer.allowed or emergency is None:
        return answer
    return _in_emergency(actor, services, kind, emergency.strip(), answer, now)


def record(actor: Actor, answer: Answer, *, kind: str, services: Collection[str], target: str) -> None:
    """Write down an answer that led to a change, or kept one from being made, in the caller's transaction."""
    audit.record(
        actor,
        "gate.allowed" if answer.allowed else "gate.refused",
        target,
        kind=kind,
        services=sorted(services),
        reason=answer.reason,
        entries=[one.key for one in answer.entries],
        emergency=answer.emergency,
    )


def _in_emergency(
    actor: Actor, services: Collection[str], kind: str, reason: str, refused: Answer, now: datetime
) -> Answer:
    """Let a person through against the calendar. A program, or somebody without a reason, stays outside."""
    require(actor, Right.RESPOND)
    if actor.person_id is None:
        return replace(refused, reason=f"{refused.reason}; an emergency takes a person who is signed in")
    if len(reason) < 10:
        return replace(refused, reason=f"{refused.reason}; an emergency takes a reason, in a sentence")
    names = sorted(services)
    with transaction.atomic():
        mine = EmergencyUse.objects.filter(person_id=actor.person_id, kind=kind, until__gt=now, reviewed_at=None)
        use = next((one for one in mine.order_by("-pk") if one.services == names), None)
        if use is None:
            use = _use(actor, names, kind, reason, refused, now)
    why = f"emergency, by {use.person_name}: {use.reason} (against: {refused.reason})"
    return Answer(True, why, use.until, refused.entries, emergency=True)


def _use(actor: Actor, names: list[str], kind: str, reason: str, refused: Answer, now: datetime) -> EmergencyUse:
    use = EmergencyUse.objects.create(
        person_id=actor.person_id,
        person_name=actor.name,
        kind=kind,
        services=names,
        reason=reason,
        refusal=refused.reason,
        at=now,
        until=now + timedelta(minutes=current().gate_emergency_minutes),
    )
    audit.record(
        actor, "gate.EMERGENCY", f"emergency {use.pk}", kind=kind, services=names, reason=reason, against=refused.reason
    )
    subject = f"{actor.name} changes {', '.join(names) or 'production'} against the calendar: {reason}"[:300]
    for person in people.visible(actor).filter(role__in=(Role.MAINTAINER, Role.ADMIN)):
        if person.pk != actor.person_id:
            detail = {"key": f"emergency-{use.pk}", "subject": subject, "link": "/calendar"}
            feed.tell("page", "/calendar", person_id=person.pk, **detail)
    feed.tell("calendar", f"emergency-{use.pk}")
    return use


def emergencies(actor: Actor) -> QuerySet[EmergencyUse]:
    """The one door to uses of the emergency path, newest first."""
    require(actor, Right.READ)
    return EmergencyUse.objects.order_by("-at", "-pk")


@transaction.atomic
def review(actor: Actor, number: int, text: str) -> None:
    """Say what came of an emergency. Not by whoever used it."""
    require(actor, Right.MAINTAIN)
    use = EmergencyUse.objects.select_for_update().filter(pk=number).first()
    if use is None:
        raise not_found(f"emergency {number}")
    if actor.person_id is None or actor.person_id == use.person_id:
        raise ProblemError(403, "Not allowed", "Whoever used an emergency does not review it. Ask a colleague.")
    text = text.strip()
    if not text:
        raise bad_request("write what you found: was it right, and what follows", "review")
    found = EmergencyUse.objects.filter(pk=number, reviewed_at=None)
    if not found.update(
        reviewed_by_id=actor.person_id, reviewed_name=actor.name, reviewed_at=clock.now(), review=text[:2000]
    ):
        raise ProblemError(409, "Reviewed", f"{use.reviewed_name} has reviewed this emergency already.")
    audit.record(actor, "gate.review", f"emergency {number}", of=use.person_name, review=text[:2000])
    feed.tell("calendar", f"emergency-{number}")
