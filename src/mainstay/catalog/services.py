"""What the catalog tells: what a failure hits, what is known about it, and how things hang together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet

from mainstay.catalog import domain
from mainstay.catalog.models import BusinessProcess, Dependency, KnownError, Service, Team
from mainstay.core import clock
from mainstay.core.access import Actor, Right, require


@dataclass(frozen=True)
class Picture:
    """The whole catalog as decisions need it, read in a handful of queries."""

    services: Mapping[str, Service]
    dependencies: tuple[tuple[str, str], ...]
    processes: tuple[domain.Process, ...]
    signatures: tuple[domain.Signature, ...]

    def impact(self, service: str | None, now: datetime) -> domain.Impact:
        """What a failure of the service hits."""
        known = self.services.get(service or "")
        return domain.impact_of(
            known.key if known else None, known.tier if known else 3, self.dependencies, self.processes, now
        )

    def known_error(
        self, service: str | None, rule: str, labels: Mapping[str, str], text: str
    ) -> tuple[str, str] | None:
        """The known error that an alert looks like, and why."""
        return domain.match_known_error(self.signatures, service=service, rule=rule, labels=labels, text=text)


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
    signatures = tuple(
        domain.Signature(
            known.key,
            frozenset(service.key for service in known.services.all()),
            known.match_labels,
            frozenset(known.match_rules),
            known.match_text,
        )
        for known in KnownError.objects.prefetch_related("services")
    )
    return Picture(
        {service.key: service for service in Service.objects.select_related("team")},
        tuple(Dependency.objects.values_list("caller__key", "callee__key")),
        processes,
        signatures,
    )


def visible_services(actor: Actor) -> QuerySet[Service]:
    """The one door to services."""
    require(actor, Right.READ)
    return Service.objects.select_related("team")


def visible_known_errors(actor: Actor) -> QuerySet[KnownError]:
    """The one door to known errors."""
    require(actor, Right.READ)
    return KnownError.objects.prefetch_related("services")


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


def count_known_error(key: str, *, used: bool = False, worked: bool = False) -> None:
    """Count that a workaround was shown and, later, that it helped."""
    found = KnownError.objects.filter(key=key)
    if used:
        found.update(times_used=F("times_used") + 1, last_used_at=clock.now())
    if worked:
        found.update(times_worked=F("times_worked") + 1)


def service_by_key(keys: Iterable[str]) -> dict[str, Service]:
    """Services by their keys."""
    return {service.key: service for service in Service.objects.filter(key__in=set(keys))}
