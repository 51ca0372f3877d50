"""Formats of log lines: the list with what they fit, and one written against real lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mainstay.catalog import services as catalog
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError
from mainstay.faces.web.views.base import actor_of, is_panel, say, show
from mainstay.observe.logs.formats import services
from mainstay.observe.logs.formats.definition import COLUMNS, DEFAULTS, Format
from mainstay.observe.logs.formats.draft import draft
from mainstay.observe.logs.formats.names import NAMES
from mainstay.observe.logs.formats.pattern import FormatError
from mainstay.observe.logs.formats.trying import Piece, Tried
from mainstay.observe.logs.search import services as search
from mainstay.observe.logs.search.answers import Cursor
from mainstay.observe.telemetry.services import TelemetryError

LINES, OWN_LINES, SAMPLES = 50, 20, 3
_GROUNDS = 4
_TEXTS = {
    "key": 80,
    "name": 160,
    "contains": 200,
    "time": 120,
    "time_format": 120,
    "timezone": 80,
    "level": 120,
    "message": 120,
}


@dataclass(frozen=True)
class Row:
    """One named part of a pattern: where it goes, how many of the lines have it, and some of its values."""

    name: str
    goes_to: str
    lines: int
    values: Sequence[str]


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All formats with what they fitted in the last hour."""
    actor = actor_of(request)
    return show(request, "log_formats", {"formats": services.listed(actor)})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    """A format on real lines. Everybody may try one; a maintainer keeps it."""
    actor = actor_of(request)
    if request.method != "POST":
        fields, error = _start(request, actor)
        return _page(request, actor, fields, error)
    fields = _posted(request.POST)
    if is_panel(request):
        return show(request, "log_format_edit", _tried(actor, fields), "parts/log_format_tried")
    if request.POST.get("do") != "save":
        return _page(request, actor, fields)
    try:
        kept = services.save(actor, _entry(fields))
    except (FormatError, ProblemError) as error:
        return _page(request, actor, fields, _sentence(error), 400)
    say(request, f"The format {kept.key} is kept. Lines that come from some seconds later on are read by it.")
    return HttpResponseRedirect("/logs/formats")


@require_POST
def remove(request: HttpRequest, key: str) -> HttpResponse:
    """Delete a format."""
    services.remove(actor_of(request), key)
    say(request, f"The format {key} is deleted. Lines that it read stay as they are.")
    return HttpResponseRedirect("/logs/formats")


def _sentence(error: FormatError | ProblemError) -> str:
    return error.detail if isinstance(error, ProblemError) else str(error)


def _page(
    request: HttpRequest, actor: Actor, fields: Mapping[str, Any], error: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "fields": fields,
        "error": error,
        "may_keep": actor.right >= Right.MAINTAIN,
        "services": catalog.visible_services(actor).order_by("key").values_list("key", flat=True),
        "names": sorted(NAMES),
        **_tried(actor, fields),
    }
    answer = show(request, "log_format_edit", context)
    answer.status_code = status
    return answer


def _start(request: HttpRequest, actor: Actor) -> tuple[dict[str, Any], str]:
    """What a fresh form holds: a format that is there, a first draft from a line, or nearly nothing."""
    key, place = request.GET.get("key", ""), request.GET.get("line", "")
    if key:
        row = services.get(actor, key)
        return _fields({**services.entry_of(row), "source": row.source}), ""
    fields = _fields({"key": "", "pattern": "", "services": [request.GET.get("service", "")[:200] or "*"]})
    if not place:
        return fields, ""
    try:
        line = search.line(actor, Cursor.parse(place))
    except (ProblemError, TelemetryError) as error:
        return fields, f"The line cannot be read: {getattr(error, 'detail', str(error))}"
    text = services.as_it_came(line)
    return {**fields, "services": line.service or "*", "pattern": draft(text), "own_lines": text}, ""


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as the form shows it: all of it text, but for switches."""
    entry = {**DEFAULTS, **entry}
    return {
        **entry,
        "services": ", ".join(entry["services"]),
        "patterns": "\n".join(f"{name} {meaning}" for name, meaning in entry["patterns"].items()),
        "levels": ", ".join(f"{word}={level}" for word, level in entry["levels"].items()),
    }


def _posted(post: QueryDict) -> dict[str, Any]:
    """What the form says, cut to what there is room for."""
    texts = {name: post.get(name, "").strip()[:most] for name, most in _TEXTS.items()}
    return {
        **texts,
        "pattern": post.get("pattern", "").strip("\r\n"),
        **{name: post.get(name, "").replace("\r", "")[:20_000] for name in ("services", "patterns", "levels")},
        "own_lines": post.get("own_lines", "").replace("\r", "")[:100_000],
        **{name: name in post for name in ("keep_line", "enabled")},
    }


def _entry(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The form as an entry. Raises ``FormatError``."""
    names = [line.strip().partition(" ") for line in fields["patterns"].splitlines() if line.strip()]
    pairs = [pair.strip().partition("=") for pair in fields["levels"].split(",") if pair.strip()]
    for word, equals, _ in pairs:
        if not equals:
            raise FormatError("levels", f"{word!r} names no level", "write X7=fatal, W=warning")
    return {
        **{name: fields[name] for name in (*_TEXTS, "pattern", "keep_line", "enabled")},
        "services": [one.strip()[:200] for one in fields["services"].split(",") if one.strip()],
        "patterns": {name: meaning.strip() for name, _, meaning in names},
        "levels": {word.strip(): level.strip() for word, _, level in pairs},
    }


