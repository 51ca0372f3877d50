"""Tell subscribers what happens: written in the commit of the thing itself, sent afterwards. The room's one door."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.catalog import services as catalog
from mainstay.catalog.models import BusinessProcess, Service
from mainstay.core import audit, clock, ids, smtp
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.respond.comms.models import Notice, Subscriber
from mainstay.respond.paging.domain import retry_after

log = logging.getLogger(__name__)


def visible(actor: Actor) -> QuerySet[Subscriber]:
    """The one door to subscribers."""
    require(actor, Right.READ)
    return Subscriber.objects.prefetch_related("services", "processes").order_by("name", "key")


def notices(actor: Actor, about: str = "") -> QuerySet[Notice]:
    """What was told, the newest first; all of it, or what concerns one thing."""
    require(actor, Right.READ)
    found = Notice.objects.select_related("subscriber").order_by("-pk")
    return found.filter(about=about) if about else found


@transaction.atomic
def save(
    actor: Actor,
    key: str,
    *,
    name: str,
    mail: str,
    timezone: str,
    services: Sequence[Service],
    processes: Sequence[BusinessProcess],
    source: str,
) -> Subscriber:
    """Make a subscriber, or change the one with this key."""
    require(actor, Right.MAINTAIN)
    if "@" not in parseaddr(mail)[1] or any(sign in mail for sign in "\r\n"):
        raise bad_request(f"{mail!r} is not a mail address", "mail")
    row, _ = Subscriber.objects.update_or_create(
        key=key,
        defaults={
            "name": name,
            "mail": mail,
            "timezone": timezone,
            "of_everything": not services and not processes,
            "source": source,
        },
    )
    row.services.set(services)
    row.processes.set(processes)
    audit.record(actor, "subscriber.save", f"subscriber {key}", mail=mail)
    return row


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Tell somebody nothing more. What was told stays."""
    require(actor, Right.MAINTAIN)
    if Subscriber.objects.filter(key=key).delete()[0]:
        audit.record(actor, "subscriber.remove", f"subscriber {key}")


def concerned(services: Collection[str], now: datetime) -> tuple[list[Subscriber], list[str]]:
    """Who wants to know of something that happens to these services, and the names of the processes that it reaches."""
    picture = catalog.picture()
    hits = {hit.process.key: hit.process.name for one in services for hit in picture.impact(one, now).hits}
    wanted = Q(of_everything=True) | Q(services__key__in=services) | Q(processes__key__in=hits)
    return list(Subscriber.objects.filter(wanted).distinct().order_by("key")), sorted(hits.values())


def tell(about: str, to: Sequence[Subscriber], written: Callable[[str], tuple[str, str]]) -> int:
    """Have a notice sent to each, in the caller's transaction. ``written`` gives subject and text for a time zone.

    An address that several of them have is told once. Returns how many are told.
    """
    now = clock.now()
    rows: dict[str, Notice] = {}
    for one in to:
        subject, text = written(one.timezone or current().default_timezone)
        foot = f"\n-- \nYou are told as {one.name}, a subscriber of {current().public_url}.\n"
        rows.setdefault(
            one.mail.lower(),
            Notice(
                subscriber=one,
                address=one.mail,
                about=about,
                subject=subject[:300],
                text=text + foot,
                key=ids.new_id(),
                due_at=now,
                created_at=now,
            ),
        )
    Notice.objects.bulk_create(rows.values())
    return len(rows)


def mail(about: str, addresses: Sequence[str], subject: str, text: str) -> int:
    """Have the same mailed to people who are no subscribers, in the caller's transaction. Returns how many are told."""
    now = clock.now()
    rows = {
        one.lower(): Notice(
            address=one, about=about, subject=subject[:300], text=text, key=ids.new_id(), due_at=now, created_at=now
        )
        for one in addresses
    }
    Notice.objects.bulk_create(rows.values())
    return len(rows)


def tell_person(about: str, address: str, subject: str, text: str) -> None:
    """Have a mail sent to somebody who works here, in the caller's transaction. It is no page and wakes nobody."""
    mail(about, [address], subject, text)


def send_due(limit: int = 20) -> int:
    """Send what is due. Each is taken by a conditional update with a lease, so that two workers never both send it."""
    now = clock.now()
    due = Q(state=Notice.State.WAITING, due_at__lte=now) | Q(state=Notice.State.CLAIMED, lease_until__lte=now)
    sent = 0
    for pk in list(Notice.objects.filter(due).order_by("due_at").values_list("pk", flat=True)[:limit]):
        # Long enough for the slowest mail server; a worker that died loses it after that.
        lease = clock.now() + timedelta(seconds=current().send_timeout * 4)
        if Notice.objects.filter(due, pk=pk).update(state=Notice.State.CLAIMED, lease_until=lease) == 1:
            _send(Notice.objects.get(pk=pk))
            sent += 1
    return sent


def _send(notice: Notice) -> None:
    notice.tries += 1
    notice.lease_until = None
    try:
        notice.answer = smtp.hand_over(smtp.compose(notice.address, notice.subject, notice.text, notice.key))[:500]
        notice.state, notice.sent_at = Notice.State.SENT, clock.now()
    except smtp.MailError as error:
        wait = retry_after(notice.tries, current().page_retries, permanent=error.permanent)
        notice.answer = str(error)[:500]
        notice.state = Notice.State.FAILED if wait is None else Notice.State.WAITING
        notice.due_at = clock.now() + (wait or timedelta())
        log.warning("%s was not taken: %s", notice, error)
    notice.save()
