"""Known errors: the list, one with where it matched, and one written or changed."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mainstay.catalog import services as catalog
from mainstay.catalog.known import services
from mainstay.catalog.known.models import KnownError
from mainstay.catalog.known.services import MATCH
from mainstay.catalog.known.signature import SignatureError
from mainstay.core import people
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError
from mainstay.faces.web import words
from mainstay.faces.web.views.base import actor_of, sheet_of, show, whole
from mainstay.faces.web.views.base import say as tell
from mainstay.respond.incidents import known
from mainstay.respond.known import draft

STATES = (("", "in use"), ("ask", "wants a look"), ("retired", "retired"), ("all", "all"))
_TEXTS = ("key", "name", "team", "owner", "workaround", "runbook", "fix", "ticket", "fixed_by")
_LINES = ("rules", "matchers", "words")


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """Known errors by what the address asks for, with how often they were met and helped."""
    actor = actor_of(request)
    wanted = {name: " ".join(request.GET.get(name, "").split())[:200] for name in ("service", "owner", "state", "text")}
    sheet = sheet_of(request, services.listed(actor, **wanted))
    counts = known.counts_of([row.pk for row in sheet.rows])
    context = {
        "sheet": sheet,
        "rows": [(row, counts.get(row.pk, known.Counts())) for row in sheet.rows],
        "wanted": wanted,
        "filtered": any(wanted.values()),
        "states": STATES,
        "services": catalog.visible_services(actor).order_by("key").values_list("key", flat=True),
        "owners": [
            *catalog.visible_teams(actor).values_list("key", "name"),
            *people.visible(actor).values_list("email", "name"),
        ],
        "to_look_at": list(services.to_look_at(actor)[:20]),
        "may_respond": actor.right >= Right.RESPOND,
    }
    return show(request, "known_errors", context)


@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """One known error: how it is recognised and why, what to do, and where it matched."""
    actor = actor_of(request)
    row = services.get(actor, key)
    context = {
        "known": row,
        "parts": words.signature(services.match_of(row)),
        "problem": services.compiled().problems.get(key, ""),
        "counts": known.counts_of([row.pk]).get(row.pk, known.Counts()),
        "sheet": sheet_of(request, known.of_known_error(actor, row)),
        "may_respond": actor.right >= Right.RESPOND,
    }
    return show(request, "known_error", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    """A known error to write: a new one, one that is there, or one that an incident suggests."""
    actor = actor_of(request)
    if request.method != "POST":
        return _page(request, actor, *_start(request, actor))
    fields = _posted(request.POST)
    number = whole(request.POST.get("incident"), 0)
    try:
        kept = services.save(actor, _entry(fields), from_incident=number or None)
        if number:
            known.judge(actor, number, kept.key, known.Verdict.CONFIRMED)
    except (SignatureError, ProblemError) as error:
        detail = error.detail if isinstance(error, ProblemError) else str(error)
        return _page(request, actor, {**fields, "source": "", "incident": number or ""}, detail, 400)
    tell(request, f"{kept.key} is kept. Alerts are held against it from now on.")
    return HttpResponseRedirect(f"/known-errors/{kept.key}")


_DEEDS = {
    "verify": (services.verify, "{} is still true."),
    "retire": (services.retire, "{} is retired: nothing is recognised by it any more."),
    "revive": (services.revive, "{} is in use again."),
}


@require_POST
def act(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Say that it is still true, retire it, or take it into use again."""
    if action not in _DEEDS:
        raise Http404
    deed, told = _DEEDS[action]
    try:
        deed(actor_of(request), key)
        tell(request, told.format(key))
    except ProblemError as error:
        if error.status != 409:
            raise
        tell(request, error.detail, "bad")
    return HttpResponseRedirect(f"/known-errors/{key}")


def _page(
    request: HttpRequest, actor: Actor, fields: Mapping[str, Any], error: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "fields": fields,
        "error": error,
        "fixes": KnownError.Fix.choices,
        "services": catalog.visible_services(actor).order_by("key").values_list("key", flat=True),
        "teams": catalog.visible_teams(actor).values_list("key", "name"),
        "people": people.visible(actor).values_list("email", "name"),
        "may_respond": actor.right >= Right.RESPOND,
    }
    answer = show(request, "known_error_edit", context)
    answer.status_code = status
    return answer


def _start(request: HttpRequest, actor: Actor) -> tuple[dict[str, Any], str]:
    """What a fresh form holds, and what could not be found out for it."""
    key, number = request.GET.get("key", ""), whole(request.GET.get("incident"), 0)
    if key:
        row = services.get(actor, key)
        return {**_fields(services.entry_of(row)), "source": row.source}, ""
    if number:
        found = draft.of_incident(actor, number)
        return {**_fields(found.entry), "incident": number}, found.problem
    return _fields({"services": [], "match": MATCH, "fix": KnownError.Fix.NONE}), ""


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as the form shows it: all of it text. Labels with exact values are matchers there."""
    match = entry["match"]
    labels = [f'{name}="{value}"' for name, value in sorted(match["labels"].items())]
    return {
        **{name: entry.get(name) or "" for name in (*_TEXTS, "source", "incident")},
        "services": ", ".join(entry["services"]),
        "rules": "\n".join(match["rules"]),
        "matchers": "\n".join([*labels, *match["matchers"]]),
        "words": " ".join(match["words"]),
        **{name: match[name] for name in ("text", "condition", "log")},
    }


def _posted(post: QueryDict) -> dict[str, Any]:
    names = (*_TEXTS, "services", *_LINES, "text", "condition", "log")
    return {name: post.get(name, "").replace("\r", "").strip()[:30_000] for name in names}


def _entry(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The form as an entry."""
    return {
        **{name: fields[name] for name in _TEXTS},
        "services": [one.strip() for one in fields["services"].split(",") if one.strip()],
        "match": {
            "rules": [line.strip() for line in fields["rules"].splitlines() if line.strip()],
            "labels": {},
            "matchers": [line.strip() for line in fields["matchers"].splitlines() if line.strip()],
            "words": fields["words"].split(),
            **{name: fields[name] for name in ("text", "condition", "log")},
        },
    }
