"""Actions: all that are open, the overdue first; making one, and its steps."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.faces.api.actions import acted
from mainstay.faces.web.views.base import actor_of, back_to, say, sheet_of, show
from mainstay.learn.problems import actions
from mainstay.learn.problems.models import Action
from mainstay.learn.trackers import services as trackers


def rows(actor: Actor, found: list[Action]) -> list[dict[str, Any]]:
    """Actions with how late they are and their issues."""
    issues = actions.issues_of(actor, [one.pk for one in found])
    return [{"action": one, "late": actions.late(one), "issues": issues.get(one.pk, [])} for one in found]


def of_problem(actor: Actor, number: int) -> dict[str, Any]:
    """What the screen of a problem shows of its actions."""
    return {
        "actions": rows(actor, list(actions.visible(actor).filter(problem=number))),
        "kinds": Action.Kind.choices,
        "trackers": list(trackers.visible(actor).filter(enabled=True)),
        "due_text": f"{clock.now() + timedelta(days=14):%Y-%m-%d}",
    }


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """Those that are open, what is due first on top; those that are over on asking."""
    actor = actor_of(request)
    over = request.GET.get("over") == "1"
    found = actions.visible(actor)
    found = (
        found.exclude(state=Action.State.OPEN).order_by("-ended_at") if over else found.filter(state=Action.State.OPEN)
    )
    sheet = sheet_of(request, found)
    context = {"sheet": sheet, "rows": rows(actor, sheet.rows), "over": over}
    return show(request, "actions", context)


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Take a step with one."""
    actor = actor_of(request)
    one = actions.get(actor, number)
    try:
        acted(actor, number, action, request.POST.dict())
    except ProblemError as error:
        if error.status == 404:
            raise
        say(request, error.detail[:1].upper() + error.detail[1:], "bad")
    return back_to(request, f"/problems/{one.problem_id}#h-actions")
