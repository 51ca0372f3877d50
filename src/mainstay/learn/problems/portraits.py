"""Incidents as they are compared: read from the rows, kept, and put into the index."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from mainstay.catalog.models import Dependency
from mainstay.change.releases.models import Release
from mainstay.core import clock
from mainstay.learn.problems.domain.likeness import LONGEST, Entry
from mainstay.learn.problems.domain.recurrence import Occurrence
from mainstay.learn.problems.models import Occurrence as Belonging
from mainstay.learn.problems.models import Portrait
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident

# Labels that say where it was and not what it was: they differ each time.
_PLACES = frozenset(
    ("instance", "pod", "host", "hostname", "node", "container", "container_id", "ip", "address", "device", "pid")
)
_ALERTS = 50


def draw(incident: Incident) -> Portrait:
    """Keep an incident as it is now; what its alerts said stays, even when they belong to a later one by now."""
    alerts = list(incident.alerts.select_related("rule").order_by("starts_at")[:_ALERTS])
    row = Portrait.objects.filter(incident=incident).first() or Portrait(incident=incident)
    row.at = clock.now()
    if alerts:
        row.signs = sorted({*row.signs, *(sign for one in alerts for sign in _signs(one))})
        row.labels = {**row.labels, **{name: str(value) for one in alerts for name, value in one.labels.items()}}
        told = [text for one in alerts for text in map(str, one.annotations.values())]
        row.text = "\n".join(dict.fromkeys(told))[:LONGEST]
    row.save()
    return row


def _signs(alert: Alert) -> Iterable[str]:
    yield f"alert={alert.name}"
    if alert.rule:
        yield f"rule={alert.rule.key}"
    yield from (f"{name}={value}" for name, value in alert.labels.items() if name not in _PLACES)


def entry_of(portrait: Portrait) -> Entry:
    """The incident of a portrait for the index: what was said of it, and what was found in the end."""
    incident = portrait.incident
    known = f"\n{incident.known_error.name}" if incident.known_error else ""
    return Entry(
        incident.pk,
        incident.title,
        f"{portrait.text}\n{incident.cause}{known}",
        incident.service.key if incident.service else "",
        frozenset(portrait.signs),
        incident.started_at.timestamp() / 86_400,
    )


def neighbours(service: str) -> frozenset[str]:
    """The services that call one or that it calls."""
    rows = Dependency.objects.filter(Q(caller__key=service) | Q(callee__key=service))
    return frozenset(key for pair in rows.values_list("caller__key", "callee__key") for key in pair) - {service}


def occurrences(numbers: Sequence[int]) -> list[Occurrence]:
    """Incidents as recurrence looks at them, the earliest first, with the version that ran and their problems."""
    rows = Incident.objects.filter(pk__in=numbers).select_related("service", "portrait").order_by("started_at", "pk")
    belong: dict[int, set[int]] = {}
    links = Belonging.objects.filter(incident__in=numbers).exclude(problem__state="dismissed")
    for incident, problem in links.values_list("incident", "problem"):
        belong.setdefault(incident, set()).add(problem)
    versions = _versions([one.service_id for one in rows if one.service_id])
    return [
        Occurrence(
            one.pk,
            one.started_at,
            one.service.key if one.service else "",
            one.portrait.labels if hasattr(one, "portrait") else {},
            _running(versions.get(one.service_id or 0, ()), one),
            frozenset(belong.get(one.pk, ())),
        )
        for one in rows
    ]


def _versions(services: Sequence[int]) -> Mapping[int, list[tuple[Any, str]]]:
    """Service -> (since when, version), the latest first."""
    found: dict[int, list[tuple[Any, str]]] = {}
    rows = Release.objects.filter(service__in=services, finished_at__isnull=False).order_by("-finished_at")
    for service, at, version in rows.values_list("service", "finished_at", "version")[:1000]:
        found.setdefault(service, []).append((at, version))
    return found


def _running(versions: Sequence[tuple[Any, str]], incident: Incident) -> str:
    return next((version for at, version in versions if at <= incident.started_at), "")
