"""Subscribers: who outside of the team is told, of what, and what they were told."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from mainstay.faces.web.views.base import actor_of, sheet_of, show
from mainstay.respond.comms import services


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All of them, and the notices, newest first."""
    actor = actor_of(request)
    context = {"rows": list(services.visible(actor)[:500]), "sheet": sheet_of(request, services.notices(actor))}
    return show(request, "subscribers", context)
