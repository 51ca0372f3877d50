"""Looking after the installation: its health, its audit log, what intake refused, and the priority matrix."""

import platform
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

import django
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from mainstay.core import audit, clock, heartbeat, inbox
from mainstay.core.access import Right
from mainstay.core.models import Heartbeat
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show, whole
from mainstay.observe.intake import services as intake
from mainstay.observe.metrics import services as metrics
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.incidents import domain, services

STALE = timedelta(seconds=30)


def _beats(now: datetime) -> list[tuple[Heartbeat, str]]:
    """Each sign of life with its state: ok, error or stale."""
    found = []
    for beat in heartbeat.all_beats():
        state = "stale" if now - beat.at > STALE else "ok" if beat.ok else "error"
        found.append((beat, state))
    return found


def _auditor(beats: list[tuple[Heartbeat, str]]) -> list[str]:
    """What the auditor of escalations found, as sentences."""
    detail = next((beat.detail for beat, _ in beats if beat.name == "worker: auditor"), "")
    return [sentence for sentence in detail.split("; ") if sentence]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "run from its source, not installed"


def health(request: HttpRequest) -> HttpResponse:
    """Whether Mainstay itself works."""
    actor, now = actor_of(request), clock.now()
    beats, spool = _beats(now), telemetry.spool()
    waiting = spool.waiting_bytes()
    context = {
        "beats": beats,
        "silent": not any(state == "ok" for _, state in beats),
        "findings": _auditor(beats),
        "spool_mb": waiting / 1_000_000,
        "spool_limit": current().spool_max_mb,
        "spool_full": waiting >= current().spool_max_mb * 1_000_000,
        "refused": [path.name for path in spool.refused()[:20]],
        "inbox_waiting": inbox.waiting(),
        "inbox_failed": list(inbox.failed(actor)[:20]),
        "targets": metrics.visible_targets(actor),
        "versions": [
            ("Mainstay", _installed("mainstay")),
            ("Django", django.get_version()),
            ("Python", platform.python_version()),
            ("Relational store", "PostgreSQL" if current().database_url else "SQLite in the data directory"),
            ("Telemetry store", "ClickHouse" if current().engine_url else "embedded engine"),
        ],
    }
    return show(request, "health", context, "parts/health")


def audit_log(request: HttpRequest) -> HttpResponse:
    """Everything that somebody did, filtered by the address."""
    found = audit.visible(actor_of(request))
    wanted = {name: request.GET.get(name, "").strip()[:100] for name in ("actor", "action", "target")}
    for name, text in wanted.items():
        if text:
            found = found.filter(**{f"{name}__icontains": text})
    return show(request, "audit", {"sheet": sheet_of(request, found), "wanted": wanted})


def audit_verify(request: HttpRequest) -> HttpResponse:
    """Walk the chain of hashes and say what was found."""
    audit.visible(actor_of(request))
    return show(
        request,
        "panel",
        {"verdict": audit.verify(), "title": "Audit chain", "panel": "parts/verdict.html"},
        "parts/verdict",
    )


def intake_errors(request: HttpRequest) -> HttpResponse:
    """What intake refused, with the beginning of each body."""
    return show(request, "intake_errors", {"sheet": sheet_of(request, intake.visible_errors(actor_of(request)))})


def _cell(impact: str, urgency: str) -> str:
    return f"{impact}-{urgency}"


def matrix(request: HttpRequest) -> HttpResponse:
    """Impact x urgency, for reading, and for editing by maintainers."""
    cells = services.matrix()
    rows = [
        (impact, [(urgency, _cell(impact, urgency), cells[impact, urgency]) for urgency in domain.URGENCIES])
        for impact in domain.IMPACTS
    ]
    context = {"rows": rows, "urgencies": domain.URGENCIES, "priorities": (1, 2, 3, 4)}
    return show(request, "matrix", {**context, "may_edit": actor_of(request).right >= Right.MAINTAIN})


@require_POST
def matrix_save(request: HttpRequest) -> HttpResponse:
    """Keep the edited matrix."""
    wanted = {}
    for impact in domain.IMPACTS:
        for urgency in domain.URGENCIES:
            name = _cell(impact, urgency)
            if name not in request.POST:
                raise bad_request(f"the form lacks the cell {impact} x {urgency}", name)
            wanted[impact, urgency] = whole(request.POST.get(name), 0)
    services.set_matrix(actor_of(request), wanted)
    say(request, "The matrix is saved. Open incidents keep the priority that they have.")
    return HttpResponseRedirect("/matrix")
