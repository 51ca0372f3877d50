"""Rules and changes."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from mainstay.catalog import services as catalog
from mainstay.core import clock
from mainstay.faces.web.views.base import actor_of, show, whole
from mainstay.observe.changes import services as changes
from mainstay.observe.logs.rules.definition import parse_rule
from mainstay.observe.metrics import services as metrics
from mainstay.observe.metrics.models import Rule
from mainstay.observe.telemetry.services import TelemetryError

RANGES = ((6, "6 hours"), (24, "day"), (72, "3 days"), (24 * 14, "2 weeks"))


def rules(request: HttpRequest) -> HttpResponse:
    """All rules and how they stand, those in trouble first."""
    rows = []
    for rule in metrics.visible_rules(actor_of(request)):
        states = [series.state for series in rule.series.all()]
        rows.append((rule, states.count("firing"), states.count("pending")))
    rows.sort(key=lambda row: (not row[0].last_error, -row[1], -row[2], row[0].group, row[0].name.lower()))
    return show(request, "rules", {"rows": rows})


def rule(request: HttpRequest, key: str) -> HttpResponse:
    """One rule whole, with the series that it watches."""
    found = metrics.rule_by_key(actor_of(request), key)
    series = sorted(found.series.all(), key=lambda one: (one.state, one.active_since))
    context = {
        "rule": found,
        "series": series[:100],
        "cut": len(series) - 100,
        "threshold": metrics.threshold_of(found),
        "lines_at": _lines_at(found),
    }
    return show(request, "rule", context)


def _lines_at(rule: Rule) -> dict[str, str]:
    """Where the lines are that a rule over log lines counts."""
    if rule.log is None:
        return {}
    asked = urlencode({"query": parse_rule(rule.log).query, "range": "last 3h"})
    return {"histogram": f"/logs/histogram?{asked}", "lines": f"/logs?{asked}"}


def change_list(request: HttpRequest) -> HttpResponse:
    """What was changed, over all services or one."""
    actor = actor_of(request)
    hours = whole(request.GET.get("hours"), 24)
    hours = hours if hours in dict(RANGES) else 24
    service = request.GET.get("service", "")[:80]
    context: dict[str, Any] = {"hours": hours, "ranges": RANGES, "service": service}
    context["services"] = catalog.visible_services(actor).order_by("name").values_list("key", "name")
    try:
        until = clock.now() + timedelta(minutes=1)
        context["changes"] = changes.recent(actor, [service] if service else [], until, hours)
    except TelemetryError as error:
        context["error"] = str(error)
    return show(request, "changes", context)
