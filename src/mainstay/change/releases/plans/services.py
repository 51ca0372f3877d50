"""What can be done with plans: keep, show, carry out. The one door to them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.models import Service
from mainstay.change.releases.evidence import Evidence
from mainstay.change.releases.judge import Verdict
from mainstay.change.releases.models import Release, ReleasePlan
from mainstay.change.releases.plans import looking
from mainstay.change.releases.plans.model import Step
from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import not_found

KEPT_AS_WRITTEN = ("steps", "on_failed", "on_verdict", "enabled")
# A plan that is tried out looks back as far as this.
_TRIED_OVER = timedelta(minutes=10)


class PlanError(ValueError):
    """A plan cannot be kept; the text names the field."""


def visible(actor: Actor) -> QuerySet[ReleasePlan]:
    """The one door to plans, by key."""
    require(actor, Right.READ)
    return ReleasePlan.objects.select_related("service").order_by("key")


def get(actor: Actor, key: str) -> ReleasePlan:
    """One plan."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"release plan {key}")
    return found


def of_service(actor: Actor, service: Service) -> ReleasePlan | None:
    """The plan of a service, if it has one that is switched on."""
    return visible(actor).filter(service=service, enabled=True).first()


def steps_of(plan: ReleasePlan) -> list[Step]:
    """Its steps, read."""
    return [Step.model_validate(one) for one in plan.steps]


@transaction.atomic
def save(actor: Actor, entry: dict[str, Any], service: Service, source: str) -> ReleasePlan:
    """Make a plan, or change the one with this key. A service has one."""
    require(actor, Right.MAINTAIN)
    other = ReleasePlan.objects.filter(service=service).exclude(key=entry["key"]).first()
    if other is not None:
        raise PlanError(f"service: {service.key} has the plan {other.key!r} already; put the steps into one")
    values = {name: entry[name] for name in ("name", *KEPT_AS_WRITTEN)}
    row, _ = ReleasePlan.objects.update_or_create(
        key=entry["key"], defaults={**values, "service": service, "source": source}
    )
    audit.record(actor, "release.plan_saved", f"release plan {row.key}", service=service.key, steps=len(row.steps))
    return row


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Delete a plan that left its file. What is still awaited by it becomes inconclusive."""
    require(actor, Right.MAINTAIN)
    if ReleasePlan.objects.filter(key=key).delete()[0]:
        audit.record(actor, "release.plan_removed", f"release plan {key}")


def carry_out(actor: Actor, release: Release) -> list[Evidence]:
    """What every step says of a release that has finished; nothing where its service has no plan."""
    plan = of_service(actor, release.service)
    if plan is None or release.finished_at is None:
        return []
    return [_linked(plan, one) for one in looking.all_of(steps_of(plan), release.finished_at)]


def try_out(actor: Actor, key: str) -> list[Evidence]:
    """Carry a plan out now, as if the release had been ten minutes ago. No release is judged by it."""
    require(actor, Right.RESPOND)
    plan = get(actor, key)
    audit.record(actor, "release.plan_tried", f"release plan {key}")
    return looking.all_of(steps_of(plan), clock.now() - _TRIED_OVER)


def look_again(actor: Actor, release: Release, awaited: Evidence, finished: datetime) -> Evidence:
    """What an awaited step says by now."""
    plan = of_service(actor, release.service)
    step = next((one for one in steps_of(plan) if one.key == awaited.step), None) if plan else None
    if plan is None or step is None or step.batch is None:
        return Evidence(awaited.what, Verdict.INCONCLUSIVE, "it is no longer in the plan of the service")
    return _linked(plan, looking.look(step, finished))


def _linked(plan: ReleasePlan, one: Evidence) -> Evidence:
    return Evidence(one.what, one.verdict, one.said, f"/releases/plans/{plan.key}", one.step, one.until)
