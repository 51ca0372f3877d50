"""Triage: what is open, whom it hurts, and who has it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from mainstay.catalog import services as catalog
from mainstay.core import clock
from mainstay.core.access import Actor, Right
from mainstay.faces.web import words
from mainstay.faces.web.views.base import actor_of, back_to, is_panel, say, show
from mainstay.respond.clocks import services as clocks
from mainstay.respond.clocks.domain import Clock
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident, State
from mainstay.respond.oncall import services as oncall
from mainstay.respond.oncall.services import Next
from mainstay.respond.paging import services as paging

SHOWN = 100
RECENT = timedelta(hours=24)
RECENT_SHOWN = 8


@dataclass(frozen=True)
class Filters:
    """What the address asks for. Every part may be empty."""

    priority: str = ""
    service: str = ""
    team: str = ""
    state: str = ""
    mine: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Filters":
        """Read them from an address."""
        return cls(**{name: request.GET.get(name, "")[:80] for name in cls.__dataclass_fields__})

    @property
    def are_set(self) -> bool:
        """Whether anything is left out."""
        return any((self.priority, self.service, self.team, self.state, self.mine))

    def apply(self, found: QuerySet[Incident], actor: Actor) -> QuerySet[Incident]:
        """Those incidents that fit."""
        if self.priority in {"1", "2", "3", "4"}:
            found = found.filter(priority=int(self.priority))
        if self.service:
            found = found.filter(service__key=self.service)
        if self.team:
            found = found.filter(service__team__key=self.team)
        if self.state in incidents.LIVE:
            found = found.filter(state=self.state)
        if self.mine:
            found = found.filter(Q(owner_id=actor.person_id) | Q(pk__in=paging.waiting_for(actor)))
        return found


@dataclass(frozen=True)
class Row:
    """One incident of the list with what is computed about it."""

    incident: Incident
    next: Next | None
    needs_me: bool
    clock: Clock | None

    @property
    def is_new(self) -> bool:
        """Whether nobody has taken it."""
        return bool(self.incident.state == State.OPEN)


def _rows(actor: Actor, filters: Filters) -> tuple[list[Row], list[Row]]:
    """Live incidents: those that are broken, most urgent first, then those that are restored."""
    found = filters.apply(incidents.visible(actor).filter(state__in=incidents.LIVE), actor)
    live = list(found.order_by("priority", "-opened_at")[:SHOWN])
    following = oncall.next_of_many([one.pk for one in live if one.state == State.OPEN])
    waiting = paging.waiting_for(actor)
    agreed = clocks.of_many(actor, live, clock.now())
    rows = [
        Row(
            one,
            following.get(one.pk),
            one.state == State.OPEN and one.pk in waiting,
            agreed[one.pk].pressing if one.pk in agreed else None,
        )
        for one in live
    ]
    # What nobody has taken comes before what somebody works on, within the same priority.
    rows.sort(key=lambda row: (row.incident.priority, not row.is_new))
    broken = [row for row in rows if row.incident.state != State.RESTORED]
    return broken, [row for row in rows if row.incident.state == State.RESTORED]


def _context(request: HttpRequest) -> dict[str, Any]:
    actor, filters = actor_of(request), Filters.of(request)
    broken, restored = _rows(actor, filters)
    done = incidents.visible(actor).filter(state=State.RESOLVED, resolved_at__gt=clock.now() - RECENT)
    waiting = sum(row.is_new for row in broken)
    return {
        "filters": filters,
        "broken": broken,
        "restored": restored,
        "resolved": list(filters.apply(done, actor).order_by("-resolved_at")[:RECENT_SHOWN]),
        "headline": words.headline(len(broken), waiting, sum(row.needs_me for row in broken)),
        "cut": len(broken) + len(restored) >= SHOWN,
        "shown": SHOWN,
        "on_call": oncall.on_call_now(actor),
        "query": request.GET.urlencode(),
        "may_respond": actor.right >= Right.RESPOND,
    }


def home(request: HttpRequest) -> HttpResponse:
    """The first screen. Its list is a panel that open screens fetch anew when something happens."""
    context = _context(request)
    if not is_panel(request):
        actor = actor_of(request)
        context["services"] = catalog.visible_services(actor).order_by("name").values_list("key", "name")
        context["teams"] = catalog.visible_teams(actor).prefetch_related(None).values_list("key", "name")
        context["states"] = [(state.value, state.label) for state in State if state in incidents.LIVE]
    return show(request, "triage", context, "parts/triage")


@require_POST
def take(request: HttpRequest, number: int) -> HttpResponse:
    """Acknowledge from the list. Answers with the list when the list asked for it."""
    changed = incidents.acknowledge(actor_of(request), number)
    if is_panel(request):
        return show(request, "triage", _context(request), "parts/triage")
    say(request, f"You have INC-{number}." if changed else f"INC-{number} was taken before.")
    return back_to(request, "/")
