"""What problems cost, whom they hurt, and their order by cost: read from their incidents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.learn.problems.domain.costs import Cost, Share, Span, Times, cost_of, pareto, span_of, whole
from mainstay.learn.problems.models import Occurrence, Problem
from mainstay.respond.incidents.models import Incident

# Problems that are put in the order of their cost; older ones stand in the list of those that are over.
_MOST = 500


@dataclass(frozen=True)
class Ranked:
    """A problem in the order of cost; ``percent`` and ``up_to`` are its part and that of all up to it, of 100."""

    problem: Problem
    share: Share

    @property
    def percent(self) -> int:
        """Its part."""
        return round(100 * self.share.part)

    @property
    def up_to(self) -> int:
        """The part of all up to it."""
        return round(100 * self.share.up_to)


@dataclass(frozen=True)
class Happened:
    """An incident of a problem with why it belongs to it and what it cost."""

    incident: Incident
    why: str
    cost: Cost


def costs_of(problems: Sequence[int], days: int | None = None) -> dict[int, Cost]:
    """What each problem has cost, in the last so many days or altogether."""
    rows = Occurrence.objects.filter(problem__in=problems).select_related("incident")
    if days is not None:
        rows = rows.filter(incident__started_at__gte=clock.now() - timedelta(days=days))
    pages = _pages([row.incident_id for row in rows])
    found: dict[int, list[Incident]] = {number: [] for number in problems}
    for row in rows:
        found[row.problem_id].append(row.incident)
    return {
        number: whole([_cost(one, pages) for one in mine], list(map(_span, mine))) for number, mine in found.items()
    }


def together(rows: Sequence["Happened"]) -> Cost:
    """What the incidents of a problem cost together."""
    return whole([one.cost for one in rows], [_span(one.incident) for one in rows])


def _pages(incidents: Sequence[int]) -> Mapping[int, int]:
    rows = Incident.objects.filter(pk__in=incidents).annotate(told=Count("pages")).values_list("pk", "told")
    return dict(rows)


def _times(incident: Incident) -> Times:
    return Times(incident.started_at, incident.acknowledged_at, incident.restored_at, incident.resolved_at)


def _cost(incident: Incident, pages: Mapping[int, int]) -> Cost:
    hit = incident.reason.get("processes") or ()
    return cost_of(_times(incident), hit, pages.get(incident.pk, 0), clock.now())


def _span(incident: Incident) -> Span:
    return span_of(_times(incident), incident.reason.get("processes") or (), clock.now())


def ranked(actor: Actor, problems: Sequence[Problem], days: int | None = None) -> list[Ranked]:
    """Problems in the order of their cost."""
    require(actor, Right.READ)
    by_number = {one.pk: one for one in problems[:_MOST]}
    return [Ranked(by_number[share.number], share) for share in pareto(costs_of(list(by_number), days))]


def happened(actor: Actor, problem: Problem) -> list[Happened]:
    """The incidents of a problem, the latest first."""
    require(actor, Right.READ)
    rows = list(
        problem.occurrences.select_related("incident__service", "incident__owner").order_by("-incident__started_at")
    )
    pages = _pages([row.incident_id for row in rows])
    return [Happened(row.incident, row.why, _cost(row.incident, pages)) for row in rows]


def impact(rows: Sequence[Happened]) -> list[dict[str, Any]]:
    """The business processes that were hit: name, users, how often, and their minutes."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for process in row.incident.reason.get("processes") or ():
            one = found.setdefault(
                process["key"], {"name": process["name"], "users": process.get("users", ""), "times": 0, "minutes": 0}
            )
            one["times"] += 1
            one["minutes"] += row.cost.minutes_down
    return sorted(found.values(), key=lambda one: (-one["minutes"], one["name"]))
