"""The inbox: signals go upward as rows, written in the transaction of whoever saw them.

A row is deleted in the very transaction that acts on it, so a crash leaves either the row or its effect, never both
and never neither.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import clock, doorbell, locks
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import InboxItem
from mainstay.core.settings import current

MAX_TRIES = 5


class InboxFullError(Exception):
    """More signals wait than the setting ``inbox_max`` allows; the sender should come back later."""


def put(kind: str, payloads: Iterable[dict[str, Any]]) -> int:
    """Write signals in the caller's transaction and ring for the worker when it has committed."""
    at = clock.now()
    rows = [InboxItem(kind=kind, payload=payload, received_at=at) for payload in payloads]
    InboxItem.objects.bulk_create(rows, batch_size=1000)
    if rows:
        transaction.on_commit(lambda: doorbell.ring(doorbell.INBOX))
    return len(rows)


def check_room() -> None:
    """Raise ``InboxFullError`` when the inbox is full."""
    found = waiting()
    if found >= current().inbox_max:
        raise InboxFullError(f"{found} signals wait for the worker; send again later")


def waiting() -> int:
    """How many signals wait for the worker."""
    return InboxItem.objects.filter(failed_at=None).count()


def failed(actor: Actor) -> QuerySet[InboxItem]:
    """The one door to signals that were set aside, newest first."""
    require(actor, Right.READ)
    return InboxItem.objects.exclude(failed_at=None).order_by("-failed_at")


def drain(kind: str, act: Callable[[Sequence[InboxItem]], None], limit: int = 500) -> int:
    """Hand the oldest waiting signals of a kind to ``act`` in one transaction and delete them with it.

    If ``act`` raises, the batch is tried again one signal at a time, so that one bad signal cannot hold up the good
    ones; a signal that keeps failing is set aside with its error after ``MAX_TRIES`` rounds. Returns how many were
    worked off.
    """
    try:
        return _drain_once(kind, act, limit)
    except Exception:  # noqa: BLE001 - any failure of the batch is looked at again signal by signal
        done = 0
        for pk in list(_waiting(kind).values_list("pk", flat=True)[:limit]):
            done += _drain_single(kind, pk, act)
        return done


def _waiting(kind: str) -> Any:
    return InboxItem.objects.filter(kind=kind, failed_at=None).order_by("id")


def _drain_once(kind: str, act: Callable[[Sequence[InboxItem]], None], limit: int) -> int:
    if not _waiting(kind).exists():
        return 0
    with transaction.atomic():
        # Signals must be acted on in their order, so only one worker takes any at a time.
        locks.one_at_a_time(f"inbox {kind}")
        items = list(_waiting(kind)[:limit])
        if items:
            act(items)
            InboxItem.objects.filter(pk__in=[item.pk for item in items]).delete()
    return len(items)


def _drain_single(item_kind: str, pk: int, act: Callable[[Sequence[InboxItem]], None]) -> int:
    try:
        with transaction.atomic():
            locks.one_at_a_time(f"inbox {item_kind}")
            item = InboxItem.objects.filter(pk=pk, failed_at=None).first()
            if item is None:
                return 0
            act([item])
            item.delete()
            return 1
    except Exception as error:  # noqa: BLE001 - the failure is recorded on the signal, for the operator to see
        item = InboxItem.objects.get(pk=pk)
        item.tries += 1
        item.error = f"{type(error).__name__}: {error}"[:2000]
        item.failed_at = clock.now() if item.tries >= MAX_TRIES else None
        item.save(update_fields=["tries", "error", "failed_at"])
        return 0
