"""Reports: one with its figures, the rows behind a figure, and the report as a file."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from mainstay.catalog import services as catalog
from mainstay.change.releases import services as releases
from mainstay.change.supportability import services as supportability
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.api.reports import file_of, wanted_of
from mainstay.faces.web.views.base import PER_PAGE, Sheet, actor_of, show, whole
from mainstay.learn.problems import actions
from mainstay.learn.problems import services as problems
from mainstay.learn.reports import document, services
from mainstay.learn.reports.domain.figures import Of
from mainstay.learn.reports.domain.periods import Kind
from mainstay.learn.reports.domain.telling import shown
from mainstay.learn.reports.services import Report, Wanted
from mainstay.respond.incidents import services as incidents
from mainstay.respond.paging import services as paging

_SENT = 10


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """A report, and what is sent by itself."""
    actor, error = actor_of(request), None
    try:
        report = services.report(actor, _wanted(request))
    except ProblemError as wrong:
        error, report = wrong, services.report(actor, Wanted("week"))
    context = {
        **_about(report),
        "error": error,
        "kinds": list(Kind),
        "teams": catalog.visible_teams(actor).prefetch_related(None).values_list("key", "name"),
        "earlier": _at(report, report.before.start),
        "later": _at(report, report.period.end) if report.period.end < report.made_at else "",
        "so_far": f"/reports?{urlencode({'kind': report.period.kind, 'team': report.wanted.team, 'at': 'now'})}",
        "plans": list(services.plans(actor)[:100]),
        "sent": list(services.sent(actor)[:_SENT]),
    }
    answer = show(request, "reports", context)
    answer.status_code = error.status if error else 200
    return answer


def _wanted(request: HttpRequest) -> Wanted:
    """What the address asks for. A form names a day instead of a moment: noon of it lies in its week and month."""
    given = request.GET.dict()
    day = given.pop("day", "")
    if not day:
        return wanted_of(given)
    zone = services.calendar_of(given.get("zone", ""), ()).zone
    try:
        noon = datetime.fromisoformat(f"{day[:10]}T12:00").replace(tzinfo=zone)
    except ValueError:
        raise bad_request("write a day such as 2026-03-01", "day") from None
    return wanted_of({**given, "at": noon.isoformat()})


def _about(report: Report) -> dict[str, Any]:
    parts = [
        {
            "section": one,
            "figures": [_cell(each) for each in one.telling],
            "lines": [(line.label, [_cell(each) for each in line.figures]) for line in one.lines],
        }
        for one in report.sections
    ]
    return {"report": report, "parts": parts, "address": document.query(report)}


def _cell(one: Any) -> dict[str, Any]:
    before = shown(one.before, one.unit) if one.before is not None else ""
    return {"figure": one, "now": shown(one.value, one.unit), "before": before}


def _at(report: Report, moment: datetime) -> str:
    """The address of the report that a moment lies in, of the same kind and team."""
    at = services.Wanted(**{**vars(report.wanted), "at": moment})
    calendar = services.calendar_of(at.zone, at.shifts)
    period = calendar.containing(report.period.kind, moment)
    return document.query(Report(**{**vars(report), "wanted": at, "period": period}))


@require_GET
def file(request: HttpRequest, form: str) -> HttpResponse:
    """The report as a file, in one of the formats of documents."""
    return file_of(actor_of(request), _wanted(request), form)


@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The rows behind one figure."""
    actor = actor_of(request)
    report = services.report(actor, _wanted(request))
    figure = report.figure(request.GET.get("figure", ""))
    number = max(whole(request.GET.get("page"), 1), 1)
    start = (number - 1) * PER_PAGE
    chosen = figure.rows[start : start + PER_PAGE]
    sheet = Sheet(_rows(actor, figure.of, chosen), number, len(figure.rows) > start + PER_PAGE)
    context = {"report": report, "cell": _cell(figure), "sheet": sheet, "address": document.query(report)}
    return show(request, "report_rows", context)


def _rows(actor: Actor, of: Of, numbers: Sequence[int]) -> list[Any]:
    """The things with these numbers, in this order."""
    doors: dict[Of, Callable[[], QuerySet[Any]]] = {
        Of.INCIDENTS: lambda: incidents.visible(actor),
        Of.PAGES: lambda: paging.visible_pages(actor).select_related("incident", "person").prefetch_related(None),
        Of.RELEASES: lambda: releases.visible(actor),
        Of.PROBLEMS: lambda: problems.visible(actor),
        Of.ACTIONS: lambda: actions.visible(actor),
        Of.REVIEWS: lambda: supportability.visible(actor).select_related("service"),
    }
    if of not in doors:
        return []
    found = {one.pk: one for one in doors[of]().filter(pk__in=numbers)}
    return [found[one] for one in numbers if one in found]
