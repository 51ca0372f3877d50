"""People: who is on call, how they are reached, and what became of each page."""

from django.http import HttpRequest, HttpResponse

from mainstay.core import people
from mainstay.faces.web.views.base import actor_of, sheet_of, show
from mainstay.respond.oncall import services as oncall
from mainstay.respond.paging import services as paging
from mainstay.respond.paging.models import Attempt


def now(request: HttpRequest) -> HttpResponse:
    """Who has each policy now, whose turn it is, and how everybody is reached."""
    actor = actor_of(request)
    everybody = list(people.visible(actor))
    contacts = paging.contacts_of(actor, everybody)
    names = {person.email: person.name for person in everybody}
    context = {
        "on_call": oncall.on_call_now(actor),
        "rotations": oncall.rotations_now(actor),
        "people": [(person, contacts[person.pk]) for person in everybody],
        "names": names,
    }
    return show(request, "on_call", context)


def deliveries(request: HttpRequest) -> HttpResponse:
    """Every page with its deliveries and what the providers said."""
    found = paging.visible_pages(actor_of(request))
    state = request.GET.get("state", "")
    if state in Attempt.State.values:
        found = found.filter(attempts__state=state).distinct()
    context = {"sheet": sheet_of(request, found), "state": state, "states": Attempt.State.choices}
    return show(request, "deliveries", context, "parts/deliveries")
