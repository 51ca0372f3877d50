"""Telling people: the decision as a row, then the delivery with a lease, a key and a record of the answer."""

import contextlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.core import audit, clock, doorbell, feed, ids
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Person
from mainstay.core.settings import current
from mainstay.respond.paging import domain, journal
from mainstay.respond.paging.channels import CHANNELS
from mainstay.respond.paging.message import DeliveryError, compose
from mainstay.respond.paging.models import Attempt, ContactMethod, Page
from mainstay.respond.timeline import services as timeline

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Paged:
    """Who was paged at a step, and who could not be for want of a contact method."""

    people: tuple[Person, ...]
    unreachable: tuple[Person, ...]


def page(
    escalation_id: int, incident_id: int, priority: int, step: int, people: Sequence[Person], reason: str
) -> Paged:
    """Decide that people must be told: one page each, one attempt for each of their contact methods.

    In the caller's transaction. A page that exists for this escalation, step and person is left as it is.
    """
    now = clock.now()
    methods = ContactMethod.objects.filter(person__in=people, min_priority__gte=priority).select_related("person")
    by_person: dict[int, list[ContactMethod]] = {}
    for method in methods:
        by_person.setdefault(method.person_id, []).append(method)
    told, unreachable = [], []
    for person in people:
        ways = by_person.get(person.pk, [])
        if not person.is_active or not ways:
            unreachable.append(person)
            timeline.record(incident_id, "page", f"Could not page {person}: no contact method for P{priority}")
            continue
        made, created = Page.objects.get_or_create(
            escalation_id=escalation_id,
            step=step,
            person=person,
            defaults={"incident_id": incident_id, "reason": reason[:300], "key": ids.new_id(), "created_at": now},
        )
        if created:
            Attempt.objects.bulk_create(_attempt(made, method, now) for method in ways)
            channels = ", ".join(CHANNELS[way.channel].LABEL.lower() for way in ways)
            timeline.record(incident_id, "page", f"Paging {person} by {channels}: {reason}", page=made.pk)
            told.append(person)
    transaction.on_commit(lambda: doorbell.ring(doorbell.PAGES))
    return Paged(tuple(told), tuple(unreachable))


def _attempt(made: Page, method: ContactMethod, now: datetime) -> Attempt:
    shown = CHANNELS[method.channel].mask(method.address or (method.person.email if method.channel == "mail" else ""))
    return Attempt(
        page=made,
        channel=method.channel,
        method=method,
        shown_address=shown[:120],
        key=f"{made.key}-{method.pk}",
        due_at=now,
    )


def drop_waiting(incident_id: int) -> None:
    """Take back what is not on its way yet: somebody has the incident, or it is over."""
    Attempt.objects.filter(page__incident_id=incident_id, state=Attempt.State.WAITING).update(
        state=Attempt.State.DROPPED, answer="no longer needed"
    )


def mark_acknowledged(incident_id: int, person_id: int | None) -> None:
    """Note on the person's pages that they were answered. A program that acknowledges has none."""
    if person_id is not None:
        own = Page.objects.filter(incident_id=incident_id, person_id=person_id, acknowledged_at=None)
        own.update(acknowledged_at=clock.now())


def _due(now: datetime) -> QuerySet[Attempt]:
    return Attempt.objects.filter(
        Q(state=Attempt.State.WAITING, due_at__lte=now) | Q(state=Attempt.State.CLAIMED, lease_until__lt=now)
    )


def claim(worker: str, limit: int) -> list[int]:
    """Take due attempts for this worker, each by a conditional update that only one worker can win.

    An attempt whose lease has run out belonged to a worker that died. If the journal knows that it was handed over,
    that is recorded now; else it is sent again under the same key.
    """
    now = clock.now()
    taken = []
    for pk in list(_due(now).order_by("due_at").values_list("pk", flat=True)[:limit]):
        lease = now + timedelta(seconds=current().page_lease)
        won = _due(now).filter(pk=pk).update(state=Attempt.State.CLAIMED, claimed_by=worker, lease_until=lease)
        if won == 1:
            taken.append(pk)
    return taken


def renew(worker: str, sending: Collection[int]) -> None:
    """Hold on to what this worker is still sending: a slow mail server is no dead worker."""
    lease = clock.now() + timedelta(seconds=current().page_lease)
    Attempt.objects.filter(pk__in=sending, state=Attempt.State.CLAIMED, claimed_by=worker).update(lease_until=lease)


def release_own(worker: str) -> int:
    """Give back what an earlier process of this very worker had claimed, so that a restart need not wait for leases."""
    return Attempt.objects.filter(state=Attempt.State.CLAIMED, claimed_by=worker).update(lease_until=clock.now())


def deliver(pk: int) -> None:
    """Send one claimed attempt and record what the provider said."""
    attempt = Attempt.objects.select_related(
        "page__person", "page__incident__service__team", "page__incident__known_error", "method"
    ).get(pk=pk)
    handed = journal.find(attempt.key)
    if handed is not None:
        _finish(attempt, Attempt.State.SENT, handed)
        return
    try:
        message = compose(attempt.page)
        address = attempt.method.address if attempt.method else ""
        answer = CHANNELS[attempt.channel].send(message, address, attempt.key)
        # The journal is one write to a file, far quicker than the commit that follows. It narrows the moment in which
        # a killed worker has handed over a page and nobody knows of it.
        with contextlib.suppress(OSError):
            journal.note(attempt.key, answer)
    except DeliveryError as error:
        _failed(attempt, str(error), permanent=error.permanent)
    except Exception as error:
        log.exception("page %s could not be sent", attempt.key)
        _failed(attempt, f"{type(error).__name__}", permanent=False)
    else:
        _finish(attempt, Attempt.State.SENT, answer)


