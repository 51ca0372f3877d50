"""Silences as plain data: one shape for the REST API and for the command line."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, moment_of, whole_of
from mainstay.observe.metrics.rules.files import RuleError, seconds
from mainstay.respond.silences import services
from mainstay.respond.silences.models import Silence

Row = dict[str, Any]


def _row(silence: Silence) -> Row:
    return {
        "number": silence.pk,
        "services": sorted(one.key for one in silence.services.all()),
        "reach": silence.reach,
        "labels": silence.labels,
        "reason": silence.reason,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "ended_at": silence.ended_at,
        "made_by": silence.made_by,
        "work": silence.work or None,
    }


def listed(actor: Actor, limit: int, *, every: bool = False) -> list[Row]:
    """Silences that hold or are to come, or all that there ever were."""
    found = services.visible(actor)
    return [_row(one) for one in (found if every else services.not_over(found, clock.now()))[:limit]]


def span(text: str, field: str = "lasts") -> timedelta:
    """A length such as ``90m`` or ``2h``. Raises ``ProblemError``."""
    try:
        return timedelta(seconds=seconds(text, field))
    except RuleError as error:
        raise bad_request(str(error).removeprefix(f"{field}: "), field) from error


def labels_of(pairs: Iterable[str]) -> dict[str, str]:
    """Labels written as ``name=value``."""
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise bad_request(f"write {pair!r} as name=value", "labels")
        found[name.strip()] = value.strip()
    return found


def made(actor: Actor, given: Row) -> Row:
    """Make one of ``services``, ``reach``, ``labels``, ``reason``, ``lasts`` and, if it is to come, ``starts_at``."""
    starts = moment_of(given["starts_at"], "starts_at") if given.get("starts_at") else None
    begins = max(starts or clock.now(), clock.now())
    wanted = services.Wanted(
        given.get("reason", ""),
        begins + span(given.get("lasts", "")),
        frozenset(map(str, given.get("services", ()))),
        {str(name): str(value) for name, value in given.get("labels", {}).items()},
        given.get("reach", "alone"),
        starts,
    )
    return _row(services.make(actor, wanted))


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"silences": listed(actor, whole_of(request, "limit", 100), every=request.GET.get("all") == "true")}


_FIELDS = {"services": list, "reach": str, "labels": dict, "reason": str, "lasts": str, "starts_at": str}


@endpoint("POST")
def _make(actor: Actor, request: HttpRequest) -> Any:
    return made(actor, fields_of(request, _FIELDS))


@endpoint("POST")
def _end(actor: Actor, request: HttpRequest, number: int) -> Any:
    fields_of(request, {})
    services.end(actor, number)
    return {"ended": True}


urlpatterns: list[URLPattern] = [
    path("silences", _every),
    path("silences/new", _make),
    path("silences/<int:number>/end", _end),
]
