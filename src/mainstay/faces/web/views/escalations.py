"""Cases for developers: all of them, one before and after it is handed over, its file, and what is done with it."""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.faces.api.escalations import file_of
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show
from mainstay.learn.escalation import services
from mainstay.learn.escalation.bundle import INDEX, unpack
from mainstay.learn.escalation.domain import states
from mainstay.learn.escalation.models import Escalation
from mainstay.respond.incidents import services as incidents

# The page of a case runs nothing and fetches nothing, wherever it is opened.
_ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All cases, the latest first."""
    found = services.visible(actor_of(request)).defer("summary")
    return show(request, "escalations", {"sheet": sheet_of(request, found)})


@require_GET
def of_incident(request: HttpRequest, number: int) -> HttpResponse:
    """A part of an incident: its cases, and the button for one."""
    actor = actor_of(request)
    found = list(services.of_incident(actor, number).defer("summary")[:10])
    context = {"incident": incidents.get(actor, number), "cases": found, "title": "Developers"}
    return show(request, "panel", {**context, "panel": "parts/escalations.html"}, "parts/escalations")


@require_POST
def begin(request: HttpRequest, number: int) -> HttpResponse:
    """Have a case built, and go to it."""
    try:
        row = services.begin(actor_of(request), number)
    except ProblemError as error:
        if error.status != 409:
            raise
        say(request, error.detail, "bad")
        return HttpResponseRedirect(f"/i/{number}#h-cases")
    return HttpResponseRedirect(f"/escalations/{row.pk}")


@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One case whole, or the part of it that changes while it is built."""
    return _page(request, services.get(actor_of(request), number))


def _page(request: HttpRequest, row: Escalation, error: ProblemError | None = None) -> HttpResponse:
    actor, state = actor_of(request), states.State(row.state)
    context = {
        "case": row,
        "notes": list(row.notes.all()),
        "issues": services.issues(actor, row),
        "has_file": services.has_file(actor, row),
        "may_hand_over": states.may_hand_over(state).allowed,
        "may_answer": states.may_answer(state).allowed,
        "may_build": state in {states.State.READY, states.State.BROKEN},
        "sayable": [
            (one.value, Escalation.State(one.value).label) for one in states.SAID if states.may_say(state, one).allowed
        ],
        "teams": services.teams(actor),
        "suggested": row.incident.service.team_id if row.incident.service else None,
        "error": error,
        "typed": request.POST,
    }
    answer = show(request, "escalation", context, "parts/escalation")
    answer.status_code = error.status if error else 200
    return answer


@require_GET
def file(request: HttpRequest, number: int) -> HttpResponse:
    """The case as one file."""
    return file_of(actor_of(request), number)


@require_GET
def page(request: HttpRequest, number: int) -> HttpResponse:
    """The page of the case as developers see it."""
    _, content = services.content(actor_of(request), number)
    return HttpResponse(unpack(content)[INDEX], headers={"Content-Security-Policy": _ALONE})


def _hand_over(actor: Actor, number: int, posted: Mapping[str, str]) -> str:
    row = services.hand_over(actor, number, posted.get("to", ""), posted.get("note", ""))
    mailed = f" {row.told} {'people are' if row.told != 1 else 'person is'} mailed." if row.told else ""
    return f"{row} is handed over to {row.team_name}.{mailed}"


def _say(actor: Actor, number: int, posted: Mapping[str, str]) -> str:
    row = services.say(actor, number, posted.get("state", ""), posted.get("text", ""))
    return f"{row}: {row.get_state_display().lower()}."


def _answer(actor: Actor, number: int, posted: Mapping[str, str]) -> str:
    return f"{services.answer(actor, number, posted.get('text', ''))} is answered."


def _again(actor: Actor, number: int, posted: Mapping[str, str]) -> str:
    del posted
    return f"{services.again(actor, number)} is built anew."


_ACTS: dict[str, Callable[[Actor, int, Mapping[str, str]], str]] = {
    "hand-over": _hand_over,
    "say": _say,
    "answer": _answer,
    "again": _again,
}


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Hand it over, say what developers said, answer them, or build it anew."""
    actor = actor_of(request)
    if action not in _ACTS:
        raise ProblemError(404, "Not found", f"A case cannot {action}.")
    try:
        told = _ACTS[action](actor, number, request.POST)
    except ProblemError as error:
        if error.status == 404:
            raise
        return _page(request, services.get(actor, number), error)
    say(request, told)
    return HttpResponseRedirect(f"/escalations/{number}")
