"""Work that plans bring: one piece for each coming occurrence of the plan's window, drafted some hours ahead."""

from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.calendar.entries import CalendarError, Occurrence, entry_from
from mainstay.change.maintenance import services
from mainstay.change.maintenance.models import Plan, Work
from mainstay.core import clock
from mainstay.core.access import SYSTEM, AccessError, of_person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore.runbooks import services as runs

# Occurrences of one plan that are drafted at once, however close they come.
MOST = 20


def plan_ahead() -> int:
    """Draft what comes, and call off what its window does not bring any more. Returns how many were drafted."""
    made = 0
    for plan in Plan.objects.filter(enabled=True).select_related("owner").prefetch_related("services"):
        try:
            coming = _coming(plan)
            _call_off(plan, {one.start for one in coming})
            for one in coming:
                made += _draft(plan, one)
            problem = ""
        except (ProblemError, AccessError, CalendarError) as error:
            problem = error.detail if isinstance(error, ProblemError) else str(error)
        if problem != plan.problem:
            Plan.objects.filter(pk=plan.pk).update(problem=problem)
    return made


def _coming(plan: Plan) -> list[Occurrence]:
    row = calendar.get(SYSTEM, plan.window)
    entry, now = entry_from(calendar.raw_of(row)), clock.now()
    lead = now + timedelta(hours=current().maintenance_lead_hours)
    return list(islice((one for one in entry.between(now, lead) if one.start >= now), MOST)) if row.enabled else []


def _call_off(plan: Plan, starts: set[datetime]) -> None:
    gone = plan.works.filter(state=Work.State.PLANNED, starts_at__gt=clock.now()).exclude(starts_at__in=starts)
    lead = clock.now() + timedelta(hours=current().maintenance_lead_hours)
    for work in gone.filter(starts_at__lt=lead):
        services.cancel(SYSTEM, work.pk, "its plan or window was changed")


@transaction.atomic
def _draft(plan: Plan, one: Occurrence) -> int:
    if plan.works.filter(starts_at=one.start).exists():
        return 0
    if plan.owner is None:
        raise ProblemError(409, "No owner", "name an owner: what begins by itself may do what the owner may")
    actor = of_person(plan.owner, via="maintenance")
    keys = frozenset(service.key for service in plan.services.all())
    run = None
    if plan.runbook:
        run = runs.propose(actor, plan.runbook, plan.inputs, targets=plan.targets, reason=f"{plan.name}: {plan.reason}")
        if not runs.startable(run).allowed:
            runs.request(actor, run.pk)
    wanted = services.Wanted(
        plan.name,
        plan.reason,
        keys,
        one.start,
        one.end,
        plan.reach,
        plan.quiet,
        plan.announced,
        plan.before,
        plan.after,
        run.pk if run else None,
        plan.by_itself,
    )
    services.plan(actor, wanted, plan=plan)
    return 1
