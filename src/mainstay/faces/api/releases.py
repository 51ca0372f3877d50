"""Releases as plain data: one shape for the REST API and for the command line."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from mainstay.change.maintenance import conflicts
from mainstay.change.releases import report, services
from mainstay.change.releases.hooks import KINDS, github
from mainstay.change.releases.models import Release
from mainstay.change.releases.services import Wanted
from mainstay.core import clock, documents
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError, bad_request
from mainstay.core.settings import current
from mainstay.faces.api.endpoint import endpoint, fields_of, moment_of, object_of, whole_of
from mainstay.faces.web import assets
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
        "planned_for": release.planned_for,
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
        "runbook",
        "confidence",
        "counts",
        "evidence",
        "findings",
    )
    runs = {name: str(run) if (run := getattr(release, name)) else None for name in ("rollout_run", "undo_run")}
    notes = [{"at": one.at, "who": one.who, "text": one.text} for one in release.notes.all()]
    rest = {"conflicts": met(actor, release), "log": notes}
    return {**_row(release), **{name: getattr(release, name) for name in fields}, **runs, **rest}


def met(actor: Actor, release: Release) -> list[Row]:
    """What else is planned for its service while it is rolled out and watched."""
    taken = services.span(release)
    if taken is None:
        return []
    keys = frozenset({release.service.key})
    return [asdict(one) for one in conflicts.of(actor, keys, "alone", *taken, but_release=release.pk)]


def started(actor: Actor, given: Row) -> Row:
    """Start one; ``emergency`` is why in spite of a closed gate."""
    fields = dict(given)
    emergency = fields.pop("emergency", None)
    wanted = Wanted(**{"service": "", "version": "", **fields})
    return _row(services.start(actor, wanted, emergency=emergency))


def scheduled(actor: Actor, given: Row) -> Row:
    """Write down when one is to be rolled out. The answer says what it meets."""
    fields = dict(given)
    at = moment_of(fields.pop("at", ""), "at")
    release = services.schedule(actor, Wanted(**{"service": "", "version": "", **fields}), at)
    return {**_row(release), "conflicts": met(actor, release)}


def verified(actor: Actor, number: int) -> Row:
    """Judge one now."""
    try:
        services.verify(actor, number)
    except TelemetryError as error:
        raise ProblemError(503, "Unavailable", f"the telemetry store does not answer: {error}") from error
    return shown(actor, number)


def report_file(actor: Actor, number: int, form: str) -> HttpResponse:
    """The report with its seal, as a file."""
    if form not in documents.FORMATS:
        raise bad_request(f"write one of {', '.join(documents.FORMATS)}", "format")
    blocks = report.blocks(actor, services.get(actor, number))
    body = documents.as_file(blocks, form, assets.DIST / "fonts", clock.now())
    name = f'attachment; filename="REL-{number}.{form}"'
    return HttpResponse(body, content_type=documents.FORMATS[form], headers={"Content-Disposition": name})


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"releases": listed(actor, whole_of(request, "limit", 100), request.GET.get("service", ""))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, number: int) -> Any:
    del request
    return shown(actor, number)


@endpoint("GET")
def _report(actor: Actor, request: HttpRequest, number: int) -> Any:
    return report_file(actor, number, request.GET.get("format", "html"))


_WANTED = {**dict.fromkeys(("service", "version", *services.TEXTS, "emergency"), str), "inputs": dict}


@endpoint("POST")
def _start(actor: Actor, request: HttpRequest) -> Any:
    return started(actor, fields_of(request, _WANTED))


@endpoint("POST")
def _schedule(actor: Actor, request: HttpRequest) -> Any:
    known = {name: kind for name, kind in _WANTED.items() if name != "emergency"}
    return scheduled(actor, fields_of(request, {**known, "at": str}))


@endpoint("POST")
def _begin(actor: Actor, request: HttpRequest, number: int) -> Any:
    emergency = fields_of(request, {"emergency": str}).get("emergency")
    return _row(services.begin(actor, number, emergency=emergency))


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
    path("releases/schedule", _schedule),
    path("releases/hooks/<str:kind>/<str:service>", _hook),
    path("releases/<int:number>", _one),
    path("releases/<int:number>/report", _report),
    path("releases/<int:number>/begin", _begin),
    path("releases/<int:number>/finish", _finish),
    path("releases/<int:number>/verify", _verify),
    path("releases/<int:number>/break-off", _break_off),
    path("releases/<int:number>/roll-back", _roll_back),
]
