"""The REST API: the same services as the screens, as JSON, for programs with a token.

Reading takes a token of scope read or write, acting one of scope write. Refusals are RFC 9457 problem details.
"""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.faces.api import (
    actions,
    calendar,
    checks,
    configurations,
    corrections,
    diagnosis,
    drills,
    escalations,
    known,
    levels,
    log_views,
    maintenance,
    patterns,
    problem_reviews,
    problems,
    read,
    release_plans,
    releases,
    reports,
    runbooks,
    silences,
    sql,
    sql_jobs,
    supportability,
    trackers,
)
from mainstay.faces.api.endpoint import View, endpoint, fields_of, whole_of
from mainstay.faces.api.numbers import number
from mainstay.respond.incidents import services as incidents


def _listing(kind: str) -> View:
    @endpoint("GET")
    def view(actor: Actor, request: HttpRequest) -> Any:
        return {kind: getattr(read, f"list_{kind}")(actor, whole_of(request, "limit", 100))}

    return view


def _showing(kind: str) -> View:
    @endpoint("GET")
    def view(actor: Actor, request: HttpRequest, ident: str) -> Any:
        del request
        return getattr(read, f"show_{kind}")(actor, ident)

    return view


@endpoint("POST")
def acknowledge(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Take an incident."""
    fields_of(request, {})
    changed = incidents.acknowledge(actor, number(ident), " through the API")
    return {"acknowledged": True, "changed": changed}


@endpoint("POST")
def resolve(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Close an incident with its cause."""
    fields = fields_of(request, {"cause": str, "workaround_helped": bool})
    helped = bool(fields.get("workaround_helped", False))
    incidents.resolve(actor, number(ident), fields.get("cause", ""), workaround_helped=helped)
    return {"resolved": True}


@endpoint("POST")
def note(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Add a note to an incident's log."""
    incidents.comment(actor, number(ident), fields_of(request, {"text": str}).get("text", ""))
    return {"noted": True}


KINDS = ("alerts", "incidents", "services", "rules", "pages")
urlpatterns: list[URLPattern] = [
    *log_views.urlpatterns,
    *sql.urlpatterns,
    *patterns.urlpatterns,
    *calendar.urlpatterns,
    *silences.urlpatterns,
    *levels.urlpatterns,
    *maintenance.urlpatterns,
    *releases.urlpatterns,
    *release_plans.urlpatterns,
    *configurations.urlpatterns,
    *supportability.urlpatterns,
    *trackers.urlpatterns,
    *actions.urlpatterns,
    *problem_reviews.urlpatterns,
    *problems.urlpatterns,
    *diagnosis.urlpatterns,
    *escalations.urlpatterns,
    *reports.urlpatterns,
    *drills.urlpatterns,
    *sql_jobs.urlpatterns,
    *runbooks.urlpatterns,
    *corrections.urlpatterns,
    *checks.urlpatterns,
    *known.urlpatterns,
    *(path(kind, _listing(kind)) for kind in KINDS),
    path("incidents/<str:ident>/acknowledge", acknowledge),
    path("incidents/<str:ident>/resolve", resolve),
    path("incidents/<str:ident>/notes", note),
    *(path(f"{kind}/<str:ident>", _showing(kind)) for kind in KINDS),
]
