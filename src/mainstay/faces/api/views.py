"""The REST API: the same services as the screens, as JSON, for programs with a token.

Reading takes a token of scope read or write, acting one of scope write. Refusals are RFC 9457 problem details.
"""

import logging
import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from mainstay.core import access
from mainstay.core.access import AccessError, Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.core.rates import Buckets
from mainstay.core.settings import current
from mainstay.core.tokens import find_token
from mainstay.faces.api import read
from mainstay.respond.incidents import services as incidents

log = logging.getLogger(__name__)
View = Callable[..., HttpResponse]
MAX_LIMIT = 1000
_rates = Buckets()


def _answer(body: Any, status: int = 200, kind: str = "application/json") -> HttpResponse:
    return HttpResponse(orjson.dumps(body, option=orjson.OPT_UTC_Z), status=status, content_type=kind)


def _refusal(problem: ProblemError) -> HttpResponse:
    answer = _answer(problem.body(), problem.status, "application/problem+json")
    if "retry_after" in problem.extra:
        answer["Retry-After"] = str(problem.extra["retry_after"])
    return answer


def _actor(request: HttpRequest) -> Actor:
    """The program that asks. The API takes tokens alone, so that a page in a browser cannot be made to call it."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret:
        raise ProblemError(
            401, "Unauthorized", "send 'Authorization: Bearer TOKEN'; make one with 'mainstay token create'"
        )
    token = find_token(secret.strip())
    if token is None:
        raise ProblemError(401, "Unauthorized", "this token is not known, or it was revoked")
    rate = current().api_requests_per_minute
    wait = _rates.take(token.name, rate / 60, rate)
    if wait:
        detail = f"more than {rate} requests a minute; come again later, or raise api_requests_per_minute"
        raise ProblemError(429, "Too many requests", detail, retry_after=math.ceil(wait))
    return access.of_token(token)


def endpoint(method: str) -> Callable[[View], View]:
    """Wrap a function of (actor, request, …) that returns data into a view with authentication and problem details."""

    def wrap(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def serve(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            try:
                if request.method != method:
                    raise ProblemError(405, "Method not allowed", f"use {method}")
                return _answer(view(_actor(request), request, **kwargs))
            except ProblemError as problem:
                return _refusal(problem)
            except AccessError as error:
                return _refusal(ProblemError(403, "Forbidden", str(error)))

        return serve

    return wrap


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit", "100")
    if not text.isdigit() or not 1 <= int(text) <= MAX_LIMIT:
        raise bad_request(f"write a number from 1 to {MAX_LIMIT}", "limit")
    return int(text)


def _listing(kind: str) -> View:
    @endpoint("GET")
    def view(actor: Actor, request: HttpRequest) -> Any:
        return {kind: getattr(read, f"list_{kind}")(actor, _limit(request))}

    return view


def _showing(kind: str) -> View:
    @endpoint("GET")
    def view(actor: Actor, request: HttpRequest, ident: str) -> Any:
        del request
        return getattr(read, f"show_{kind}")(actor, ident)

    return view


def _fields(request: HttpRequest, known: Mapping[str, type]) -> dict[str, Any]:
    """The JSON object of a request; fields that are not known or of another type are refused by name."""
    try:
        posted = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(posted, dict):
        raise bad_request("write an object")
    for name, value in posted.items():
        if name not in known:
            raise bad_request(f"unknown field; known are {', '.join(known) or 'none'}", name)
        if not isinstance(value, known[name]):
            raise bad_request(f"write a {known[name].__name__}", name)
    return posted


@endpoint("POST")
def acknowledge(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Take an incident."""
    _fields(request, {})
    changed = incidents.acknowledge(actor, read.number(ident), " through the API")
    return {"acknowledged": True, "changed": changed}


@endpoint("POST")
def resolve(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Close an incident with its cause."""
    fields = _fields(request, {"cause": str, "workaround_helped": bool})
    helped = bool(fields.get("workaround_helped", False))
    incidents.resolve(actor, read.number(ident), fields.get("cause", ""), workaround_helped=helped)
    return {"resolved": True}


@endpoint("POST")
def note(actor: Actor, request: HttpRequest, ident: str) -> Any:
    """Add a note to an incident's log."""
    incidents.comment(actor, read.number(ident), _fields(request, {"text": str}).get("text", ""))
    return {"noted": True}


KINDS = ("alerts", "incidents", "services", "rules", "pages")
urlpatterns: list[URLPattern] = [
    *(path(kind, _listing(kind)) for kind in KINDS),
    path("incidents/<str:ident>/acknowledge", acknowledge),
    path("incidents/<str:ident>/resolve", resolve),
    path("incidents/<str:ident>/notes", note),
    *(path(f"{kind}/<str:ident>", _showing(kind)) for kind in KINDS),
]
