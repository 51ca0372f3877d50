"""Trackers of issues, and what is linked in them."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from mainstay.core.problems import ProblemError
from mainstay.faces.web.views.base import actor_of, back_to, say, sheet_of, show
from mainstay.learn.trackers import services


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All of them, and the linked issues, the latest first."""
    actor = actor_of(request)
    context = {"trackers": list(services.visible(actor)), "sheet": sheet_of(request, services.issues(actor))}
    return show(request, "trackers", context)


@require_POST
def retry(request: HttpRequest, number: int) -> HttpResponse:
    """Try again what was given up."""
    actor = actor_of(request)
    issue = services.get(actor, number)
    try:
        services.retry(actor, issue)
    except ProblemError as error:
        say(request, error.detail, "bad")
    else:
        say(request, f"{issue} is tried again.")
    return back_to(request, "/trackers")
