"""What all routes of the REST API share: who asks, answers as JSON, refusals as problem details."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from mainstay.core import access
from mainstay.core.access import AccessError, Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.core.rates import Buckets
from mainstay.core.settings import current
from mainstay.core.tokens import find_token

View = Callable[..., HttpResponseBase]
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
    return actor_of(request.headers.get("Authorization", ""))


def actor_of(header: str) -> Actor:
    """The program that asks, by its header. Tokens alone are taken, so that no page in a browser can be made to call.

    Raises ``ProblemError`` for a token that is not known, and for one that asks too often.
    """
    kind, _, secret = header.partition(" ")
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


def endpoint(method: str, who: Callable[[HttpRequest], Actor] = _actor) -> Callable[[View], View]:
    """Wrap a function of (actor, request, …) that returns data, or a whole answer, into a view.

    The view asks for a token, unless ``who`` knows the sender by something else, and answers refusals with problem
    details.
    """

    def wrap(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def serve(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                if request.method != method:
                    raise ProblemError(405, "Method not allowed", f"use {method}")
                found = view(who(request), request, **kwargs)
                # A file is an answer already.
                return found if isinstance(found, HttpResponseBase) else _answer(found)
            except ProblemError as problem:
                return _refusal(problem)
            except AccessError as error:
                return _refusal(ProblemError(403, "Forbidden", str(error)))

        return serve

    return wrap


def whole_of(request: HttpRequest, name: str, default: int) -> int:
    """The whole number that the address names, from 1 to ``MAX_LIMIT``."""
    text = request.GET.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT):
        raise bad_request(f"write a number from 1 to {MAX_LIMIT}", name)
    return int(text)


def object_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a request, whatever its fields."""
    try:
        posted = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(posted, dict):
        raise bad_request("write an object")
    return posted


def fields_of(request: HttpRequest, known: Mapping[str, type]) -> dict[str, Any]:
    """The JSON object of a request; fields that are not known or of another type are refused by name."""
    posted = object_of(request)
    for name, value in posted.items():
        if name not in known:
            raise bad_request(f"unknown field; known are {', '.join(known) or 'none'}", name)
        if not isinstance(value, known[name]):
            raise bad_request(f"write a {known[name].__name__}", name)
    return posted


def moment_of(text: Any, field: str) -> datetime:
    """A moment with its offset. Raises ``ProblemError``."""
    try:
        found = datetime.fromisoformat(str(text or ""))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise bad_request("write a moment with its offset, such as 2026-03-01T02:00:00+01:00", field)
    return found
