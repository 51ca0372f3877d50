"""How production is configured: the sources, one with its looks, and what differs between two of them."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from mainstay.change.configs import services
from mainstay.change.configs.models import Source
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show, whole


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All sources."""
    return show(request, "configurations", {"rows": list(services.visible(actor_of(request))[:500])})


@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """One source, its looks, and what differs between the two that the address names, or the last two."""
    actor = actor_of(request)
    source = services.get(actor, key)
    inside = _inside(request, actor, source) if actor.right >= Right.RESPOND else {}
    return show(request, "configuration", {"source": source, **inside})


def _inside(request: HttpRequest, actor: Actor, source: Source) -> dict[str, Any]:
    """What takes a responder: the looks, and two of them beside each other."""
    looks = services.snapshots(actor, source)
    chosen, against = (whole(request.GET.get(name), 0) for name in ("after", "before"))
    after = services.snapshot(actor, chosen) if chosen else services.latest(source)
    if after is not None and not against:
        earlier = looks.filter(pk__lt=after.pk).first()
        against = earlier.pk if earlier is not None else 0
    before = services.snapshot(actor, against) if against else None
    return {
        "sheet": sheet_of(request, looks),
        "after": after,
        "compared": services.compared(actor, after, before) if after is not None else None,
        "like": services.twin(actor, source),
    }


@require_POST
def take(request: HttpRequest, key: str) -> HttpResponse:
    """Look now."""
    try:
        row = services.take(actor_of(request), key)
        say(request, f"Something has changed: {row.summary}." if row is not None else "Nothing has changed.")
    except ProblemError as error:
        if error.status == 404:
            raise
        say(request, error.detail, "bad")
    return HttpResponseRedirect(f"/configurations/{key}")
