"""The log screen: search, counts, one line with its surroundings, journeys, and a person's own SQL."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError, not_found
from mainstay.core.settings import current
from mainstay.faces.api import logs as plain
from mainstay.faces.api.log_views import cursor_of, file_of
from mainstay.faces.web import logview
from mainstay.faces.web.logview import State, state_of
from mainstay.faces.web.views.base import actor_of, back_to, is_panel, say, show, whole
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.search import saved
from mainstay.observe.logs.search import services as search
from mainstay.observe.logs.search.answers import Cursor
from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.search.times import Range, stamp
from mainstay.observe.telemetry.services import TelemetryError

PER_PAGE = 200


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The whole screen with the first page of lines."""
    actor, state = actor_of(request), state_of(request.GET)
    context = {**_common(actor, state), **_found(request, actor, state)}
    context["saved"] = list(saved.visible(actor)[:50])
    context["can_share"] = actor.right >= Right.RESPOND
    return show(request, "logs", context)


def _common(actor: Actor, state: State) -> dict[str, Any]:
    """What the frame of the screen needs: the state, and the range that it means now."""
    context: dict[str, Any] = {"state": state, "ranges": logview.RANGES, "all_columns": logview.COLUMNS}
    context["own_columns"] = ",".join(name for name in state.columns if name not in logview.COLUMNS)
    try:
        within = plain.range_of(actor, state.range)
    except ProblemError as problem:
        return {**context, "range_error": problem.detail}
    locked = replace(state, range=within.locked)
    links = {
        "histogram": locked.address("/logs/histogram"),
        "facets": locked.address("/logs/facets"),
        "exports": [(form, locked.address("/logs/export", format=form)) for form in ("csv", "ndjson", "parquet")],
        "wrapped": replace(state, wrap=not state.wrap).address(),
        "oldest": state.address(after=f"{within.micros[0] - 1}.0"),
        "newest": state.address(),
        "wider": [(text, replace(state, range=text).address()) for text in ("last 24h", "last 7d", "last 30d")],
        "tail": state.address("/logs/tail"),
        "locked": "" if within.locked == state.range else locked.address(),
    }
    return {**context, "within": within, "links": links, "offset": logview.day_of(within.end).rpartition(" ")[2]}


def _found(request: HttpRequest, actor: Actor, state: State) -> dict[str, Any]:
    """The page of lines that the address asks for, or why there is none."""
    try:
        within = plain.range_of(actor, state.range)
        # Pages of a range that moves would drift apart, so links to more lines carry the range as it is now.
        fixed = replace(state, range=within.locked)
        before, after = cursor_of(request, "before"), cursor_of(request, "after")
        found = search.search(actor, state.query, within, min(PER_PAGE, current().log_search_lines), before, after)
    except QueryError as error:
        mark = " " * error.at + "^" * min(error.length, max(len(state.query) - error.at, 1))
        return {"wrong": error, "wrong_mark": mark}
    except ProblemError as problem:
        return {"range_error": problem.detail} if problem.field == "range" else {"error": problem.detail}
    except TelemetryError as error:
        return {"error": str(error)}
    return {
        "found": found,
        "rows": logview.rows_of(found.lines, state, request.GET.get("day", "")),
        "older": fixed.address(before=found.older) if found.older else "",
        "newer": fixed.address(after=found.newer) if found.newer else "",
        "more_older": fixed.address("/logs/lines", before=found.older) if found.older else "",
        "more_newer": fixed.address("/logs/lines", after=found.newer) if found.newer else "",
        "newest_number": search.number_now(),
        "is_part": bool(before or after),
    }


@require_GET
def lines(request: HttpRequest) -> HttpResponse:
    """More lines, for the script that scrolls; a browser without it is sent to the page."""
    state = state_of(request.GET)
    if not is_panel(request):
        return HttpResponseRedirect(f"/logs?{request.GET.urlencode()}")
    return show(request, "logs", {"state": state, **_found(request, actor_of(request), state)}, "parts/log_lines")


@require_GET
def histogram(request: HttpRequest) -> HttpResponse:
    """Counts over time by level."""
    actor, state = actor_of(request), state_of(request.GET)
    context: dict[str, Any] = {"title": "Lines over time", "panel": "parts/log_histogram.html", "state": state}
    try:
        found = search.histogram(actor, state.query, plain.range_of(actor, state.range))
        context |= {"found": found, "drawn": logview.bars_of(found, state)}
    except (QueryError, TelemetryError, ProblemError) as error:
        context["error"] = str(error)
    return show(request, "panel", context, "parts/log_histogram")


@require_GET
def facets(request: HttpRequest) -> HttpResponse:
    """The most frequent values of fields."""
    actor, state = actor_of(request), state_of(request.GET)
    context: dict[str, Any] = {"title": "Values", "panel": "parts/log_facets.html", "state": state}
    try:
        found = search.facets(actor, state.query, plain.range_of(actor, state.range))
        patterns = _templates([value for one in found.facets if one.field == "pattern" for value, _ in one.values])
        context["facets"] = [(one, logview.choices_of(one, state, patterns)) for one in found.facets if one.values]
    except (QueryError, TelemetryError, ProblemError) as error:
        context["error"] = str(error)
    return show(request, "panel", context, "parts/log_facets")


def _templates(numbers: list[str]) -> dict[str, str]:
    """The text of patterns by number."""
    known = Pattern.objects.filter(pk__in=[int(one) for one in numbers if int(one) < 2**63])
    return {str(number): template for number, template in known.values_list("pk", "template")}


def _cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ProblemError:
        raise not_found("such line") from None


