"""Who may be to blame for an incident: what was said last, and asking for it anew."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mainstay.catalog import services as catalog
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.faces.web.drills import hiding
from mainstay.faces.web.views.base import actor_of, say, show
from mainstay.learn.assistant import services as assistant
from mainstay.learn.diagnosis import confirmed, services
from mainstay.learn.drills.domain import SHOWN
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.incidents import services as incidents

_WORDS = ((0.75, "very likely"), (0.45, "likely"), (0.2, "possible"), (0.0, "unlikely"))


def surely(confidence: float) -> str:
    """A confidence in words."""
    return next(words for least, words in _WORDS if confidence >= least)


def _context(actor: Actor, number: int) -> dict[str, Any]:
    incident = incidents.get(actor, number)
    found = services.latest(actor, number)
    said = found.said if found is not None else {}
    every = [
        {**one, "surely": surely(one["confidence"]), "percent": round(one["confidence"] * 100)}
        for one in (*said.get("services", ()), *said.get("changes", ()))
        # What rounds to nothing is no candidate for somebody who has to act.
        if round(one["confidence"] * 100)
    ]
    return {
        "incident": incident,
        "finding": found,
        "told": said,
        "blamed": [one for one in every if one["kind"] == "service"],
        "changed": [one for one in every if one["kind"] == "change"],
        "around": f"around {incident}",
        "confirmed": confirmed.of_incident(actor, number),
        "assistant": assistant.is_on(),
        "opinion": _opinion(actor, number),
        "title": "Likely cause",
        "panel": "parts/diagnosis.html",
    }


def _opinion(actor: Actor, number: int) -> dict[str, Any] | None:
    """What a language model said, each statement with what it cites as it was shown."""
    row = assistant.visible(actor, number).first()
    if row is None:
        return None
    shown = {one["name"]: one for one in row.exhibits}
    kept = [
        {"text": one["text"], "cites": [{**each, "shown": shown.get(each["exhibit"])} for each in one["citations"]]}
        for one in row.kept
    ]
    return {"row": row, "kept": kept, "discarded": len(row.discarded)}


@require_POST
def ask_assistant(request: HttpRequest, number: int) -> HttpResponse:
    """Have the language model look."""
    try:
        assistant.ask(actor_of(request), number)
    except ProblemError as error:
        say(request, f"{error.detail[:1].upper()}{error.detail[1:]}.", "bad")
    return HttpResponseRedirect(f"/i/{number}#h-diagnosis")


@require_GET
def panel(request: HttpRequest, number: int) -> HttpResponse:
    """What was said last. It is read from the database, so that no slow store is waited for."""
    context = _context(actor_of(request), number)
    drill = hiding(request, context["incident"])
    return show(request, "panel", {**context, "drill": drill, "costs": SHOWN}, "parts/diagnosis")


@require_POST
def again(request: HttpRequest, number: int) -> HttpResponse:
    """Diagnose now."""
    actor = actor_of(request)
    try:
        services.again(actor, number)
    except (ProblemError, TelemetryError) as error:
        say(request, getattr(error, "detail", "") or str(error), "bad")
    return HttpResponseRedirect(f"/i/{number}#h-diagnosis")


@require_http_methods(["GET", "POST"])
def cause(request: HttpRequest, number: int) -> HttpResponse:
    """What it really was: a form of its own, which no live update touches."""
    actor = actor_of(request)
    incident = incidents.get(actor, number)
    found, known = services.latest(actor, number), confirmed.of_incident(actor, number)
    error, typed = None, {"service": known.service, "change": known.change, "note": known.note} if known else {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in ("service", "change", "note")}
        try:
            confirmed.confirm(actor, number, typed["service"], typed["change"], typed["note"])
        except ProblemError as problem:
            error = problem
        else:
            say(request, "It is kept, and counts in how often the diagnosis was right.")
            return HttpResponseRedirect(f"/i/{number}#h-diagnosis")
    named = [one["name"] for one in found.said["services"]] if found else []
    every = list(catalog.visible_services(actor).order_by("name").values_list("key", "name"))
    context = {
        "incident": incident,
        "known": known,
        "error": error,
        "typed": typed,
        # What was named comes first, in its order.
        "services": sorted(every, key=lambda one: named.index(one[0]) if one[0] in named else len(named)),
        "changes": found.said["changes"] if found else [],
    }
    return show(request, "cause", context)


@require_GET
def own_score(request: HttpRequest) -> HttpResponse:
    """How often the diagnosis was right here."""
    score, rows = confirmed.own_score(actor_of(request))
    cases = [(one, label) for one, label in zip(rows, confirmed.labels(rows), strict=True)]
    return show(request, "own_score", {"score": score, "cases": cases[:200], "left_out": max(len(cases) - 200, 0)})
