"""Go to anything: incidents, services, rules, people, known errors and screens by a few letters."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from mainstay.catalog import services as catalog
from mainstay.core import people
from mainstay.core.access import Actor
from mainstay.faces.web.context import MAIN, MORE
from mainstay.faces.web.views.base import actor_of, is_panel, show
from mainstay.learn.problems import services as problems
from mainstay.observe.metrics import services as metrics
from mainstay.respond.incidents import services as incidents

EACH = 6


@dataclass(frozen=True)
class Place:
    """Somewhere to go."""

    kind: str
    name: str
    hint: str
    href: str


def _screens(text: str) -> Iterator[Place]:
    for name, href in (*MAIN, *MORE, ("Your profile", "/me")):
        if text.casefold() in name.casefold():
            yield Place("Screen", name, "", href)


def _incidents(actor: Actor, text: str) -> Iterator[Place]:
    found = incidents.visible(actor)
    digits = text.upper().removeprefix("INC-").lstrip("#")
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        found = found.filter(Q(pk=int(digits)) | Q(title__icontains=text))
    elif text:
        found = found.filter(Q(title__icontains=text) | Q(service__key__icontains=text))
    else:
        found = found.filter(state__in=incidents.LIVE)
    for one in found.order_by("-opened_at")[:EACH]:
        yield Place("Incident", one.title, f"INC-{one.pk}, P{one.priority}, {one.state}", f"/i/{one.pk}")


def _problems(actor: Actor, text: str) -> Iterator[Place]:
    digits = text.upper().removeprefix("PRB-")
    named = Q(title__icontains=text)
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        named |= Q(pk=int(digits))
    for one in problems.visible(actor).filter(named)[:EACH]:
        yield Place("Problem", one.title, f"{one}, {one.state}", f"/problems/{one.pk}")


def _named(actor: Actor, text: str) -> Iterator[Place]:
    named = Q(key__icontains=text) | Q(name__icontains=text)
    for service in catalog.visible_services(actor).filter(named).order_by("tier", "name")[:EACH]:
        yield Place("Service", service.name, service.key, f"/services/{service.key}")
    for rule in metrics.visible_rules(actor).prefetch_related(None).filter(named)[:EACH]:
        yield Place("Rule", rule.name, rule.key, f"/rules/{rule.key}")
    for known in catalog.visible_known_errors(actor).prefetch_related(None).filter(named).order_by("key")[:EACH]:
        yield Place("Known error", known.name, known.key, f"/known-errors/{known.key}")
    for person in people.visible(actor).filter(Q(name__icontains=text) | Q(email__icontains=text))[:EACH]:
        yield Place("Person", person.name, person.email, f"/on-call#person-{person.pk}")


def go(request: HttpRequest) -> HttpResponse:
    """The palette's list; without scripts a search page. An incident's number alone leads there at once."""
    actor, text = actor_of(request), request.GET.get("q", "").strip()[:80]
    places = list(_incidents(actor, text))
    if text:
        places += _problems(actor, text)
        places += _named(actor, text)
    places += _screens(text)
    exact = text.upper().removeprefix("INC-")
    if not is_panel(request) and exact.isdigit() and any(place.href == f"/i/{exact}" for place in places):
        return HttpResponseRedirect(f"/i/{exact}")
    return show(request, "go", {"places": places, "q": text}, "parts/places")
