"""Panels that ask the telemetry store: the chart, the log lines and the changes. Each fails alone and says why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from mainstay.catalog import services as catalog
from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.faces.web import words
from mainstay.faces.web.views.base import actor_of, show
from mainstay.faces.web.views.incident import main_rule
from mainstay.observe.changes import services as changes
from mainstay.observe.logs import services as logs
from mainstay.observe.logs import whatchanged
from mainstay.observe.metrics import services as metrics
from mainstay.observe.metrics.charts import Chart
from mainstay.observe.metrics.models import Rule
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident

BEFORE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
CHANGE_HOURS = 6
TABLE_ROWS = 12
LINES_SHOWN = 8
LOG_CHANGES = 6
BASELINE_WORDS = {
    "before": "the half hour before",
    "week": "the same time last week",
    "release": "before the last change",
}


@dataclass(frozen=True)
class Drawing:
    """A chart with its words: ``data`` for the script, ``summary`` and ``table`` for those who do not see it."""

    data: dict[str, Any]
    summary: str
    names: list[str]
    table: list[tuple[datetime, list[float | None]]]
    error: str
    is_empty: bool


def window(incident: Incident) -> tuple[datetime, datetime]:
    """What the chart of an incident covers: from an hour before it to now or a while after its end."""
    start = incident.started_at - BEFORE
    end = min(clock.now(), (incident.resolved_at or clock.now()) + timedelta(minutes=15))
    return start, max(min(end, start + LONGEST), start + timedelta(minutes=10))


def draw(chart: Chart, marks: Sequence[tuple[datetime, str]] = ()) -> Drawing:
    """Make a chart ready for the page."""
    values = [value for _, row in chart.series for value in row if value is not None]
    data = {
        "times": [time / 1000 for time in chart.times_ms],
        "series": [{"name": name, "values": list(row)} for name, row in chart.series],
        "threshold": chart.threshold,
        "marks": [{"at": at.timestamp(), "text": text} for at, text in marks],
    }
    names = [name for name, _ in chart.series]
    step = max(len(chart.times_ms) // TABLE_ROWS, 1)
    table = [
        (_moment(chart.times_ms[place]), [row[place] for _, row in chart.series])
        for place in range(len(chart.times_ms) - 1, -1, -step)
    ]
    return Drawing(data, _summary(chart, values), names, table, chart.error, not values)


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, tz=clock.now().tzinfo)


def _summary(chart: Chart, values: Sequence[float]) -> str:
    if not values:
        return ""
    first, last = chart.times_ms[0], chart.times_ms[-1]
    span = f"From {words.short_time(_moment(first))} to {words.clock_time(_moment(last), clock.now())}"
    ends = [next((value for value in reversed(row) if value is not None), None) for _, row in chart.series]
    known = [value for value in ends if value is not None]
    worst = max(known) if chart.op in {">", ">=", ""} else min(known)
    parts = [f"{span}: between {words.value(min(values))} and {words.value(max(values))}"]
    parts.append(f"at the end {words.value(worst)}")
    if chart.threshold is not None:
        parts.append(f"alerts when {chart.op} {words.value(chart.threshold)}")
    series = len(chart.series)
    more = f", {words.number(series)} series" if series > 1 else ""
    return "; ".join(parts) + more + "."


def _scope(actor: Actor, incident: Incident) -> list[str]:
    """The failing service and what it calls: a change in either can be the cause."""
    if incident.service is None:
        return []
    key = incident.service.key
    return [key, *sorted(callee for caller, callee in catalog.dependencies(actor) if caller == key)]


def _changes(actor: Actor, incident: Incident, until: datetime, hours: float) -> Sequence[changes.ChangeEvent]:
    scope = _scope(actor, incident)
    return changes.recent(actor, scope, until, hours) if scope else ()


def chart(request: HttpRequest, number: int) -> HttpResponse:
    """What is wrong, drawn, with the changes of that time as marks."""
    actor = actor_of(request)
    incident = incidents.get(actor, number)
    rule = main_rule(alerts.firing_of(incident))
    context: dict[str, Any] = {"incident": incident, "rule": rule, "panel": "parts/chart.html"}
    if rule:
        start, end = window(incident)
        marks = _marks(actor, incident, start, end)
        context["drawing"] = draw(metrics.chart(actor, rule, start, end), marks)
        context["marks"] = marks
    return show(request, "panel", {**context, "title": "What is wrong"}, "parts/chart")


def _marks(actor: Actor, incident: Incident, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    try:
        found: Iterable[changes.ChangeEvent] = _changes(actor, incident, end, (end - start) / timedelta(hours=1))
    except TelemetryError:
        return []  # The panel of changes says that the store is away.
    return [(one.time, f"{one.service} {one.kind} {one.version}".strip()) for one in found][:12]


def rule_chart(request: HttpRequest, key: str) -> HttpResponse:
    """The chart of a rule over the last hours."""
    actor = actor_of(request)
    rule = metrics.rule_by_key(actor, key)
    now = clock.now()
    drawing = draw(metrics.chart(actor, rule, now - timedelta(hours=3), now))
    context = {"rule": rule, "drawing": drawing, "title": f"{rule.name}: chart", "panel": "parts/chart.html"}
    return show(request, "panel", context, "parts/chart")


def spark(request: HttpRequest, number: int) -> HttpResponse:
    """A line the size of a word for the list: the last hour of what is wrong."""
    actor = actor_of(request)
    rule: Rule | None = main_rule(alerts.firing_of(incidents.get(actor, number)))
    context: dict[str, Any] = {"rule": rule, "title": "The last hour", "panel": "parts/spark.html"}
    if rule:
        now = clock.now()
        found = metrics.chart(actor, rule, now - timedelta(hours=1), now, points=60)
        context |= {"line": spark_line(found), "summary": draw(found).summary, "error": found.error}
    return show(request, "panel", context, "parts/spark")


WIDTH, HEIGHT = 128, 30


def spark_line(chart: Chart) -> dict[str, Any] | None:
    """Paths of the series and the place of the threshold, in a box of 128 by 30."""
    values = [value for _, row in chart.series for value in row if value is not None]
    if not values:
        return None
    known = [*values, chart.threshold] if chart.threshold is not None else values
    low, high = min(known), max(known)
    span = (high - low) or 1.0

    def height(value: float) -> str:
        return f"{HEIGHT - 3 - (value - low) / span * (HEIGHT - 6):.1f}"

    lines = []
    for _, row in chart.series[:4]:
        step = WIDTH / max(len(row) - 1, 1)
        points = [f"{place * step:.1f},{height(value)}" for place, value in enumerate(row) if value is not None]
        lines.append(" ".join(points))
    return {"lines": lines, "threshold": height(chart.threshold) if chart.threshold is not None else None}


def log_lines(request: HttpRequest, number: int) -> HttpResponse:
    """The error lines of the service around the beginning."""
    actor = actor_of(request)
    incident = incidents.get(actor, number)
    context: dict[str, Any] = {"incident": incident, "title": "Error lines", "panel": "parts/logs.html"}
    if incident.service:
        try:
            found = logs.errors_around(actor, incident.service.key, incident.started_at)
            context |= {"found": found, "first": found.lines[:LINES_SHOWN], "rest": found.lines[LINES_SHOWN:]}
            context |= {"search": f"service:{incident.service.key}", "around": f"around {incident}"}
        except TelemetryError as error:
            context["error"] = str(error)
    return show(request, "panel", context, "parts/logs")


def log_changes(request: HttpRequest, number: int) -> HttpResponse:
    """What is new, gone, more, fewer or has other values in the logs, since a little before the incident began."""
    actor = actor_of(request)
    incident = incidents.get(actor, number)
    asked = request.GET.get("baseline", "")
    baseline = asked if asked in whatchanged.BASELINES else whatchanged.BASELINES[0]
    context: dict[str, Any] = {"incident": incident, "title": "What changed in the logs"}
    context |= {"panel": "parts/log_changes.html", "baseline": baseline, "baselines": BASELINE_WORDS}
    scope = _scope(actor, incident)
    if scope:
        try:
            window_ = whatchanged.during(incident.started_at, incident.resolved_at)
            events = changes.recent(actor, scope, window_.end, CHANGE_HOURS)
            released = events[0].time if events else None
            found = whatchanged.what_changed(actor, scope, window_, baseline, released)
            context |= {"found": found, "first": found.changes[:LOG_CHANGES], "rest": found.changes[LOG_CHANGES:]}
            context |= {"events": events[:3], "around": f"around {incident}"}
        except TelemetryError as error:
            context["error"] = str(error)
    return show(request, "panel", context, "parts/log_changes")


def changed(request: HttpRequest, number: int) -> HttpResponse:
    """What changed in the hours before, in the service and around it, the nearest first."""
    actor = actor_of(request)
    incident = incidents.get(actor, number)
    context: dict[str, Any] = {"incident": incident, "title": "What changed", "panel": "parts/changes.html"}
    context |= {"hours": CHANGE_HOURS, "scope": _scope(actor, incident), "around": incident.started_at}
    try:
        until = min(clock.now(), incident.started_at + timedelta(minutes=30))
        if incident.service is not None:
            context["ranked"] = changes.near(actor, incident.service.key, incident.started_at, until, CHANGE_HOURS)
    except TelemetryError as error:
        context["error"] = str(error)
    return show(request, "panel", context, "parts/changes")
