"""Remedies: what runs by itself, inside which limits, what came of it, and closing a breaker by hand."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show
from mainstay.restore.runbooks.remedies import reading, services

LATELY = 20


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All remedies with their breakers, and what they did lately."""
    actor = actor_of(request)
    context = {
        "rows": reading.every(actor),
        "together": reading.together(actor),
        "uses": list(reading.uses(actor)[:LATELY]),
    }
    return show(request, "remedies", context)


@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """One remedy."""
    return _page(request, key)


def _page(request: HttpRequest, key: str, error: ProblemError | None = None) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "one": reading.one(actor, key),
        "sheet": sheet_of(request, reading.uses(actor, key)),
        "error": error,
        "typed": request.POST.get("reason", ""),
    }
    answer = show(request, "remedy", context)
    answer.status_code = error.status if error else 200
    return answer


@require_POST
def act(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Close its breaker with a reason, or switch it on or off."""
    actor = actor_of(request)
    try:
        if action == "rearm":
            services.rearm(actor, key, request.POST.get("reason", ""))
        elif action in {"enable", "disable"}:
            services.switch(actor, key, enabled=action == "enable")
        else:
            raise bad_request("write one of rearm, enable, disable", "action")
    except ProblemError as error:
        if error.status == 404 or error.field == "action":
            raise
        return _page(request, key, error)
    said = {"rearm": "It may run by itself again.", "enable": "It is switched on.", "disable": "It is switched off."}
    say(request, said[action])
    return HttpResponseRedirect(f"/remedies/{key}")