@transaction.atomic
def _finish(attempt: Attempt, state: str, answer: str) -> None:
    attempt.state, attempt.answer, attempt.tries = state, answer[:500], attempt.tries + 1
    attempt.sent_at = clock.now() if state == Attempt.State.SENT else None
    attempt.save(update_fields=["state", "answer", "tries", "sent_at"])
    label, person = CHANNELS[attempt.channel].LABEL, attempt.page.person
    verb = "accepted" if state == Attempt.State.SENT else "given up"
    timeline.record(
        attempt.page.incident_id, "delivery", f"{label} to {person} {verb}: {answer[:200]}", attempt=attempt.pk
    )
    feed.tell("pages")


def _failed(attempt: Attempt, reason: str, *, permanent: bool) -> None:
    wait = domain.retry_after(attempt.tries + 1, current().page_retries, permanent=permanent)
    attempt.page.refresh_from_db(fields=["escalation", "incident"])
    if wait is None:
        _finish(attempt, Attempt.State.FAILED, reason)
        return
    # Somebody may have the incident by now, or another worker the attempt: then there is nothing to try again.
    wanted = attempt.page.escalation.state == "running" and attempt.page.incident.state == "open"
    own = Attempt.objects.filter(pk=attempt.pk, state=Attempt.State.CLAIMED, claimed_by=attempt.claimed_by)
    own.update(
        tries=attempt.tries + 1,
        state=Attempt.State.WAITING if wanted else Attempt.State.DROPPED,
        answer=reason[:500],
        due_at=clock.now() + wait,
        lease_until=None,
    )


def hopeful(page_ids: Sequence[int]) -> set[int]:
    """Those of these pages that reached, or can still reach, somebody."""
    alive = (Attempt.State.WAITING, Attempt.State.CLAIMED, Attempt.State.SENT)
    # A web notification is taken whether or not a browser is open, so it proves nothing.
    found = Attempt.objects.filter(page_id__in=page_ids, state__in=alive).exclude(
        channel="web", state=Attempt.State.SENT
    )
    return set(found.values_list("page_id", flat=True))


def visible_pages(actor: Actor) -> QuerySet[Page]:
    """The one door to pages, newest first, with what is shown of them."""
    require(actor, Right.READ)
    return Page.objects.select_related("person", "incident").prefetch_related("attempts").order_by("-created_at", "-pk")


@dataclass(frozen=True)
class Contact:
    """A contact method as it may be shown: its address with the secret parts hidden."""

    label: str
    shown: str
    min_priority: int
    source: str


def contacts_of(actor: Actor, people: Sequence[Person]) -> dict[int, list[Contact]]:
    """How each of these people is reached, in their order, by the person's number."""
    require(actor, Right.READ)
    found: dict[int, list[Contact]] = {person.pk: [] for person in people}
    for method in ContactMethod.objects.filter(person__in=people).select_related("person").order_by("position", "pk"):
        channel = CHANNELS[method.channel]
        shown = channel.mask(method.address or (method.person.email if method.channel == "mail" else ""))
        found[method.person_id].append(Contact(channel.LABEL, shown, method.min_priority, method.source))
    return found


def waiting_for(actor: Actor) -> set[int]:
    """The incidents for which the actor was paged and has not answered."""
    require(actor, Right.READ)
    if actor.person_id is None:
        return set()
    mine = Page.objects.filter(person_id=actor.person_id, acknowledged_at=None)
    return set(mine.values_list("incident_id", flat=True).distinct())


def page_by_key(key: str) -> Page | None:
    """The page that a signed link stands for."""
    return (
        Page.objects.select_related("person", "incident__service__team", "incident__known_error")
        .filter(key=key)
        .first()
    )


class ContactError(ValueError):
    """A contact method cannot be kept; the text names the field and the remedy."""


@transaction.atomic
def set_contacts(actor: Actor, person: Person, wanted: Sequence[dict[str, object]], source: str = "") -> bool:
    """Make these the person's contact methods, in order. Returns whether anything changed."""
    if actor.person_id != person.pk:
        require(actor, Right.MAINTAIN)
    rows = []
    for place, one in enumerate(wanted):
        channel, address = str(one["channel"]), str(one.get("address") or "")
        if channel not in CHANNELS:
            raise ContactError(f"contact[{place}].channel: {channel!r} is not one of {', '.join(CHANNELS)}")
        try:
            CHANNELS[channel].check(address)
        except ValueError as error:
            raise ContactError(f"contact[{place}].address: {error}") from error
        variable = str(one.get("address_env") or "")
        rows.append((channel, address, place, int(str(one.get("min_priority", 4))), variable))
    old = [(m.channel, m.address, m.position, m.min_priority, m.address_env) for m in person.contact_methods.all()]
    if old == rows:
        return False
    kept = {(channel, address) for channel, address, *_ in rows}
    for method in person.contact_methods.all():
        if (method.channel, method.address) not in kept:
            method.delete()
    for channel, address, place, least, variable in rows:
        ContactMethod.objects.update_or_create(
            person=person,
            channel=channel,
            address=address,
            defaults={"position": place, "min_priority": least, "address_env": variable, "source": source},
        )
    audit.record(actor, "person.contacts", f"person {person.email}", channels=[row[0] for row in rows])
    return True


def overdue(now: datetime, grace: timedelta) -> list[str]:
    """Deliveries that should have happened and did not, as sentences."""
    late = _due(now - grace).select_related("page__person").order_by("due_at")[:20]
    return [f"{attempt.channel} to {attempt.page.person} was due at {attempt.due_at:%H:%M:%S} UTC" for attempt in late]