def _tried(actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the format of the form makes of a person's own lines and of the last ones of its services."""
    if not fields["pattern"]:
        return {"nothing_yet": True}
    own = [line for line in fields.get("own_lines", "").splitlines() if line.strip()][:OWN_LINES]
    context: dict[str, Any] = {}
    try:
        entry = _entry(fields)
        one, _ = services.try_out(actor, entry, [])
    except FormatError as error:
        mark = " " * error.at + "^" if error.at is not None and error.field == "pattern" else ""
        return {"wrong": str(error), "wrong_mark": mark, "pattern": fields["pattern"]}
    try:
        lines = _real_lines(actor, entry)
    except TelemetryError as error:
        lines, context["store"] = [], str(error)
    _, found = services.try_out(actor, entry, [*own, *(line for line in lines if line not in own)])
    # What is to be mended stands before what fits.
    found[len(own) :] = sorted(found[len(own) :], key=lambda line: not line.stopped_at)
    looked_at = [line for line in found if line.fits or line.stopped_at]
    return {
        **context,
        "lines": [(line, _marked(line.pieces, one)) for line in found],
        "fitting": sum(line.fits for line in found),
        "looked_at": len(looked_at),
        "rows": _rows(one, found),
    }


def _real_lines(actor: Actor, entry: Mapping[str, Any]) -> list[str]:
    """The last lines of the services, some of each where there are several."""
    named = entry["services"][:5]
    share = max(LINES // max(len(named), 1), 1)
    return [line for name in named for line in services.recent_lines(actor, name, entry["contains"], share)]


def _marked(pieces: Sequence[Piece], one: Format) -> list[tuple[str, str, int]]:
    """The pieces of a line as (text, name, ground): parts that are neighbours differ in their ground."""
    places = {field.name: place for place, field in enumerate(one.pattern.fields)}
    return [(piece.text, piece.field, places.get(piece.field.split(" ")[0], 0) % _GROUNDS) for piece in pieces]


def _rows(one: Format, found: Sequence[Tried]) -> list[Row]:
    fitting = [line for line in found if line.fits]
    roles = {one.time: "the moment", one.level: "the level", one.message: "the text of the line"}
    rows = []
    for name in dict.fromkeys(field.name for field in one.pattern.fields):
        kind = one.named(name)[0].type
        goes_to = roles.get(name) or (name if name in COLUMNS else f"attribute, {kind}")
        values = [text for line in fitting if (text := _value(line, name, one))]
        samples = list(dict.fromkeys(values))[:SAMPLES]
        rows.append(Row(name, goes_to, len(values), samples))
    return rows


def _value(line: Tried, name: str, one: Format) -> str:
    """What is stored of a part, as text. A moment or a level that cannot be read is there as it was written."""
    if name == one.time and name not in line.fields:
        return f"{line.time:%Y-%m-%d %H:%M:%S.%f} UTC" if line.time else ""
    if name == one.level and name not in line.fields:
        return line.level
    return line.message.partition("\n")[0] if name == one.message else line.fields.get(name, "")
