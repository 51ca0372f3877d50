"""Releases as plain data: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from mainstay.change.releases import services
from mainstay.change.releases.hooks import KINDS, github
from mainstay.change.releases.models import Release
from mainstay.change.releases.services import Wanted
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError, bad_request
from mainstay.core.settings import current
from mainstay.faces.api.endpoint import endpoint, fields_of, object_of, whole_of
from mainstay.observe.telemetry.client import TelemetryError

Row = dict[str, Any]


def _row(release: Release) -> Row:
    return {
        "release": str(release),
        "service": release.service.key,
        "version": release.version,
        "state": release.state,
        "verdict": release.verdict or None,
        "reason": release.reason or None,
        "started_at": release.started_at,
        "finished_at": release.finished_at,
        "judged_at": release.judged_at,
        "by": release.made_by,
    }


def listed(actor: Actor, limit: int, service: str = "") -> list[Row]:
    """The latest releases, of one service or of all."""
    found = services.visible(actor)
    return [_row(one) for one in (found.filter(service__key=service) if service else found)[:limit]]


def shown(actor: Actor, number: int) -> Row:
    """One with its log, and the evidence of its verdict."""
    release = services.get(actor, number)
    fields = (
        "previous",
        "summary",
        "artefact",
        "ticket",
        "link",
        "reference",
        "confidence",
        "counts",
        "evidence",
        "findings",
    )
    notes = [{"at": one.at, "who": one.who, "text": one.text} for one in release.notes.all()]
    return {**_row(release), **{name: getattr(release, name) for name in fields}, "log": notes}


def started(actor: Actor, given: Row) -> Row:
    """Start one; ``emergency`` is why in spite of a closed gate."""
    fields = dict(given)
    emergency = fields.pop("emergency", None)
    wanted = Wanted(**{"service": "", "version": "", **fields})
    return _row(services.start(actor, wanted, emergency=emergency))


def verified(actor: Actor, number: int) -> Row:
    """Judge one now."""
    try:
        services.verify(actor, number)
    except TelemetryError as error:
        raise ProblemError(503, "Unavailable", f"the telemetry store does not answer: {error}") from error
    return shown(actor, number)


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"releases": listed(actor, whole_of(request, "limit", 100), request.GET.get("service", ""))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, number: int) -> Any:
    del request
    return shown(actor, number)


_WANTED = dict.fromkeys(("service", "version", *services.TEXTS, "emergency"), str)


@endpoint("POST")
def _start(actor: Actor, request: HttpRequest) -> Any:
    return started(actor, fields_of(request, _WANTED))


@endpoint("POST")
def _finish(actor: Actor, request: HttpRequest, number: int) -> Any:
    fields_of(request, {})
    return _row(services.finish(actor, number))


@endpoint("POST")
def _verify(actor: Actor, request: HttpRequest, number: int) -> Any:
    fields_of(request, {})
    return verified(actor, number)


@endpoint("POST")
def _break_off(actor: Actor, request: HttpRequest, number: int) -> Any:
    return _row(services.break_off(actor, number, fields_of(request, {"reason": str}).get("reason", "")))


@endpoint("POST")
def _roll_back(actor: Actor, request: HttpRequest, number: int) -> Any:
    return _row(services.roll_back(actor, number, fields_of(request, {"reason": str}).get("reason", "")))


def _said(actor: Actor, request: HttpRequest, kind: str, service: str, headers: dict[str, str]) -> Row:
    if kind not in KINDS:
        raise bad_request(f"known senders are {', '.join(KINDS)}", "kind")
    posted = object_of(request)
    said = KINDS[kind].decode(headers, posted, current().release_environment)
    release = services.told(actor, service, said) if said is not None else None
    return {"release": str(release) if release is not None else None}


def _signed_by_github(request: HttpRequest) -> Actor:
    secret = str(current().release_hook_secret)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not secret:
        raise ProblemError(403, "Forbidden", "set release_hook_secret to the secret of the webhook first")
    if not github.is_signed(headers, request.body, secret):
        raise ProblemError(
            401, "Unauthorized", "the signature does not fit: compare the secret with release_hook_secret"
        )
    return Actor("GitHub", Right.RESPOND, via="webhook")


@csrf_exempt
def _hook(request: HttpRequest, kind: str, service: str) -> HttpResponseBase:
    """What a pipeline says by itself. GitHub signs; the others have a token, GitLab in a header of its own."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if kind == "github":
        return _github(request, service=service, headers=headers)
    if kind == "gitlab" and "x-gitlab-token" in headers:
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {headers['x-gitlab-token']}"
        request.__dict__.pop("headers", None)
    return _by_token(request, kind=kind, service=service, headers=headers)


@endpoint("POST")
def _by_token(actor: Actor, request: HttpRequest, kind: str, service: str, headers: dict[str, str]) -> Any:
    return _said(actor, request, kind, service, headers)


@endpoint("POST", who=_signed_by_github)
def _github(actor: Actor, request: HttpRequest, service: str, headers: dict[str, str]) -> Any:
    return _said(actor, request, "github", service, headers)


urlpatterns: list[URLPattern] = [
    path("releases", _every),
    path("releases/start", _start),
    path("releases/hooks/<str:kind>/<str:service>", _hook),
    path("releases/<int:number>", _one),
    path("releases/<int:number>/finish", _finish),
    path("releases/<int:number>/verify", _verify),
    path("releases/<int:number>/break-off", _break_off),
    path("releases/<int:number>/roll-back", _roll_back),
]
