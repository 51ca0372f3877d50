"""What the catalog tells: what a failure hits, what is known about it, and how things hang together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from mainstay.catalog import domain
from mainstay.catalog.known import services as known
from mainstay.catalog.models import BusinessProcess, Dependency, KnownError, Service, Team
from mainstay.core.access import Actor, Right, require


@dataclass(frozen=True)
class Picture:
    """The whole catalog as decisions need it, read in a handful of queries."""

    services: Mapping[str, Service]
    dependencies: tuple[tuple[str, str], ...]
    processes: tuple[domain.Process, ...]
    known: known.Compiled

    def impact(self, service: str | None, now: datetime) -> domain.Impact:
        """What a failure of the service hits."""
        known = self.services.get(service or "")
        return domain.impact_of(
            known.key if known else None, known.tier if known else 3, self.dependencies, self.processes, now
        )


def picture() -> Picture:
    """Read the catalog."""
    processes = tuple(
        domain.Process(
            process.key,
            process.name,
            process.importance,
            frozenset(service.key for service in process.services.all()),
            process.users,
            process.cost_per_hour,
            domain.hours_from(process.support_hours),
        )
        for process in BusinessProcess.objects.prefetch_related("services")
    )
    return Picture(
        {service.key: service for service in Service.objects.select_related("team")},
        tuple(Dependency.objects.values_list("caller__key", "callee__key")),
        processes,
        known.compiled(),
    )


def visible_services(actor: Actor) -> QuerySet[Service]:
    """The one door to services."""
    require(actor, Right.READ)
    return Service.objects.select_related("team")


def visible_known_errors(actor: Actor) -> QuerySet[KnownError]:
    """The one door to known errors."""
    return known.visible(actor)


def visible_processes(actor: Actor) -> QuerySet[BusinessProcess]:
    """The one door to business processes."""
    require(actor, Right.READ)
    return BusinessProcess.objects.prefetch_related("services")


def visible_teams(actor: Actor) -> QuerySet[Team]:
    """The one door to teams."""
    require(actor, Right.READ)
    return Team.objects.prefetch_related("members").order_by("name")


def dependencies(actor: Actor) -> list[tuple[str, str]]:
    """Every dependency as (caller, callee)."""
    require(actor, Right.READ)
    return list(Dependency.objects.values_list("caller__key", "callee__key"))


def service_by_key(keys: Iterable[str]) -> dict[str, Service]:
    """Services by their keys."""
    return {service.key: service for service in Service.objects.filter(key__in=set(keys))}
