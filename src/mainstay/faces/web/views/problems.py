"""Problems: proposals and what is worked on by cost, one with its incidents; and earlier incidents like one."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mainstay.core import people
from mainstay.core.problems import ProblemError
from mainstay.faces.api.actions import created
from mainstay.faces.api.numbers import number as number_of
from mainstay.faces.api.problems import acted
from mainstay.faces.web.views.actions import of_problem
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show, whole
from mainstay.learn.problems import alike, reading, services
from mainstay.learn.problems.domain.costs import Cost
from mainstay.learn.problems.models import Problem
from mainstay.respond.incidents import services as incidents

State = Problem.State
_DAYS = (30, 90, 365)
# What one can be made from.
_FROM = ("incident", "known_error", "release")


@require_http_methods(["GET", "HEAD", "POST"])
def every(request: HttpRequest) -> HttpResponse:
    """Proposals, the live ones in the order of cost, those that are over; and making one."""
    if request.method != "POST":
        return _list(request)
    posted = {name: request.POST.get(name, "").strip() for name in ("title", *_FROM)}
    try:
        problem = services.create(
            actor_of(request),
            services.Wanted(
                posted["title"][:300],
                [number_of(posted["incident"])] if posted["incident"] else (),
                posted["known_error"],
                whole(posted["release"].upper().removeprefix("REL-"), 0) or None,
            ),
        )
    except ProblemError as error:
        return _list(request, posted, error)
    say(request, f"{problem} is made.")
    return HttpResponseRedirect(f"/problems/{problem.pk}")


def _list(request: HttpRequest, fields: Any = None, error: ProblemError | None = None) -> HttpResponse:
    actor = actor_of(request)
    found = services.visible(actor)
    days = whole(request.GET.get("days"), 0)
    days = days if days in _DAYS else 0
    live = reading.ranked(actor, list(found.filter(state__in=services.LIVE)), days or None)
    context = {
        "proposals": list(found.filter(state=State.PROPOSED)[:50]),
        "live": live,
        "whole": sum((one.share.cost for one in live), Cost()),
        "sheet": sheet_of(
            request, found.filter(state__in=(State.SOLVED, State.DISMISSED)).order_by("-ended_at", "-pk")
        ),
        "days": days,
        "choices": _DAYS,
        "fields": fields or {name: request.GET.get(name, "")[:80] for name in _FROM},
        "error": error,
    }
    answer = show(request, "problems", context)
    answer.status_code = error.status if error else 200
    return answer


@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One problem whole."""
    return _page(request, number)


def _page(request: HttpRequest, number: int, error: ProblemError | None = None) -> HttpResponse:
    actor = actor_of(request)
    problem = services.get(actor, number)
    rows = reading.happened(actor, problem)
    context = {
        "problem": problem,
        "rows": rows,
        "whole": reading.together(rows),
        "impact": reading.impact(rows),
        "until": services.verified_until(problem),
        "log": list(problem.notes.order_by("-pk")[:100]),
        "may": services.may(problem),
        "people": people.visible(actor),
        **of_problem(actor, number),
        "error": error,
        "typed": request.POST,
    }
    answer = show(request, "problem", context)
    answer.status_code = error.status if error else 200
    return answer


_SAID = {
    "take": "It is yours.",
    "dismiss": "It is dismissed. The same incidents do not propose it again.",
    "cause": "The cause is written down.",
    "fix": "The fix is planned.",
    "verify": "It is verified from now on.",
    "reopen": "It is open again.",
}


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Take a step with one."""
    given = {name: request.POST.get(name, "").strip()[:4000] for name in request.POST if name != "csrfmiddlewaretoken"}
    try:
        acted(actor_of(request), number, action, given)
    except ProblemError as error:
        if error.status == 404:
            raise
        return _page(request, number, error)
    say(request, _SAID.get(action, "It is written down."))
    return HttpResponseRedirect(f"/problems/{number}")


@require_POST
def add_action(request: HttpRequest, number: int) -> HttpResponse:
    """Make one of a problem. A form that cannot be taken comes back as it was written."""
    try:
        made = created(actor_of(request), number, request.POST.dict())
    except ProblemError as error:
        if error.status == 404:
            raise
        return _page(request, number, error)
    say(request, f"{made['action']} is written down.")
    return HttpResponseRedirect(f"/problems/{number}#h-actions")


@require_GET
def alike_panel(request: HttpRequest, number: int) -> HttpResponse:
    """Earlier incidents like one, and the problems that it belongs to."""
    actor = actor_of(request)
    context = {
        "incident": incidents.get(actor, number),
        "alike": alike.of_incident(actor, number),
        "problems": list(services.of_incident(actor, number)),
        "title": "Like this one",
        "panel": "parts/problem_alike.html",
    }
    return show(request, "panel", context, "parts/problem_alike")
