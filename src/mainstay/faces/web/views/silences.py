"""Silences: what is kept quiet now and why, making one, and ending one before its time."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from mainstay.catalog import services as catalog
from mainstay.catalog.calendar.entries import REACHES
from mainstay.core import clock
from mainstay.core.problems import ProblemError
from mainstay.faces.api.silences import labels_of, made
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show
from mainstay.faces.web.views.calendar import REACH_WORDS
from mainstay.respond.silences import services

LENGTHS = (("30m", "30 minutes"), ("1h", "1 hour"), ("2h", "2 hours"), ("4h", "4 hours"), ("8h", "8 hours"))


@require_http_methods(["GET", "HEAD", "POST"])
def every(request: HttpRequest) -> HttpResponse:
    """Those that hold or are to come, the form of a new one, and those of before."""
    if request.method != "POST":
        chosen = request.GET.getlist("service")
        return _page(request, {"services": chosen, "reach": "alone", "lasts": "1h"})
    posted = request.POST
    fields: dict[str, Any] = {
        "services": posted.getlist("services"),
        "labels": posted.get("labels", "")[:2000],
        **{name: posted.get(name, "")[:2000] for name in ("reach", "reason", "lasts")},
    }
    try:
        pairs = [one for one in fields["labels"].split(",") if one.strip()]
        row = made(actor_of(request), {**fields, "labels": labels_of(pairs)})
    except ProblemError as error:
        return _page(request, fields, error)
    say(request, f"Silence {row['number']} holds. Whatever still fires when it ends opens its incident then.")
    return HttpResponseRedirect("/silences")


def _page(request: HttpRequest, fields: dict[str, Any], error: ProblemError | None = None) -> HttpResponse:
    actor = actor_of(request)
    found = services.visible(actor)
    live = services.not_over(found, clock.now())
    answer = show(
        request,
        "silences",
        {
            "live": services.with_held(live)[:100],
            "sheet": sheet_of(request, found.exclude(pk__in=live.values("pk"))),
            "fields": fields,
            "error": error,
            "now": clock.now(),
            "lengths": LENGTHS,
            "reaches": [(one, REACH_WORDS[one]) for one in REACHES],
            "services": catalog.visible_services(actor).order_by("name").values_list("key", "name"),
        },
    )
    answer.status_code = error.status if error else 200
    return answer


@require_POST
def end(request: HttpRequest, number: int) -> HttpResponse:
    """Let its alerts be heard again."""
    services.end(actor_of(request), number)
    say(request, f"Silence {number} is over. What still fires opens its incident within seconds.")
    return HttpResponseRedirect("/silences")
