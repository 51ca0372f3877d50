"""Supportability: how services stand, one with its list, confirming a point, and the document for the developers."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from mainstay.change.supportability import domain, services
from mainstay.core.problems import ProblemError, not_found
from mainstay.faces.web.views.base import actor_of, say, show

_ORDER = {"missing": 0, "partly": 1, "unknown": 2, "met": 3}


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """Every service with its last score."""
    return show(request, "supportability", {"rows": services.standing(actor_of(request))})


@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """The last review of a service: what is missing first."""
    actor = actor_of(request)
    service, found = services.of_service(actor, key)
    row = found.first()
    findings = sorted(row.findings, key=lambda one: (_ORDER[one["state"]], -one["weight"])) if row else []
    context = {
        "service": service,
        "row": row,
        "findings": findings,
        "trend": services.trend(actor, service),
        "points": domain.CONFIRMED.items(),
    }
    return show(request, "supportability_one", context)


@require_GET
def document(request: HttpRequest, key: str) -> HttpResponse:
    """The last review as Markdown."""
    actor = actor_of(request)
    service, found = services.of_service(actor, key)
    row = found.first()
    if row is None:
        raise not_found(f"review of {key} yet")
    text = services.markdown(service, row, services.trend(actor, service)[:-1])
    return HttpResponse(text, content_type="text/markdown; charset=utf-8")


@require_POST
def act(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Review it now, or confirm a point."""
    actor = actor_of(request)
    if action == "review":
        say(request, f"Reviewed: {services.review(actor, key).score} of 100.")
    elif action == "confirm":
        try:
            services.confirm(actor, key, request.POST.get("point", ""), request.POST.get("text", ""))
            say(request, "It is confirmed, and counts in the next review.")
        except ProblemError as error:
            if error.status == 404:
                raise
            say(request, f"{error.detail[:1].upper()}{error.detail[1:]}.", "bad")
    else:
        raise not_found(f"action {action}")
    return HttpResponseRedirect(f"/supportability/{key}")
