"""Known errors as plain data: one shape for the REST API and for the command line."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.catalog.known import services
from mainstay.catalog.known.models import KnownError
from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.faces.api.numbers import number
from mainstay.respond.incidents import known
from mainstay.respond.known import trying

Row = dict[str, Any]
STATES = ("", "ask", "retired", "all")


def _row(row: KnownError, counts: known.Counts) -> Row:
    return {
        "key": row.key,
        "name": row.name,
        "services": sorted(service.key for service in row.services.all()),
        "owner": row.owner.email if row.owner else row.team.key if row.team else None,
        "met": counts.met,
        "worked": counts.worked,
        "failed": counts.failed,
        "last_met": counts.last,
        "fix": row.fix,
        "fixed_by": row.fixed_by or None,
        "verified": row.verified_at,
        "retired": row.is_retired,
        "asked": row.asked_why or None,
    }


def listed(actor: Actor, wanted: Mapping[str, str], limit: int) -> list[Row]:
    """Known errors by filters (service, owner, state, text), by key."""
    if wanted.get("state", "") not in STATES:
        raise bad_request("write ask, retired or all, or nothing for those in use", "state")
    rows = list(services.listed(actor, **wanted)[:limit])
    counts = known.counts_of([row.pk for row in rows])
    return [_row(row, counts.get(row.pk, known.Counts())) for row in rows]


def shown(actor: Actor, key: str) -> Row:
    """One known error whole, with the last incidents that it matched."""
    row = services.get(actor, key)
    counts = known.counts_of([row.pk]).get(row.pk, known.Counts())
    met = [
        {"incident": str(one.incident), "kind": one.kind, "why": one.why, "at": one.offered_at, "verdict": one.verdict}
        for one in known.of_known_error(actor, row)[:20]
    ]
    return {
        **_row(row, counts),
        **{name: value for name, value in services.entry_of(row).items() if name in {"match", "workaround"}},
        "runbook": row.runbook or None,
        "ticket": row.ticket or None,
        "from_incident": row.from_incident,
        "problem": services.compiled().problems.get(key),
        "matched": met,
    }


def matched(actor: Actor, alert: Mapping[str, Any]) -> list[Row]:
    """What an alert would match, the best first: exact ones, those that ask for a log line too, then guesses."""
    labels, annotations = alert.get("labels", {}), alert.get("annotations", {})
    for name, found in (("labels", labels), ("annotations", annotations)):
        if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
            raise bad_request("write an object of names and texts", name)
    value = alert.get("value")
    if value is not None and not isinstance(value, (int, float)):
        raise bad_request("write a number", "value")
    tried = trying.would_match(actor, labels, annotations, value)
    rows: list[Row] = [{"known_error": one.signature.key, "kind": "exact", "why": one.reason} for one in tried.exact]
    for one in tried.with_log:
        why = ", ".join((*one.reasons, f"once a line like “{one.signature.log}” is written"))
        rows.append({"known_error": one.signature.key, "kind": "with log", "why": why})
    return rows + [{"known_error": key, "kind": "guess", "why": one.why} for key, one in tried.guesses]


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    wanted = {name: request.GET.get(name, "")[:200] for name in ("service", "owner", "state", "text")}
    return {"known_errors": listed(actor, wanted, whole_of(request, "limit", 100))}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, key: str) -> Any:
    del request
    return shown(actor, key)


@endpoint("POST")
def _match(actor: Actor, request: HttpRequest) -> Any:
    return {"matches": matched(actor, fields_of(request, {"labels": dict, "annotations": dict, "value": object}))}


@endpoint("POST")
def _judge(actor: Actor, request: HttpRequest, ident: str) -> Any:
    fields = fields_of(request, {"key": str, "verdict": str})
    row = known.judge(actor, number(ident), fields.get("key", ""), fields.get("verdict", ""))
    return {"key": row.known_error.key, "verdict": row.verdict}


urlpatterns: list[URLPattern] = [
    path("known-errors", _every),
    path("known-errors/match", _match),
    path("known-errors/<str:key>", _one),
    path("incidents/<str:ident>/known-errors", _judge),
]
