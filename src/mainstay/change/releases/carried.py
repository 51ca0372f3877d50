"""What the end of a runbook means for the release that it was begun for."""

from django.db import transaction

from mainstay.change.releases import domain, record, services
from mainstay.change.releases.domain import Act
from mainstay.change.releases.models import Release
from mainstay.change.releases.plans import services as plans
from mainstay.core.access import SYSTEM
from mainstay.restore.runbooks.models import Run

_ENDED = (Run.State.DONE, Run.State.FAILED, Run.State.STOPPED, Run.State.REJECTED, Run.State.WITHDRAWN)


def settle() -> int:
    """One round of the worker: go on with releases whose runs have ended. Returns how many."""
    rolled_out = Release.objects.filter(state=Release.State.STARTED, rollout_run__state__in=_ENDED)
    undone = Release.objects.filter(undo_settled=False, undo_run__state__in=_ENDED)
    return sum(_rolled_out(one.pk) for one in rolled_out) + sum(_undone(one.pk) for one in undone)


@transaction.atomic
def _rolled_out(number: int) -> bool:
    """A run that went through finishes the release, any other end breaks it off."""
    release = Release.objects.select_for_update().get(pk=number)
    run = release.rollout_run
    if release.state != Release.State.STARTED or run is None:
        return False
    if run.state == Run.State.DONE:
        services.finish(SYSTEM, number)
    else:
        services.break_off(SYSTEM, number, _ended(run))
    return True


def _ended(run: Run) -> str:
    why = f": {run.state_reason}" if run.state_reason else ""
    return f"{run} has ended, {run.get_state_display().lower()}{why}"


@transaction.atomic
def _undone(number: int) -> bool:
    release = Release.objects.select_for_update().get(pk=number)
    run = release.undo_run
    if release.undo_settled or run is None:
        return False
    release.undo_settled = True
    release.save(update_fields=["undo_settled"])
    record.note(SYSTEM, release, "undo_ended", _ended(run), run=str(run))
    plan = plans.of_service(SYSTEM, release.service)
    rolls_back = plan is not None and bool((plan.on_failed or {}).get("rolls_back"))
    if rolls_back and run.state == Run.State.DONE and domain.step(domain.State(release.state), Act.ROLL_BACK).allowed:
        services.roll_back(SYSTEM, number, f"{run} went through.")
    return True
