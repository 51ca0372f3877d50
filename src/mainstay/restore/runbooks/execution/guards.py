"""What a run asks before it works: the calendar, and whether its targets are free."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from mainstay.catalog.calendar import gate
from mainstay.core import clock, locks
from mainstay.restore.runbooks import hosts
from mainstay.restore.runbooks.book.model import Book
from mainstay.restore.runbooks.execution.desk import actor_of
from mainstay.restore.runbooks.hosts import Machine
from mainstay.restore.runbooks.models import Run, TargetLease


def ask_gate(run: Run, book: Book, *, first: bool) -> str:
    """Why production may not be changed now, or nothing. A book that only looks is not asked about."""
    if not book.changes:
        return ""
    services, actor = run.service_keys(), actor_of(run)
    answer = gate.may_change(
        actor, services, clock.now(), kind="runbook", emergency=run.emergency or None, in_window=book.in_windows
    )
    if not answer.allowed:
        return answer.reason
    if first:
        gate.record(actor, answer, kind="runbook", services=services, target=str(run))
    return ""


def take_targets(run: Run, machines: Sequence[Machine], until: datetime) -> str:
    """Take all targets of a run, or none: who holds one, or nothing.

    All at once, so that two runs never wait for each other. A lease that has run out is taken over.
    """
    places = {hosts.place(one): one.key for one in machines}
    if not places:
        return ""
    with transaction.atomic():
        locks.one_at_a_time("runbook targets")
        now = clock.now()
        TargetLease.objects.filter(address__in=places, until__lte=now).exclude(run=run).delete()
        other = TargetLease.objects.filter(address__in=places).exclude(run=run).select_related("run").first()
        if other is not None:
            return f"{places[other.address]} is held by {other.run}"
        mine = TargetLease.objects.filter(run=run)
        mine.update(until=until)
        have = set(mine.values_list("address", flat=True))
        TargetLease.objects.bulk_create(
            [TargetLease(address=one, run=run, until=until) for one in places if one not in have]
        )
    return ""


def keep_targets(run: Run, until: datetime) -> None:
    """Hold the targets while the run waits for something."""
    TargetLease.objects.filter(run=run).update(until=until)


def release_targets(run: Run) -> None:
    """Let others have them."""
    TargetLease.objects.filter(run=run).delete()
