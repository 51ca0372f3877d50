"""Planned work: what goes on, what comes, what was; planning it, and one with its log and its buttons."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mainstay.catalog import services as catalog
from mainstay.catalog.calendar.civil import CivilError, moment_of, read_civil, zone_of
from mainstay.catalog.calendar.entries import REACHES
from mainstay.change.maintenance import ahead, conflicts, services
from mainstay.change.maintenance.models import Work
from mainstay.core import access, clock
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError, bad_request
from mainstay.core.settings import current
from mainstay.faces.web.views.base import actor_of, person_of, say, sheet_of, show
from mainstay.faces.web.views.calendar import REACH_WORDS
from mainstay.observe.checks import services as checks
from mainstay.respond.clocks import services as clocks
from mainstay.respond.comms import services as comms

State = Work.State


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """What goes on, what is to come, the plans, and what was."""
    actor = actor_of(request)
    found = services.visible(actor)
    context = {
        "running": list(found.filter(state__in=(State.RUNNING, State.CHECKING))),
        "coming": list(found.filter(state=State.PLANNED).order_by("starts_at", "pk")[:100]),
        "plans": list(ahead.visible(actor)[:100]),
        "sheet": sheet_of(request, found.exclude(state__in=services.NOT_OVER)),
        "now": clock.now(),
    }
    return show(request, "maintenance", context)


@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One piece of work whole."""
    return _page(request, number)


def _page(request: HttpRequest, number: int, error: ProblemError | None = None) -> HttpResponse:
    actor = actor_of(request)
    work = services.get(actor, number)
    keys = frozenset(services.service_keys(work))
    context = {
        "work": work,
        "met": conflicts.of(actor, keys, work.reach, work.starts_at, work.ends_at, but=work.pk)
        if work.state in services.NOT_OVER
        else [],
        "stops": clocks.stopped_by_work(actor, services.felt_by(work)),
        "reach": REACH_WORDS[work.reach],
        "log": list(work.notes.all()),
        "told": list(comms.notices(actor, str(work))[:50]),
        "may_begin": work.state == State.PLANNED and work.starts_at <= clock.now() < work.ends_at,
        "start": _civil(request, work.starts_at),
        "end": _civil(request, work.ends_at),
        "error": error,
        "typed": request.POST,
    }
    answer = show(request, "maintenance_one", context)
    answer.status_code = error.status if error else 200
    return answer


def _civil(request: HttpRequest, moment: datetime) -> str:
    return f"{moment.astimezone(zone_of(_zone(request))):%Y-%m-%dT%H:%M}"


def _zone(request: HttpRequest) -> str:
    return person_of(request).timezone or current().default_timezone


def moment(request: HttpRequest, name: str) -> datetime:
    """What a field of the form means in the zone of the person."""
    try:
        return moment_of(read_civil(request.POST.get(name, "")), zone_of(_zone(request)))
    except CivilError as error:
        raise bad_request(str(error), name) from error


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    """The form of new work; it shows what else is planned then before it is kept."""
    actor = actor_of(request)
    access.require(actor, Right.RESPOND)
    if request.method != "POST":
        tonight = timezone.localtime(clock.now()).date() + timedelta(days=1)
        first = {"services": request.GET.getlist("service"), "quiet": "on", "announced": "on", "reach": "dependents"}
        return _form(request, {**first, "starts_at": f"{tonight}T02:00", "ends_at": f"{tonight}T04:00"})
    posted = request.POST
    fields: dict[str, Any] = {name: posted.get(name, "").strip()[:2000] for name in (*_TEXTS, "quiet", "announced")}
    fields |= {name: posted.getlist(name) for name in ("services", "before", "after")}
    try:
        wanted = services.Wanted(
            fields["title"],
            fields["reason"],
            frozenset(fields["services"]),
            moment(request, "starts_at"),
            moment(request, "ends_at"),
            fields["reach"],
            bool(fields["quiet"]),
            bool(fields["announced"]),
            tuple(fields["before"]),
            tuple(fields["after"]),
        )
        if posted.get("do") != "save":
            met = conflicts.of(actor, wanted.services, wanted.reach, wanted.starts_at, wanted.ends_at)
            return _form(request, fields, previewed=True, met=met, told=_told(wanted))
        work = services.plan(actor, wanted)
    except ProblemError as error:
        return _form(request, fields, error.status, error=error)
    say(request, f"{work} is planned.")
    return HttpResponseRedirect(f"/maintenance/{work.pk}")


_TEXTS = ("title", "reason", "starts_at", "ends_at", "reach")


def _told(wanted: services.Wanted) -> list[str]:
    to, _ = comms.concerned(wanted.services, clock.now())
    return [one.name for one in to] if wanted.announced else []


def _form(request: HttpRequest, fields: Mapping[str, Any], status: int = 200, **more: Any) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "fields": fields,
        "zone": _zone(request),
        "reaches": [(one, REACH_WORDS[one]) for one in REACHES],
        "services": catalog.visible_services(actor).order_by("name").values_list("key", "name"),
        "checks": checks.visible(actor).values_list("key", "name")[:500],
        **more,
    }
    answer = show(request, "maintenance_edit", context)
    answer.status_code = status
    return answer


def _begin(request: HttpRequest, actor: Actor, number: int) -> str:
    services.begin(actor, number, emergency=request.POST.get("emergency", "").strip() or None)
    return "It goes on now. End it when it is done."


def _end(request: HttpRequest, actor: Actor, number: int) -> str:
    services.end(actor, number, request.POST.get("outcome", ""))
    return "It is over."


def _extend(request: HttpRequest, actor: Actor, number: int) -> str:
    services.extend(actor, number, moment(request, "ends_at"))
    return "It has another end."


def _move(request: HttpRequest, actor: Actor, number: int) -> str:
    services.move(actor, number, moment(request, "starts_at"), moment(request, "ends_at"))
    return "It is planned for another time."


def _cancel(request: HttpRequest, actor: Actor, number: int) -> str:
    services.cancel(actor, number, request.POST.get("reason", ""))
    return "It is called off."


_ACTIONS: Mapping[str, Callable[[HttpRequest, Actor, int], str]] = {
    "begin": _begin,
    "end": _end,
    "extend": _extend,
    "move": _move,
    "cancel": _cancel,
}


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Begin, end, extend, move or cancel it; a refusal stands on its page with what was written."""
    if action not in _ACTIONS:
        raise bad_request(f"write one of {', '.join(_ACTIONS)}", "action")
    try:
        said = _ACTIONS[action](request, actor_of(request), number)
    except ProblemError as error:
        if error.status == 404:
            raise
        return _page(request, number, error)
    say(request, said)
    return HttpResponseRedirect(f"/maintenance/{number}")
