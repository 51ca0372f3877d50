"""The incident: its story in the main column, its facts beside it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from mainstay.change.maintenance import services as maintenance
from mainstay.change.maintenance.models import Work
from mainstay.core import clock, people
from mainstay.core.access import Actor, Right
from mainstay.core.settings import current
from mainstay.faces.web import words
from mainstay.faces.web.views.base import actor_of, show
from mainstay.observe.metrics.models import Rule
from mainstay.respond.alerts import services as alerts
from mainstay.respond.alerts.models import Alert
from mainstay.respond.clocks import services as clocks
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident, KnownErrorMatch, State
from mainstay.respond.oncall import services as oncall
from mainstay.respond.paging import services as paging
from mainstay.respond.timeline import services as timeline
from mainstay.restore.sqldesk import exhibits

# Work that had ended so long before something broke is hardly why.
WORK_BEFORE = timedelta(hours=24)


@dataclass(frozen=True)
class Step:
    """One step on the way of an incident. State: done, here or ahead."""

    name: str
    at: datetime | None
    state: str


def steps(incident: Incident, paged_at: datetime | None) -> list[Step]:
    """The way from the first symptom to the end, with the step that it stands at."""
    known = (
        ("detected", incident.started_at),
        ("paged", paged_at),
        ("acknowledged", incident.acknowledged_at if incident.state != State.OPEN else None),
        ("restored", incident.restored_at),
        ("resolved", incident.resolved_at),
    )
    # A step that was left out, such as an acknowledgement before it restored itself, is not where it stands.
    last = max(place for place, (_, at) in enumerate(known) if at)
    found = []
    for place, (name, at) in enumerate(known):
        state = "done" if at else "skipped" if place < last else "here" if place == last + 1 else "ahead"
        found.append(Step(name, at, state))
    return found


def main_rule(found: list[Alert]) -> Rule | None:
    """The rule whose chart shows what is wrong: that of the alert which began first."""
    with_rule = [alert for alert in found if alert.rule]
    return min(with_rule, key=lambda alert: (alert.state, alert.starts_at)).rule if with_rule else None


def build(actor: Actor, number: int) -> dict[str, Any]:
    """Everything that the page and its panels show without asking the telemetry store."""
    incident = incidents.get(actor, number)
    found = alerts.firing_of(incident)
    pages = list(paging.visible_pages(actor).filter(incident=incident).order_by("created_at"))
    processes = incident.reason.get("processes") or []
    shown = _known(actor, incident)
    mine = [page for page in pages if page.person_id == actor.person_id and not page.acknowledged_at]
    return {
        "incident": incident,
        "known": shown,
        "offer_known": incident.state in {State.RESTORED, State.RESOLVED} and not incident.known_error_id,
        "alerts": found,
        "rule": main_rule(found),
        "pages": pages,
        "steps": steps(incident, pages[0].created_at if pages else None),
        "following": oncall.next_of(number),
        "processes": processes,
        "cost": words.total_cost(processes),
        "works": _works(actor, incident),
        "currency": current().currency,
        "entries": timeline.entries(actor, number),
        "why_me": mine[-1] if mine else None,
        "levels": clocks.of(actor, incident, clock.now()),
        "is_open": incident.state == State.OPEN,
        "is_live": incident.state != State.RESOLVED,
        "may_snooze": incident.state in {State.OPEN, State.ACKNOWLEDGED},
        "may_respond": actor.right >= Right.RESPOND,
    }


def _works(actor: Actor, incident: Incident) -> list[Work]:
    """Planned work on the service that had a part of the day before it broke, or goes on since."""
    if incident.service is None:
        return []
    end = incident.resolved_at or clock.now()
    return list(maintenance.around(actor, incident.service, incident.started_at - WORK_BEFORE, end)[:5])


def _known(actor: Actor, incident: Incident) -> list[KnownErrorMatch]:
    """The known errors of an incident, each with its counts."""
    rows = known.matches(actor, incident)
    counts = known.counts_of([row.known_error_id for row in rows])
    for row in rows:
        row.counts = counts.get(row.known_error_id)  # type: ignore[attr-defined]
    return rows


def page(request: HttpRequest, number: int) -> HttpResponse:
    """The whole page."""
    actor = actor_of(request)
    context = build(actor, number)
    context["people"] = people.visible(actor)
    context["evidence"] = exhibits.of_incident(actor, number) if context["may_respond"] else []
    context["earlier"] = incidents.last_of_service(actor, context["incident"])
    return show(request, "incident", context)


def head(request: HttpRequest, number: int) -> HttpResponse:
    """What stands above the actions, fetched anew when the incident changes."""
    return show(request, "incident", build(actor_of(request), number), "parts/incident_head")


def acts(request: HttpRequest, number: int) -> HttpResponse:
    """The buttons that act at once, fetched anew when the incident changes."""
    return show(request, "incident", build(actor_of(request), number), "parts/incident_acts")


def known_errors(request: HttpRequest, number: int) -> HttpResponse:
    """The known errors that match, and guesses below them, fetched anew when the incident changes."""
    return show(request, "incident", build(actor_of(request), number), "parts/incident_known")


def facts(request: HttpRequest, number: int) -> HttpResponse:
    """The column of facts, fetched anew when the incident changes."""
    return show(request, "incident", build(actor_of(request), number), "parts/incident_facts")


def alerts_in(request: HttpRequest, number: int) -> HttpResponse:
    """The alerts of the incident, fetched anew when the incident changes."""
    return show(request, "incident", build(actor_of(request), number), "parts/incident_alerts")


def evidence(request: HttpRequest, number: int) -> HttpResponse:
    """What is kept for the incident, fetched anew when it changes."""
    actor = actor_of(request)
    kept = exhibits.of_incident(actor, number)
    return show(
        request, "incident", {"incident": incidents.get(actor, number), "evidence": kept}, "parts/incident_evidence"
    )


def export(request: HttpRequest, number: int) -> HttpResponse:
    """The whole story as a Markdown file."""
    actor = actor_of(request)
    kept = exhibits.of_incident(actor, number) if actor.right >= Right.RESPOND else None
    levels = clocks.of(actor, incidents.get(actor, number), clock.now())
    text = incidents.export_markdown(actor, number, kept, levels.told if levels else ())
    name = f'attachment; filename="INC-{number}.md"'
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers={"Content-Disposition": name})
