"""The patterns of log lines: all of them, and one with its counts, its values and what is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from mainstay.catalog import services as catalog
from mainstay.core.access import Right
from mainstay.core.problems import ProblemError
from mainstay.faces.api import logs as plain
from mainstay.faces.api import patterns as api
from mainstay.faces.web import logview
from mainstay.faces.web.views.base import actor_of, back_to, say, show
from mainstay.observe.logs.patterns.templates import VARIABLE
from mainstay.observe.logs.seen import services, values
from mainstay.observe.logs.seen.services import Row, ServiceCounts, Shown
from mainstay.observe.telemetry.services import TelemetryError

SHOWN = 200
SERVICES = 8
WIDTH, HEIGHT = 600, 44


@dataclass(frozen=True)
class Drawn:
    """The counts of one service as bars in a box of ``WIDTH`` by ``HEIGHT``: (x, y, width, height) each."""

    service: str
    lines: int
    most: int
    bars: Sequence[tuple[float, float, float, float]]


def drawn(counts: ServiceCounts) -> Drawn:
    """One service's counts, each service on a scale of its own."""
    most, width = max(counts.counts, default=0) or 1, WIDTH / max(len(counts.counts), 1)
    bars = [
        (round(place * width, 1), round(HEIGHT - height, 1), round(max(width - 1.5, 0.5), 1), round(height, 1))
        for place, lines in enumerate(counts.counts)
        if lines
        for height in (max(lines / most * HEIGHT, 1.5),)
    ]
    return Drawn(counts.service, counts.lines, most, bars)


def trend_of(row: Row) -> str:
    """The points of a sparkline in a box of 90 by 20."""
    most = max(row.trend, default=0) or 1
    step = 90 / max(len(row.trend) - 1, 1)
    return " ".join(f"{place * step:.1f},{18 - lines / most * 16:.1f}" for place, lines in enumerate(row.trend))


def with_slots(template: str) -> SafeString:
    """A template with its variable parts numbered and marked: by a frame and a number, not by colour alone."""
    first, *rest = template.split(VARIABLE)
    slots = format_html_join(
        "",
        '<mark class="slot"><span class="unseen">variable part </span><sup>{}</sup>{}</mark>{}',
        ((place, VARIABLE, text) for place, text in enumerate(rest, 1)),
    )
    return format_html("{}{}", first, slots)


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All patterns with lines in a range."""
    actor, wanted = actor_of(request), api.wanted_of(request)
    context: dict[str, Any] = {"wanted": wanted, "ranges": logview.RANGES, "sorts": services.SORTS}
    context["services"] = catalog.visible_services(actor).order_by("key").values_list("key", flat=True)
    try:
        within = plain.range_of(actor, wanted["range"])
        found = services.listed(actor, within, wanted["service"], wanted["text"], wanted["sort"], SHOWN)
    except (ProblemError, TelemetryError) as error:
        return show(request, "patterns", {**context, "error": getattr(error, "detail", str(error))})
    rows = [(row, with_slots(row.pattern.template[:400]), trend_of(row)) for row in found.rows]
    place = {"range": wanted["range"]} if "range" in request.GET else {}
    context |= {"found": found, "rows": rows, "within": within, "place": f"?{urlencode(place)}" if place else ""}
    return show(request, "patterns", context)


@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One pattern."""
    actor = actor_of(request)
    pattern = services.get(actor, number)
    text = " ".join(request.GET.get("range", "").split())
    if pattern.pk != number:
        # The younger leads to the elder.
        return HttpResponseRedirect(
            f"/logs/patterns/{pattern.pk}?{urlencode({**({'range': text} if text else {}), 'was': number})}"
        )
    context: dict[str, Any] = {
        "pattern": pattern,
        "template": with_slots(pattern.template),
        "was": request.GET.get("was", "") if request.GET.get("was", "").isdigit() else "",
        "range": text or plain.DEFAULT_RANGE,
        "ranges": logview.RANGES,
        "may_act": actor.right >= Right.RESPOND,
        "known_errors": catalog.visible_known_errors(actor).order_by("key"),
        "incidents": api.incidents_of(actor, pattern),
    }
    try:
        within = plain.range_of(actor, text)
        found = services.shown(actor, pattern, within)
        context |= {"found": found, "within": within, **_charts(found)}
        context["slots"] = values.slots_of(actor, pattern, within)
    except (ProblemError, TelemetryError) as error:
        context["error"] = getattr(error, "detail", str(error))
    context["lines_at"] = "/logs?" + urlencode({"query": api.query_of(pattern), "range": context["range"]})
    return show(request, "pattern", context)


def _charts(found: Shown) -> dict[str, Any]:
    return {
        "charts": [drawn(counts) for counts in found.services[:SERVICES]],
        "more_services": found.services[SERVICES:],
        "width": WIDTH,
        "height": HEIGHT,
    }


@require_POST
def known_error(request: HttpRequest, number: int) -> HttpResponse:
    """Link a pattern with a known error, or take the link back."""
    found = services.set_known_error(actor_of(request), number, request.POST.get("known_error", ""))
    say(request, f"The pattern is a sign of {found.known_error.key}." if found.known_error else "The link is gone.")
    return back_to(request, f"/logs/patterns/{found.pk}")


@require_POST
def note(request: HttpRequest, number: int) -> HttpResponse:
    """Keep a note."""
    found = services.set_note(actor_of(request), number, request.POST.get("note", ""))
    say(request, "The note is kept.")
    return back_to(request, f"/logs/patterns/{found.pk}")
