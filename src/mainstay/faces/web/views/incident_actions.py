"""What people do to an incident. Each answers with the incident, where the log says what was done."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.faces.web.views.base import actor_of, back_to, say, whole
from mainstay.faces.web.views.incident import page
from mainstay.respond.clocks import services as clocks
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents


def _acknowledge(request: HttpRequest, actor: Actor, number: int) -> str:
    del request
    return f"You have INC-{number}." if incidents.acknowledge(actor, number) else "Somebody was quicker."


def _snooze(request: HttpRequest, actor: Actor, number: int) -> str:
    del request
    incidents.snooze(actor, number)
    return "Snoozed for 15 minutes. Unless it is restored by then, paging begins again."


def _pass_on(request: HttpRequest, actor: Actor, number: int) -> str:
    del request
    done = incidents.pass_on(actor, number)
    return "Passed on: the next step is being paged now." if done else "There is no next step to pass it on to."


def _resolve(request: HttpRequest, actor: Actor, number: int) -> str:
    helped = request.POST.get("workaround_helped") == "on"
    incidents.resolve(actor, number, request.POST.get("cause", ""), workaround_helped=helped)
    return f"INC-{number} is resolved."


def _priority(request: HttpRequest, actor: Actor, number: int) -> str:
    value = whole(request.POST.get("priority"), 0)
    incidents.set_priority(actor, number, value, request.POST.get("reason", ""))
    return f"INC-{number} is a P{value} now."


def _note(request: HttpRequest, actor: Actor, number: int) -> str:
    incidents.comment(actor, number, request.POST.get("text", "")[:10_000])
    return "Your note is in the log."


def _assign(request: HttpRequest, actor: Actor, number: int) -> str:
    incidents.assign(actor, number, whole(request.POST.get("person"), 0))
    return f"INC-{number} was given away."


def _known_error(request: HttpRequest, actor: Actor, number: int) -> str:
    row = known.judge(actor, number, request.POST.get("key", ""), request.POST.get("verdict", ""))
    return f"{row.known_error.key}: {row.get_verdict_display().lower()}."


def _hold(request: HttpRequest, actor: Actor, number: int) -> str:
    clocks.hold(actor, number, request.POST.get("why", ""), request.POST.get("note", ""))
    return f"INC-{number} waits."


def _resume(request: HttpRequest, actor: Actor, number: int) -> str:
    del request
    clocks.resume(actor, number)
    return f"INC-{number} waits no more."


ACTIONS: dict[str, Callable[[HttpRequest, Actor, int], str]] = {
    "acknowledge": _acknowledge,
    "snooze": _snooze,
    "pass-on": _pass_on,
    "resolve": _resolve,
    "priority": _priority,
    "note": _note,
    "assign": _assign,
    "hold": _hold,
    "resume": _resume,
    "known-error": _known_error,
}


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Do it and go back. What was wrong in a form is said above the form, which keeps what was written."""
    if action not in ACTIONS:
        raise Http404
    try:
        told = ACTIONS[action](request, actor_of(request), number)
    except ProblemError as error:
        if error.status == 400:
            return _again(request, number, action, error)
        if error.status != 409:
            raise
        # Somebody was quicker; the page shows how it stands now.
        say(request, error.detail, "bad")
        return HttpResponseRedirect(f"/i/{number}")
    say(request, told)
    return back_to(request, f"/i/{number}")


def _again(request: HttpRequest, number: int, action: str, error: ProblemError) -> HttpResponse:
    request.wrong = {"action": action, "detail": error.detail[:1].upper() + error.detail[1:] + "."}  # type: ignore[attr-defined]
    answer = page(request, number)
    answer.status_code = 400
    return answer
