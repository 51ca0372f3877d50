"""Reports as plain data and as files: one shape for the REST API, the screens and the command line."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from mainstay.core import clock, documents
from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, moment_of
from mainstay.faces.web import assets
from mainstay.learn.reports import document, services
from mainstay.learn.reports.domain.figures import Figure
from mainstay.learn.reports.services import Report, Wanted

Row = dict[str, Any]


def wanted_of(given: Mapping[str, str]) -> Wanted:
    """What the parts of an address ask for; ``at=now`` is what goes on. Raises ``ProblemError``."""
    at = moment_of(given["at"].replace(" ", "+"), "at") if given.get("at", "now") != "now" else None
    at = clock.now() if given.get("at") == "now" else at
    shifts = tuple(one.strip() for one in given.get("shifts", "").split(",") if one.strip())
    return Wanted(given.get("kind") or "week", given.get("team", ""), at, given.get("zone", ""), shifts)


def _figure(one: Figure) -> Row:
    return {
        "key": one.key,
        "label": one.label,
        "value": one.value,
        "unit": str(one.unit),
        "before": one.before,
        "difference": str(one.meaning) or None,
        "of": str(one.of),
        "rows": list(one.rows),
    }


def plain(report: Report) -> Row:
    """The whole of a report."""
    return {
        "title": report.title,
        "from": report.period.start,
        "to": report.period.end,
        "before": {"from": report.before.start, "to": report.before.end},
        "zone": report.period.zone,
        "summary": list(report.summary),
        "sections": [
            {
                "key": one.key,
                "title": one.title,
                "how": one.how,
                "note": one.note or None,
                "figures": [_figure(each) for each in one.figures],
                "lines": [
                    {"label": line.label, "figures": [_figure(each) for each in line.figures]} for line in one.lines
                ],
            }
            for one in report.sections
        ],
    }


def shown(actor: Actor, wanted: Wanted) -> Row:
    """A report, worked out now."""
    return plain(services.report(actor, wanted))


def body_of(report: Report, form: str) -> bytes:
    """A report in one of the formats of documents."""
    if form not in documents.FORMATS:
        raise bad_request(f"write one of {', '.join(documents.FORMATS)}", "format")
    return documents.as_file(document.blocks(report), form, assets.DIST / "fonts", report.made_at)


def file_of(actor: Actor, wanted: Wanted, form: str) -> HttpResponse:
    """The answer that saves a report."""
    report = services.report(actor, wanted)
    body = body_of(report, form)
    day = report.period.start.astimezone(services.calendar_of(report.period.zone, ()).zone)
    name = f'attachment; filename="report-{report.period.kind}-{day:%Y-%m-%d}.{form}"'
    return HttpResponse(body, content_type=documents.FORMATS[form], headers={"Content-Disposition": name})


@endpoint("GET")
def _report(actor: Actor, request: HttpRequest) -> Any:
    wanted = wanted_of(request.GET.dict())
    form = request.GET.get("format", "json")
    return shown(actor, wanted) if form == "json" else file_of(actor, wanted, form)


urlpatterns: list[URLPattern] = [path("reports", _report)]
