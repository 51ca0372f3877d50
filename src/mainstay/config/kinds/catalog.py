"""Teams, services, business processes and known errors."""

from decimal import Decimal
from typing import Any

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.known import services as known
from mainstay.catalog.models import BusinessProcess, Dependency, KnownError, Service, Team
from mainstay.config.kinds.references import one, several
from mainstay.core.access import Actor
from mainstay.core.models import Person

Entry = dict[str, Any]
Loaded = dict[str, tuple[Entry, str]]


def load_teams() -> Loaded:
    """Teams as entries."""
    return {
        team.key: (
            {
                "key": team.key,
                "name": team.name,
                "description": team.description,
                "members": sorted(person.email for person in team.members.all()),
            },
            team.source,
        )
        for team in Team.objects.prefetch_related("members")
    }


def save_team(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a team."""
    del actor
    team, _ = Team.objects.update_or_create(
        key=entry["key"], defaults={"name": entry["name"], "description": entry["description"], "source": source}
    )
    team.members.set(several(Person, entry["members"], "members", "email"))


def remove_team(actor: Actor, ident: str) -> None:
    """Delete a team; its services stay, without an owner."""
    del actor
    Team.objects.filter(key=ident).delete()


def load_services() -> Loaded:
    """Services as entries."""
    needs: dict[str, list[str]] = {}
    for caller, callee in Dependency.objects.values_list("caller__key", "callee__key"):
        needs.setdefault(caller, []).append(callee)
    return {
        service.key: (
            {
                "key": service.key,
                "name": service.name,
                "team": service.team.key if service.team else None,
                "tier": service.tier,
                "description": service.description,
                "links": service.links,
                "depends_on": sorted(needs.get(service.key, [])),
                "changes": "only_in_windows" if service.only_in_windows else "any",
            },
            service.source,
        )
        for service in Service.objects.select_related("team")
    }


def save_service(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a service. Dependencies follow in ``link_services``, when all services exist."""
    del actor
    Service.objects.update_or_create(
        key=entry["key"],
        defaults={
            "name": entry["name"],
            "team": one(Team, entry["team"], "team"),
            "tier": entry["tier"],
            "description": entry["description"],
            "links": entry["links"],
            "only_in_windows": entry["changes"] == "only_in_windows",
            "source": source,
        },
    )


def link_service(entry: Entry) -> None:
    """Make a service's dependencies those of its entry."""
    caller = Service.objects.filter(key=entry["key"]).first()
    if caller is None:
        return  # It could not be saved, which was said already.
    callees = several(Service, entry["depends_on"], "depends_on")
    caller.calls.exclude(callee__in=callees).delete()
    for callee in callees:
        Dependency.objects.get_or_create(caller=caller, callee=callee)


def remove_service(actor: Actor, ident: str) -> None:
    """Delete a service; its incidents stay."""
    del actor
    # A service that is made anew under this key is another one: no entry covers it that covered this one.
    calendar.forget_service(ident)
    Service.objects.filter(key=ident).delete()
    known.touch()


def load_processes() -> Loaded:
    """Business processes as entries."""
    return {
        process.key: (
            {
                "key": process.key,
                "name": process.name,
                "importance": process.importance,
                "users": process.users,
                "cost_per_hour": str(process.cost_per_hour) if process.cost_per_hour is not None else None,
                "support_hours": process.support_hours,
                "services": sorted(service.key for service in process.services.all()),
            },
            process.source,
        )
        for process in BusinessProcess.objects.prefetch_related("services")
    }


def save_process(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a business process."""
    del actor
    cost = entry["cost_per_hour"]
    process, _ = BusinessProcess.objects.update_or_create(
        key=entry["key"],
        defaults={
            "name": entry["name"],
            "importance": entry["importance"],
            "users": entry["users"],
            "cost_per_hour": Decimal(cost) if cost is not None else None,
            "support_hours": entry["support_hours"],
            "source": source,
        },
    )
    process.services.set(several(Service, entry["services"], "services"))


def remove_process(actor: Actor, ident: str) -> None:
    """Delete a business process."""
    del actor
    BusinessProcess.objects.filter(key=ident).delete()


def load_known_errors() -> Loaded:
    """Known errors as entries. One that was retired by hand is as its file has it, and stays retired."""
    rows = KnownError.objects.select_related("team", "owner").prefetch_related("services")
    return {row.key: (known.entry_of(row), row.source) for row in rows}


def save_known_error(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a known error. What it matched stays."""
    known.save(actor, entry, source=source)


def remove_known_error(actor: Actor, ident: str) -> None:
    """Delete a known error."""
    known.remove(actor, ident, source=KnownError.objects.get(key=ident).source)
