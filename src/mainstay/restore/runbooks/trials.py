"""Dry runs go to the worker, which reaches the targets and becomes the user that steps run as, as a run will.

A dry run changes nothing, so one whose worker died is simply made again.
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from mainstay.core import clock, doorbell, ids
from mainstay.core.access import SYSTEM, Actor, of_person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore import review
from mainstay.restore.runbooks import facts, trial
from mainstay.restore.runbooks.models import Run, Trial

log = logging.getLogger(__name__)
# What reaching, writing and the way there may take beside the looking around itself.
_BESIDE = timedelta(seconds=15)
# Nobody waits any more for what was found so long ago.
_FORGOTTEN = timedelta(hours=1)
_LOOK = 0.1


@dataclass
class Taken:
    """A dry run that this process makes."""

    pk: int
    holder: str


def _longest() -> timedelta:
    return timedelta(seconds=current().runbook_dry_run_seconds) + _BESIDE


@transaction.atomic
def ask(actor: Actor, run: Run, text: str) -> Trial:
    """Write down that a dry run is wanted. One that was asked for before and is not made yet is replaced."""
    now = clock.now()
    Trial.objects.filter(asked_at__lte=now - _FORGOTTEN).delete()
    kept = run if run.pk else None
    if kept:
        Trial.objects.filter(run=kept).delete()
    made = Trial.objects.create(
        run=kept,
        run_hash=facts.hash_of(kept) if kept else "",
        text=text,
        inputs=run.inputs,
        targets=run.targets,
        asked_by_id=actor.person_id,
        asked_name=actor.name,
        asked_at=now,
    )
    transaction.on_commit(lambda: doorbell.ring(doorbell.RUNS))
    return made


def is_asked(run: Run) -> bool:
    """Whether a dry run of it is on its way."""
    return Trial.objects.filter(run=run).exists()


def wait(number: int) -> dict[str, Any]:
    """What the worker found; nothing of it when it is kept with its run. Raises when no worker makes it in time."""
    deadline = time.monotonic() + _longest().total_seconds()
    while time.monotonic() < deadline:
        found = Trial.objects.filter(pk=number).first()
        if found is None:
            return {}
        if found.seen is not None:
            found.delete()
            return dict(found.seen)
        time.sleep(_LOOK)
    raise ProblemError(
        503,
        "No worker made the dry run",
        "It is made once a worker has time: see 'mainstay doctor', and look at the run again then.",
    )


def claim() -> Taken | None:
    """Take one that nobody makes. Exactly one worker gets it."""
    now = clock.now()
    due = Trial.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), seen__isnull=True)
    for pk in due.order_by("pk").values_list("pk", flat=True):
        taken = Taken(int(pk), ids.new_id())
        if due.filter(pk=pk).update(holder=taken.holder, lease_until=now + _longest()) == 1:
            return taken
    return None


def carry(taken: Taken) -> None:
    """Make it, and hand over what was found."""
    wanted = Trial.objects.select_related("run__version__book", "asked_by").get(pk=taken.pk)
    asker = of_person(wanted.asked_by, via="runbook") if wanted.asked_by is not None else SYSTEM
    run = wanted.run or Run(inputs=wanted.inputs, targets=wanted.targets)
    try:
        book = facts.book_of(wanted.text)
        run.title = book.title
        seen = trial.of_book(asker, book, run)
    except Exception as error:
        # Whoever waits is told; left alone it would break off again and again.
        log.exception("%s broke off", wanted)
        seen = trial.nothing(f"the dry run broke off: {type(error).__name__}: {error}")
    _hand_over(taken, wanted, asker, seen)


@transaction.atomic
def _hand_over(taken: Taken, wanted: Trial, asker: Actor, seen: dict[str, Any]) -> None:
    """To whoever waits. What an edit overtook is dropped, and so is what another worker has taken over."""
    mine = Trial.objects.filter(pk=taken.pk, holder=taken.holder)
    if wanted.run_id is None:
        mine.update(seen=seen)
        return
    run = review.locked(Run, SYSTEM, wanted.run_id)
    if not mine.delete()[0] or facts.hash_of(run) != wanted.run_hash:
        return
    run.dry_run, run.dry_run_hash = seen, wanted.run_hash
    run.save(update_fields=["dry_run", "dry_run_hash"])
    review.note(asker, run, "dry_run", "dry-run made", problems=seen["problems"][:20])
