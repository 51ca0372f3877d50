"""Actions as plain data: one shape for the REST API and for the command line."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, object_of, whole_of
from mainstay.learn.problems import actions
from mainstay.learn.problems.models import Action
from mainstay.learn.trackers.models import Issue

Row = dict[str, Any]


def _row(one: Action, issues: list[Issue]) -> Row:
    return {
        "action": str(one),
        "problem": f"PRB-{one.problem_id}",
        "title": one.title,
        "kind": one.kind,
        "owner": one.owner.email if one.owner else None,
        "due": one.due,
        "days_late": actions.late(one),
        "state": one.state,
        "said": one.said or None,
        "issues": [{"tracker": issue.tracker.key, "number": issue.number, "state": issue.state} for issue in issues],
    }


def listed(actor: Actor, limit: int, state: str = "open") -> list[Row]:
    """Actions in a state, what is due first on top."""
    rows = list(actions.visible(actor).filter(state=state)[:limit])
    issues = actions.issues_of(actor, [one.pk for one in rows])
    return [_row(one, issues.get(one.pk, [])) for one in rows]


def shown(actor: Actor, pk: int) -> Row:
    """One action."""
    return _row(actions.get(actor, pk), actions.issues_of(actor, [pk]).get(pk, []))


def day(text: str, field: str = "due") -> date:
    """A day. Raises ``ProblemError``."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad_request("write a day such as 2026-03-01", field) from None


def created(actor: Actor, problem: int, given: Row) -> Row:
    """Make one."""
    texts = {name: str(given.get(name, "")) for name in ("title", "kind", "owner")}
    wanted = actions.Wanted(**texts, due=day(str(given.get("due", ""))))
    return shown(actor, actions.create(actor, problem, wanted).pk)


_ACTS: dict[str, Callable[[Actor, int, Row], Any]] = {
    "done": lambda actor, pk, given: actions.done(actor, pk, str(given.get("text", ""))),
    "drop": lambda actor, pk, given: actions.drop(actor, pk, str(given.get("text", ""))),
    "reopen": lambda actor, pk, given: actions.reopen(actor, pk, str(given.get("text", ""))),
    "note": lambda actor, pk, given: actions.comment(actor, pk, str(given.get("text", ""))),
    "track": lambda actor, pk, given: actions.track(
        actor, pk, str(given.get("tracker", "")), str(given.get("issue", ""))
    ),
    "change": lambda actor, pk, given: actions.change(
        actor, pk, str(given.get("owner", "")), day(str(given["due"])) if given.get("due") else None
    ),
}


def acted(actor: Actor, pk: int, action: str, given: Row) -> Row:
    """Take a step with an action."""
    if action not in _ACTS:
        raise ProblemError(404, "Not found", f"An action cannot {action}; it can {', '.join(_ACTS)}.")
    _ACTS[action](actor, pk, given)
    return shown(actor, pk)


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"actions": listed(actor, whole_of(request, "limit", 100), request.GET.get("state", "open"))}


@endpoint("POST")
def _create(actor: Actor, request: HttpRequest, pk: int) -> Any:
    return created(actor, pk, fields_of(request, dict.fromkeys(("title", "kind", "owner", "due"), str)))


@endpoint("POST")
def _act(actor: Actor, request: HttpRequest, pk: int, action: str) -> Any:
    return acted(actor, pk, action, object_of(request))


urlpatterns: list[URLPattern] = [
    path("actions", _every),
    path("problems/<int:pk>/actions/create", _create),
    path("actions/<int:pk>/<str:action>", _act),
]
