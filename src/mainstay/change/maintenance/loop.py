"""What the worker does for planned work: what comes from plans, what begins by itself, and what nobody looked after."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from mainstay.change.maintenance import ahead, overrun, services, telling
from mainstay.change.maintenance.domain import Act, Facts, Limits, decide
from mainstay.change.maintenance.models import Work
from mainstay.core import clock
from mainstay.core.access import SYSTEM, AccessError, Actor, of_person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.checks import services as checks
from mainstay.observe.checks.domain import State as CheckState
from mainstay.restore.runbooks.models import Run

log = logging.getLogger(__name__)
State = Work.State


def run_due() -> int:
    """One round. Returns how many pieces of work asked for something."""
    ahead.plan_ahead()
    now, done = clock.now(), 0
    due = Work.objects.filter(state__in=(State.PLANNED, State.RUNNING, State.CHECKING), starts_at__lte=now)
    for work in due.select_related("run", "silence", "owner").prefetch_related("services"):
        if work.state == State.CHECKING:
            done += _look_at_checks(work)
        elif work.state == State.RUNNING and work.run is not None and work.run.state not in _AT_WORK:
            done += _end_of_run(work)
        else:
            done += _by_time(work)
    return done


_AT_WORK = (Run.State.WAITING, Run.State.RUNNING, Run.State.PERSON)


def _limits() -> Limits:
    conf = current()
    late, forgotten = conf.maintenance_late_minutes, conf.maintenance_forgotten_minutes
    return Limits(timedelta(minutes=late), timedelta(minutes=forgotten))


def _by_time(work: Work) -> int:
    facts = Facts(
        work.starts_at,
        work.ends_at,
        work.began_at,
        work.by_itself,
        work.late_told_at is not None,
        work.overran_told_at is not None,
    )
    decision = decide(facts, _limits(), clock.now())
    if decision.act is Act.BEGIN:
        if _begun(work):
            return 1
        # What hinders it may pass, so it is tried again; whoever planned it is told when it gets late.
        decision = decide(replace(facts, by_itself=False), _limits(), clock.now())
    with transaction.atomic():
        fresh = Work.objects.select_for_update().get(pk=work.pk)
        if fresh.state != work.state:
            return 0
        if decision.act is Act.SAY_LATE:
            _say_late(fresh, decision.reason)
        elif decision.act is Act.LAPSE:
            _lapse(fresh, decision.reason)
        elif decision.act is Act.SAY_OVERRUN:
            _say_overrun(fresh, decision.reason)
        elif decision.act is Act.FORGET:
            services.finish(SYSTEM, fresh, f"Ended by itself: {decision.reason}.", by="Mainstay", failed=True)
            services.tell_owner(fresh, f"{fresh} was ended by itself: {decision.reason}")
        else:
            return 0
    return 1


def _actor(work: Work) -> Actor:
    """Whoever planned it: what begins by itself may do what that person may."""
    return of_person(work.owner, via="maintenance") if work.owner is not None else SYSTEM


def _begun(work: Work) -> bool:
    try:
        services.begin(_actor(work), work.pk)
    except (ProblemError, AccessError) as error:
        detail = error.detail if isinstance(error, ProblemError) else str(error)
        if detail != work.hindrance:
            with transaction.atomic():
                Work.objects.filter(pk=work.pk, state=State.PLANNED).update(hindrance=detail)
                services.note(SYSTEM, work, "hindered", f"Could not begin by itself: {detail}")
            work.hindrance = detail
        return False
    return True


def _say_late(work: Work, reason: str) -> None:
    work.late_told_at = clock.now()
    work.save(update_fields=["late_told_at"])
    why = f"{reason}: {work.hindrance}" if work.hindrance else reason
    services.note(SYSTEM, work, "late", f"Late: {why}")
    services.tell_owner(work, f"{work} is late: {why}")


def _lapse(work: Work, reason: str) -> None:
    work.state, work.ended_at, work.outcome = State.LAPSED, clock.now(), work.hindrance or reason
    work.save(update_fields=["state", "ended_at", "outcome"])
    services.note(SYSTEM, work, "lapse", f"Lapsed: {reason}")
    services.tell_owner(work, f"{work} was never begun: {work.outcome}")
    telling.cancelled(work)


def _say_overrun(work: Work, reason: str) -> None:
    """Its silence has ended with its time. Whoever is on call is told by an alert, which ends with the work."""
    work.overran_told_at = clock.now()
    work.save(update_fields=["overran_told_at"])
    services.note(SYSTEM, work, "overrun", f"Overruns: {reason}")
    services.tell_owner(work, f"{work} overruns: {reason}")
    overrun.begun(work)
    telling.overran(work)


def _end_of_run(work: Work) -> int:
    """Its runbook is over, and with it the work."""
    with transaction.atomic():
        fresh = Work.objects.select_for_update().get(pk=work.pk)
        if fresh.state != State.RUNNING or fresh.run is None:
            return 0
        run = fresh.run
        well = run.state == Run.State.DONE
        why = f" ({run.state_reason})" if run.state_reason else ""
        outcome = f"{run} {run.get_state_display().lower()}{why}."
        services.finish(SYSTEM, fresh, outcome, by="its runbook", failed=not well)
        if not well:
            services.tell_owner(fresh, f"{fresh} ended with trouble: {outcome}")
    return 1


def _look_at_checks(work: Work) -> int:
    """Done when each of its checks has run since its end and is well; failed when one is not, or does not say."""
    found = {one.key: one for one in checks.visible(SYSTEM).filter(key__in=work.after)}
    asked = [(key, found.get(key)) for key in work.after]
    ran = [(key, one) for key, one in asked if one is not None and one.last_at and one.last_at >= _ended(work)]
    unwell = [f"{key}: {one.last_text}" for key, one in ran if one.state != CheckState.OK]
    silent = [key for key, one in asked if (key, one) not in ran]
    late = work.check_until is not None and clock.now() >= work.check_until
    if not unwell and silent and not late:
        return 0
    with transaction.atomic():
        fresh = Work.objects.select_for_update().get(pk=work.pk)
        if fresh.state != State.CHECKING:
            return 0
        trouble = unwell or [f"{key} has not run since" for key in silent]
        fresh.state = State.FAILED if trouble else State.DONE
        told = "; ".join(trouble) if trouble else f"{', '.join(work.after)} well"
        fresh.outcome = f"{fresh.outcome} Checked afterwards: {told}."
        fresh.save(update_fields=["state", "outcome"])
        services.note(SYSTEM, fresh, "checked", f"Checked afterwards: {told}")
        if trouble:
            services.tell_owner(fresh, f"{fresh} ended with trouble: {told}")
            telling.ended(fresh)
    return 1


def _ended(work: Work) -> datetime:
    return work.ended_at or work.starts_at
