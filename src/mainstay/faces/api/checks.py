"""Health checks as plain data: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core.access import Actor
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.observe.checks import services
from mainstay.observe.checks.models import Check

Row = dict[str, Any]


def _row(check: Check) -> Row:
    return {
        "key": check.key,
        "name": check.name,
        "service": check.service.key if check.service else None,
        "state": check.state if check.last_at else None,
        "since": check.state_since,
        "last_run": check.last_at,
        "text": check.last_text,
        "enabled": check.enabled,
    }


def listed(actor: Actor, limit: int) -> list[Row]:
    """Checks by key."""
    return [_row(check) for check in services.visible(actor)[:limit]]


def shown(actor: Actor, key: str, limit: int = 20) -> Row:
    """One check with its last runs."""
    check = services.get(actor, key)
    runs = [
        {
            "at": run.started_at,
            "state": run.state,
            "code": run.code,
            "seconds": round(run.seconds, 3),
            "text": run.text,
            "output": run.output,
            "measures": run.measures,
        }
        for run in services.runs(actor, check)[:limit]
    ]
    return {
        **_row(check),
        "reason": check.reason,
        "command": check.command,
        "script": check.script or None,
        "runbook": check.runbook or None,
        "inputs": check.inputs,
        "interval": services.interval_of(check),
        "timeout": services.timeout_of(check),
        "needed": check.needed,
        "of": check.of,
        "runs": runs,
    }


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"checks": listed(actor, whole_of(request, "limit", 100))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, key: str) -> Any:
    return shown(actor, key, whole_of(request, "limit", 20))


@endpoint("POST")
def _run(actor: Actor, request: HttpRequest, key: str) -> Any:
    fields_of(request, {})
    services.run_now(actor, key)
    return {"due": True}


urlpatterns: list[URLPattern] = [
    path("checks", _every),
    path("checks/<str:key>", _one),
    path("checks/<str:key>/run", _run),
]