@require_GET
def line(request: HttpRequest, place: str) -> HttpResponse:
    """One line with all that is known of it. The address stays good as long as the line is kept."""
    actor, state, cursor = actor_of(request), state_of(request.GET), _cursor(place)
    # Alone, a line belongs to no search; links from it look around its own time.
    if not state.query and "range" not in request.GET:
        state = replace(state, range=search.window_of(cursor).text)
    context: dict[str, Any] = {"title": "One line", "panel": "parts/log_line.html", "state": state}
    try:
        found = search.line(actor, cursor)
    except TelemetryError as error:
        return show(request, "panel", {**context, "error": str(error)}, "parts/log_line")
    patterns = _templates([str(found.pattern)] if found.pattern else [])
    contexts = [(scope, state.address(f"/logs/context/{cursor}", scope=scope)) for scope in search.SCOPES]
    context |= {
        "line": found,
        "day": logview.day_of(found.time),
        "utc": stamp(found.time),
        "at": logview.rows_of([found], state)[0].at,
        "fields": logview.fields_of(found, state),
        "template": patterns.get(str(found.pattern), ""),
        "contexts": contexts,
        "permalink": f"/logs/line/{cursor}",
        "alone": not is_panel(request),
    }
    return show(request, "panel", context, "parts/log_line")


@require_GET
def context(request: HttpRequest, place: str) -> HttpResponse:
    """A line between its neighbours of the same stream or service."""
    actor, state, cursor = actor_of(request), state_of(request.GET), _cursor(place)
    scope = request.GET.get("scope", "stream")
    count = min(whole(request.GET.get("lines"), 40), current().log_search_lines)
    shown: dict[str, Any] = {"state": state, "scope": scope, "here": str(cursor)}
    try:
        found = search.context(actor, cursor, count, count, scope)
    except TelemetryError as error:
        return show(request, "log_context", {**shown, "error": str(error)})
    everything = (*found.before, found.line, *found.after)
    others = [(other, state.address(f"/logs/context/{cursor}", scope=other)) for other in search.SCOPES]
    shown |= {
        "line": found.line,
        "rows": logview.rows_of(everything, replace(state, query="")),
        "others": [one for one in others if one[0] != scope],
        "more": state.address(f"/logs/context/{cursor}", scope=scope, lines=count * 4) if count < 600 else "",
        "back": state.address(),
    }
    return show(request, "log_context", shown)


@require_GET
def journey(request: HttpRequest) -> HttpResponse:
    """The lines of all services that hold a key, in order."""
    actor, state = actor_of(request), state_of(request.GET)
    key = request.GET.get("key", "").strip()
    shown: dict[str, Any] = {"state": state, "key": key, "back": state.address()}
    if not key:
        return show(request, "log_journey", shown)
    try:
        found = search.journey(actor, key, plain.range_of(actor, state.range))
    except (TelemetryError, ProblemError) as error:
        return show(request, "log_journey", {**shown, "error": str(error)})
    rows = logview.rows_of([stop.line for stop in found.stops], replace(state, query="", columns=("service",)))
    shown |= {"found": found, "stops": list(zip(found.stops, rows, strict=True))}
    return show(request, "log_journey", shown)


@require_GET
def tail(request: HttpRequest) -> HttpResponse:
    """Lines that came in since the one that the address names, the newest first."""
    actor, state = actor_of(request), state_of(request.GET)
    since = request.GET.get("since", "")
    try:
        found = search.tail(actor, state.query, int(since) if since.isascii() and since.isdigit() else 0, PER_PAGE)
    except (QueryError, TelemetryError) as error:
        return HttpResponse(str(error), status=503, content_type="text/plain; charset=utf-8")
    rows = logview.rows_of(found[::-1], state, request.GET.get("day", ""))
    newest = max((one.id for one in found), default=0)
    return show(request, "logs", {"rows": rows, "newest_number": newest, "state": state}, "parts/log_tail")


@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """All lines that match, as a file."""
    actor, state = actor_of(request), state_of(request.GET)
    within: Range = plain.range_of(actor, state.range)
    form = request.GET.get("format", "csv")
    with plain.understood():
        return file_of(search.export(actor, state.query, within, form), form, within)


def sql(request: HttpRequest) -> HttpResponse:
    """A box for a SELECT of one's own."""
    actor = actor_of(request)
    statement = request.POST.get("sql") or request.GET.get("sql") or _EXAMPLE
    shown: dict[str, Any] = {"statement": statement, "conf": current()}
    if request.method != "POST":
        return show(request, "log_sql", shown)
    try:
        shown["answer"] = search.sql(actor, statement)
    except ProblemError as problem:
        shown["wrong"] = problem.detail
    except TelemetryError as error:
        shown["error"] = str(error)
    return show(request, "log_sql", shown)


_EXAMPLE = """SELECT toStartOfMinute(time) AS minute, service, count() AS errors
FROM log_lines
WHERE level IN ('error', 'fatal') AND time > now() - INTERVAL 1 HOUR
GROUP BY minute, service
ORDER BY minute DESC, errors DESC
LIMIT 100"""


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Save the search under a name."""
    actor, posted = actor_of(request), request.POST
    with plain.understood():
        found = saved.save(
            actor, posted.get("name", ""), posted.get("query", ""), posted.get("range", ""), shared="shared" in posted
        )
    say(request, f"The search “{found}” is saved.")
    return back_to(request, "/logs")


@require_POST
def forget(request: HttpRequest, number: int) -> HttpResponse:
    """Delete a saved search."""
    saved.delete(actor_of(request), number)
    say(request, "The search is deleted.")
    return back_to(request, "/logs")
