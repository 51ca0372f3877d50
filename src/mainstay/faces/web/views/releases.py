"""Releases: the latest, and one with its verdict, the evidence and its log. Starting and finishing by hand."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mainstay.catalog import services as catalog
from mainstay.change.releases import domain, services
from mainstay.change.releases.domain import Act
from mainstay.change.releases.plans import services as plans
from mainstay.change.releases.services import Wanted
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.api.releases import met, report_file
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show
from mainstay.faces.web.views.maintenance import moment
from mainstay.restore.runbooks import books

# How much of the evidence that is well a page shows.
_WELL = 20


@require_http_methods(["GET", "HEAD", "POST"])
def every(request: HttpRequest) -> HttpResponse:
    """The latest releases, and the form of a new one."""
    if request.method != "POST":
        return _list(request, {"service": request.GET.get("service", "")})
    names = ("service", "version", "previous", "summary", "ticket", "link", "runbook", "inputs")
    fields = {name: request.POST.get(name, "")[:2000] for name in names}
    emergency = request.POST.get("emergency", "").strip()[:1000]
    try:
        given = _inputs(fields["inputs"])
        wanted = Wanted(**{name: fields[name] for name in names[:-1]}, inputs=given)
        if request.POST.get("at"):
            planned = services.schedule(actor_of(request), wanted, moment(request, "at"))
            say(request, f"{planned} is planned.")
            return HttpResponseRedirect(f"/releases/{planned.pk}")
        release = services.start(actor_of(request), wanted, emergency=emergency or None)
    except ProblemError as error:
        return _list(request, {**fields, "emergency": emergency, "at": request.POST.get("at", "")[:20]}, error)
    say(request, f"{release} has started.{'' if release.rollout_run_id else ' Say when it is rolled out everywhere.'}")
    return HttpResponseRedirect(f"/releases/{release.pk}")


def _inputs(text: str) -> dict[str, str]:
    """One NAME=VALUE a line. Raises ``ProblemError``."""
    found = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = (part.strip() for part in line.partition("="))
        if not (name and sign):
            raise bad_request(f"write NAME=VALUE instead of {name or line}", "inputs")
        found[name] = value
    return found


def _list(request: HttpRequest, fields: Mapping[str, str], error: ProblemError | None = None) -> HttpResponse:
    actor, found = actor_of(request), services.visible(actor_of(request))
    chosen = request.GET.get("service", "")
    context = {
        "sheet": sheet_of(request, found.filter(service__key=chosen) if chosen else found),
        "chosen": chosen,
        "fields": fields,
        "error": error,
        "books": books.visible(actor).filter(enabled=True, current__isnull=False).values_list("key", "name"),
        "services": catalog.visible_services(actor).order_by("name").values_list("key", "name"),
    }
    answer = show(request, "releases", context)
    answer.status_code = error.status if error else 200
    return answer


@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One release whole."""
    return _page(request, number)


def _page(request: HttpRequest, number: int, error: ProblemError | None = None) -> HttpResponse:
    actor = actor_of(request)
    release = services.get(actor, number)
    bad = [one for one in release.findings if one["verdict"] != "passed"]
    context = {
        "release": release,
        "bad": bad,
        "well": [one for one in release.findings if one["verdict"] == "passed"][:_WELL],
        "log": list(release.notes.all()),
        "may": {act.name.lower(): domain.step(domain.State(release.state), act).allowed for act in Act},
        "may_respond": actor.right >= Right.RESPOND,
        "plan": plans.of_service(actor, release.service),
        "met": met(actor, release),
        "error": error,
        "typed": request.POST,
    }
    answer = show(request, "release", context, "parts/release")
    answer.status_code = error.status if error else 200
    return answer


@require_GET
def report_of(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """The report with its seal, in one of the formats of documents."""
    return report_file(actor_of(request), number, form)


def _start(actor: Actor, number: int, posted: Mapping[str, str]) -> None:
    services.begin(actor, number, emergency=posted.get("emergency", "").strip()[:1000] or None)


_ACTS: dict[str, tuple[Callable[[Actor, int, Mapping[str, str]], Any], str]] = {
    "start": (_start, "It has started."),
    "finish": (lambda actor, number, _: services.finish(actor, number), "It is watched from now on."),
    "verify": (lambda actor, number, _: services.ask(actor, number), "A verdict is asked for."),
    "break-off": (
        lambda actor, number, posted: services.break_off(actor, number, posted.get("reason", "")),
        "It is broken off.",
    ),
    "roll-back": (
        lambda actor, number, posted: services.roll_back(actor, number, posted.get("reason", "")),
        "It is written down as rolled back.",
    ),
}


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Start, finish, judge, break off or roll back."""
    if action not in _ACTS:
        raise ProblemError(404, "Not found", f"A release cannot {action}.")
    do, said = _ACTS[action]
    try:
        do(actor_of(request), number, request.POST)
    except ProblemError as error:
        if error.status == 404:
            raise
        return _page(request, number, error)
    say(request, said)
    return HttpResponseRedirect(f"/releases/{number}")
