"""Work that plans bring: one piece for each coming occurrence of the plan's window, drafted some hours ahead."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.calendar.entries import CalendarError, Occurrence, entry_from
from mainstay.catalog.models import Service
from mainstay.change.maintenance import services as works
from mainstay.change.maintenance.models import Plan, Work
from mainstay.core import audit, clock
from mainstay.core.access import SYSTEM, AccessError, Actor, Right, of_person, require
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore.runbooks import services as runs

KEPT_AS_WRITTEN = (
    *("reach", "reason", "quiet", "announced", "runbook", "inputs", "targets"),
    *("before", "after", "by_itself", "enabled"),
)
# Occurrences of one plan that are drafted at once, however close they come.
MOST = 20


def visible(actor: Actor) -> QuerySet[Plan]:
    """The one door to plans."""
    require(actor, Right.READ)
    return Plan.objects.select_related("owner").prefetch_related("services").order_by("name", "key")


@transaction.atomic
def save(actor: Actor, entry: dict[str, Any], *, services: Sequence[Service], owner: Person, source: str) -> None:
    """Make a plan, or change the one with this key. Its work is drafted by the worker."""
    require(actor, Right.MAINTAIN)
    values = {name: entry[name] for name in ("name", "window", *KEPT_AS_WRITTEN)}
    row, _ = Plan.objects.update_or_create(key=entry["key"], defaults={**values, "owner": owner, "source": source})
    row.services.set(services)
    audit.record(actor, "maintenance.plan_saved", f"maintenance plan {row.key}", window=row.window)


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Delete a plan, and call its coming work off."""
    require(actor, Right.MAINTAIN)
    for plan in Plan.objects.filter(key=key):
        _call_off(plan, set())
        plan.delete()
        audit.record(actor, "maintenance.plan_removed", f"maintenance plan {key}")


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
        works.cancel(SYSTEM, work.pk, "its plan or window was changed")


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
    wanted = works.Wanted(
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
    works.plan(actor, wanted, plan=plan)
    return 1
