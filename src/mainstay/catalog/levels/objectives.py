"""Objectives and how they stand. The one door to them; what is measured comes from the loop of a room above."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar.domain import Allowance
from mainstay.catalog.levels.budgets import DAY, Window
from mainstay.catalog.levels.models import Budget, Objective, Tally
from mainstay.catalog.models import Service
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import not_found
from mainstay.core.settings import current

# What an objective is measured by. When it changes, what was measured before is another thing.
_MEASURE = ("good", "bad", "total", "ratio", "timezone")


def visible(actor: Actor) -> QuerySet[Objective]:
    """The one door to objectives."""
    require(actor, Right.READ)
    return Objective.objects.select_related("service", "budget").order_by("service__name", "key")


def get(actor: Actor, key: str) -> Objective:
    """One objective."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"objective {key}")
    return found


@transaction.atomic
def save(actor: Actor, entry: Mapping[str, Any], service: Service, *, source: str) -> Objective:
    """Make an objective of an entry of a file, or change the one with this key."""
    require(actor, Right.MAINTAIN)
    gate = entry["gate"] or {}
    values = {
        name: entry[name] for name in ("name", *_MEASURE, "target", "window_days", "alerts", "least_failed", "enabled")
    }
    values |= {
        "service": service,
        "source": source,
        "gate_below": gate.get("below"),
        "gate_kinds": ",".join(sorted(gate.get("kinds", ()))),
        "gate_unknown": gate.get("unknown", "closed"),
    }
    before = Objective.objects.filter(key=entry["key"]).values(*_MEASURE, "target", "window_days").first()
    row, _ = Objective.objects.update_or_create(key=entry["key"], defaults=values)
    if before and any(before[name] != entry[name] for name in _MEASURE):
        row.tallies.all().delete()
        Budget.objects.filter(objective=row).update(measured_until=None)
    if before is None or any(before[name] != entry[name] for name in before):
        # Its alerts stay what they are until it has been computed anew.
        Budget.objects.update_or_create(
            objective=row, defaults={"left": None, "computed_at": None, "problem": "it has not been computed yet"}
        )
    audit.record(actor, "objective.save", f"objective {row.key}", aim=row.target, service=service.key, gate=gate)
    feed.tell("objectives", row.key)
    return row


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Delete an objective and all that was measured of it."""
    require(actor, Right.MAINTAIN)
    Objective.objects.filter(key=key).delete()
    audit.record(actor, "objective.remove", f"objective {key}")
    feed.tell("objectives", key)


def window_of(objective: Objective) -> Window:
    """The time over which it holds."""
    return Window(objective.window_days, objective.timezone)


@dataclass(frozen=True)
class Standing:
    """How an objective stands, for people. ``unknown`` says why nothing can be said; then no number is of now."""

    objective: Objective
    budget: Budget
    unknown: str

    @property
    def compliance(self) -> float | None:
        """The share that went well, over what is known of the window."""
        if not self.budget.known_seconds:
            return None
        return self.budget.good / self.budget.total if self.budget.total else 1.0

    @property
    def state(self) -> str:
        """A word for it: unknown, exhausted, burning or kept."""
        if self.unknown or self.budget.left is None:
            return "unknown"
        if self.budget.left <= 0:
            return "exhausted"
        return "burning" if self.budget.page_since or self.budget.ticket_since else "kept"

    @property
    def minutes_left(self) -> float | None:
        """The budget that is left, as minutes in which nothing goes well."""
        if self.budget.left is None:
            return None
        return self.budget.left * (1 - self.objective.target) * self.budget.window_seconds / 60

    @property
    def known(self) -> float:
        """The share of the window so far, up to 1, of which something is known."""
        return min(self.budget.known_seconds / self.budget.window_seconds, 1.0) if self.budget.window_seconds else 0.0

    @property
    def burns(self) -> list[tuple[str, float | None]]:
        """The burn rates that people are shown, by window."""
        shown = {name: self.budget.burns.get(name) for name in ("5m", "1h", "6h", "3d")}
        return [(name, found[0] if found else None) for name, found in shown.items()]


def standing(objective: Objective, now: datetime) -> Standing:
    """How it stands now. What was computed too long ago is not known now, whatever it was."""
    budget = getattr(objective, "budget", None) or Budget(objective=objective, problem="it has not been computed yet")
    return Standing(objective, budget, doubt(budget.problem, budget.computed_at, now))


def doubt(problem: str, computed_at: datetime | None, now: datetime) -> str:
    """Why a budget is not known, nothing when it is."""
    if problem:
        return problem
    limit = timedelta(minutes=current().slo_unknown_minutes)
    if computed_at is None or now - computed_at > limit:
        return f"it was not computed in the last {current().slo_unknown_minutes} minutes"
    return ""


def standings(actor: Actor, service: Service | None = None) -> list[Standing]:
    """How objectives stand, in one query; those of one service, or all."""
    found = visible(actor).filter(enabled=True)
    now = clock.now()
    return [standing(one, now) for one in (found.filter(service=service) if service else found)]


def allowances(now: datetime, services: Collection[str] | None = None) -> list[Allowance]:
    """Budgets that the gate asks about, those of some services or all, in one query."""
    asked = Objective.objects.filter(enabled=True, gate_below__isnull=False)
    rows = (asked if services is None else asked.filter(service__key__in=services)).values_list(
        *("name", "service__key", "gate_below", "gate_kinds", "gate_unknown", "timezone"),
        *("budget__left", "budget__problem", "budget__computed_at", "budget__renews_at"),
    )
    found = []
    for name, service, below, kinds, unknown, zone, share, problem, computed_at, renews_at in rows:
        why = doubt(problem or "", computed_at, now)
        found.append(
            Allowance(
                name=name,
                service=service,
                below=below,
                kinds=frozenset(kinds.split(",")),
                left=None if why else share,
                why=why or "nothing was measured yet",
                until=renews_at,
                timezone=zone,
                unknown_closes=unknown == "closed",
            )
        )
    return found


def days(actor: Actor, objective: Objective) -> list[tuple[datetime, float | None]]:
    """For each day of its window the share that went well; nothing for a day without events. Oldest first."""
    require(actor, Right.READ)
    since = window_of(objective).start(clock.now())
    found = Tally.objects.filter(objective=objective, grain=DAY, start__gte=since - timedelta(days=1))
    rows = found.order_by("start").values_list("start", "good", "total")
    return [(start, good / total if total else None) for start, good, total in rows]
