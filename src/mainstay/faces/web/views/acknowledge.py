"""The page behind the link in a mail: one response, no sign-in, no script. Opening it does nothing; a button does.

Mail scanners open links, so only a POST acts. The signed token in the address is the proof of who asks: it is not a
cookie, no other site can know it, and so the forms need no further protection against forged requests.
"""

import base64
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import replace
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from mainstay.catalog import services as catalog
from mainstay.core import clock
from mainstay.core.access import Actor, Right, of_person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.faces.web import assets
from mainstay.faces.web.middleware import policy
from mainstay.faces.web.views.base import public
from mainstay.observe.changes import services as changes
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.clocks import services as clocks
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import State
from mainstay.respond.oncall import services as oncall
from mainstay.respond.paging import services as paging
from mainstay.respond.paging.message import unsign
from mainstay.respond.paging.models import Page

# The page must be there at once; what takes longer is left out of it.
PATIENCE = 0.3
CHANGE_HOURS = 6
_askers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="acknowledge")
_VIA = " from the link in the page"


@public
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """Show what happened, and take what the person decides."""
    key = unsign(token)
    if key is None:
        return _answer(request, "acknowledge_gone", {"forged": True}, 403)
    page = paging.page_by_key(key)
    if page is None:
        return _answer(request, "acknowledge_gone", {"forged": False}, 410)
    timezone.activate(ZoneInfo(page.person.timezone or current().default_timezone))
    whole = of_person(page.person, via="page link")
    actor = replace(whole, right=min(whole.right, Right.RESPOND))
    told = _act(request, actor, page) if request.method == "POST" else None
    if told:
        page = paging.page_by_key(key) or page
    return _answer(request, "acknowledge", {**_facts(actor, page), "told": told})


def _act(request: HttpRequest, actor: Actor, page: Page) -> dict[str, str]:
    number, wanted = page.incident_id, request.POST.get("do", "acknowledge")
    try:
        if wanted == "pass":
            done = incidents.pass_on(actor, number, via=_VIA)
            text = "Passed on: the next step is being paged now." if done else "There is no next step to pass it to."
        elif wanted == "snooze":
            incidents.snooze(actor, number, via=_VIA)
            text = "Snoozed for 15 minutes. Unless it is restored by then, paging begins again."
        elif incidents.acknowledge(actor, number, via=_VIA):
            text = "You have it. Nobody else is paged."
        else:
            text = "Somebody has it already; nothing was changed."
    except ProblemError as error:
        return {"text": error.detail, "kind": "bad"}
    return {"text": text, "kind": "good"}


def _facts(actor: Actor, page: Page) -> dict[str, Any]:
    incident = page.incident
    service = incident.service
    scope = []
    if service:
        callees = [callee for caller, callee in catalog.dependencies(actor) if caller == service.key]
        scope = [service.key, *callees]
    return {
        "page": page,
        "incident": incident,
        "service": service,
        "following": oncall.next_of(incident.pk),
        "counts": known.counts_of([incident.known_error_id]).get(incident.known_error_id)
        if incident.known_error_id
        else None,
        "earlier": incidents.last_of_service(actor, incident),
        "levels": clocks.of(actor, incident, clock.now()),
        "change": _last_change(actor, scope),
        "may_take": incident.state == State.OPEN,
        "may_snooze": incident.state in {State.OPEN, State.ACKNOWLEDGED},
    }


def _last_change(actor: Actor, scope: Sequence[str]) -> changes.ChangeEvent | None:
    """The newest change of the service and what it calls, unless the store is away or slow."""
    if not scope:
        return None
    asked = _askers.submit(changes.recent, actor, scope, clock.now(), CHANGE_HOURS)
    try:
        found = asked.result(timeout=PATIENCE)
    except (TookTooLong, TelemetryError):
        asked.cancel()
        return None
    return found[0] if found else None


@lru_cache(maxsize=1)
def _style() -> tuple[str, str]:
    """The styles that travel in the page, and the source expression by which the policy allows just these."""
    style = assets.text("acknowledge.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return style, f"'sha256-{digest}'"


def _answer(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    style, source = _style()
    answer = render(request, f"web/{template}.html", {**context, "style": style}, status=status)
    answer.headers["Content-Security-Policy"] = policy(style_src=source, script_src="'none'", connect_src="'none'")
    # The address is a key: it must not be told to where a link of the page leads.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
