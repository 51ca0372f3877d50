"""Service levels: objectives with their budgets, what is agreed on incidents, and how it is kept."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from mainstay.catalog.levels import objectives
from mainstay.catalog.levels import services as promised
from mainstay.core import clock
from mainstay.faces.web.views.base import actor_of, show
from mainstay.faces.web.views.panels import spark_line
from mainstay.observe.metrics.charts import Chart
from mainstay.respond.clocks import services as clocks
from mainstay.respond.incidents import services as incidents

# Of incidents that were resolved in so many days it is told how agreements were kept.
KEPT_DAYS = 90
MOST_INCIDENTS = 20


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """Objectives, and agreements with how often they were kept of late."""
    actor = actor_of(request)
    context = {
        "standings": objectives.standings(actor),
        "agreements": list(promised.visible(actor)[:500]),
        "kept": sorted(clocks.counts(actor, clock.now() - timedelta(days=KEPT_DAYS)).items()),
        "kept_days": KEPT_DAYS,
    }
    return show(request, "levels", context)


@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """One objective: how it stands, how its days were, and what used its budget up."""
    actor, now = actor_of(request), clock.now()
    objective = objectives.get(actor, key)
    standing = objectives.standing(objective, now)
    found = objectives.days(actor, objective)
    shares = [share for _, share in found if share is not None]
    since = objectives.window_of(objective).start(now)
    broken = incidents.visible(actor).filter(service=objective.service, opened_at__gte=since).order_by("-opened_at")
    context: dict[str, Any] = {
        "objective": objective,
        "one": standing,
        "standings": [standing],
        "incidents": list(broken[:MOST_INCIDENTS]),
    }
    if shares:
        row = tuple(share for _, share in found)
        times = tuple(int(start.timestamp() * 1000) for start, _ in found)
        context["line"] = spark_line(Chart(times, (("kept", row),), objective.target, "<", ""))
        context["summary"] = f"{len(shares)} days, the worst {min(shares):.2%}, the best {max(shares):.2%}"
    return show(request, "level", context)
