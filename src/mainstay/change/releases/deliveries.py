"""Sending verdicts to webhooks: claimed with a lease, sent under one key until they are taken, or given up and told."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F

from mainstay.change.releases import record
from mainstay.change.releases.models import VerdictDelivery
from mainstay.core import clock, secrets, webhooks
from mainstay.core.access import SYSTEM
from mainstay.core.http import OutgoingError
from mainstay.core.settings import current
from mainstay.respond.paging.domain import retry_after

State = VerdictDelivery.State
# As many are tried in one round, so that a slow receiver does not hold the loop for long.
_ROUND = 10


def send_due() -> int:
    """One round of the worker. Returns how many were tried."""
    due = VerdictDelivery.objects.filter(state=State.WAITING, due_at__lte=clock.now()).order_by("due_at")
    tried = 0
    for one in list(due[:_ROUND]):
        # The lease is the time at which it is due again: whoever moves it on from what was read has won it, and one
        # whose worker died is taken up when it runs out.
        lease = clock.now() + timedelta(seconds=current().page_lease + current().send_timeout)
        won = VerdictDelivery.objects.filter(pk=one.pk, state=State.WAITING, due_at=one.due_at).update(
            due_at=lease, tries=F("tries") + 1
        )
        if won == 1:
            _send(one.pk)
            tried += 1
    return tried


def _send(pk: int) -> None:
    one = VerdictDelivery.objects.select_related("release__service").get(pk=pk)
    try:
        address = secrets.get(one.secret) if one.secret else one.address
        answer = webhooks.post(address, one.body.encode(), one.key)
    except secrets.SecretError as error:
        _failed(one, str(error), permanent=False)
    except OutgoingError as error:
        _failed(one, str(error), permanent=error.permanent)
    else:
        _end(one, State.SENT, answer, f"The webhook took the verdict: {answer}.")


def _failed(one: VerdictDelivery, reason: str, *, permanent: bool) -> None:
    wait = retry_after(one.tries, current().page_retries, permanent=permanent)
    if wait is None:
        _end(one, State.FAILED, reason, f"The webhook was not told, {one.tries} tries: {reason}.")
        return
    VerdictDelivery.objects.filter(pk=one.pk, state=State.WAITING, due_at=one.due_at).update(
        due_at=clock.now() + wait, answer=reason[:500]
    )


@transaction.atomic
def _end(one: VerdictDelivery, state: str, answer: str, said: str) -> None:
    won = VerdictDelivery.objects.filter(pk=one.pk, state=State.WAITING).update(state=state, answer=answer[:500])
    if won == 1:
        record.note(SYSTEM, one.release, "webhook", said, state=state, key=one.key)
