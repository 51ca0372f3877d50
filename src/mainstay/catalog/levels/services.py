"""Agreements: who may see and change them, and how the clocks of incidents read them. The one door to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.calendar.entries import Entry
from mainstay.catalog.domain import hours_from
from mainstay.catalog.levels import agreements as domain
from mainstay.catalog.levels.models import Agreement
from mainstay.catalog.models import CalendarEntry, Service, Team
from mainstay.core import audit, feed
from mainstay.core.access import Actor, Right, require


def visible(actor: Actor) -> QuerySet[Agreement]:
    """The one door to agreements."""
    require(actor, Right.READ)
    return Agreement.objects.select_related("team").prefetch_related("services").order_by("key")


@transaction.atomic
def save(
    actor: Actor, entry: Mapping[str, Any], services: Sequence[Service], team: Team | None, *, source: str
) -> Agreement:
    """Make an agreement of an entry of a file, or change the one with this key."""
    require(actor, Right.MAINTAIN)
    values = {
        name: entry[name]
        for name in (
            *("name", "tiers", "targets", "support_hours", "during", "closed"),
            *("stops_for", "stops_in_maintenance", "stops_in_windows", "enabled"),
        )
    }
    values |= {"team": team, "of_everything": not (services or team or entry["tiers"]), "source": source}
    row, _ = Agreement.objects.update_or_create(key=entry["key"], defaults=values)
    row.services.set(services)
    keys = sorted(one.key for one in services)
    audit.record(actor, "agreement.save", f"agreement {row.key}", targets=row.targets, services=keys)
    feed.tell("agreements", row.key)
    return row


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Delete an agreement. What it said of incidents that are over stays."""
    require(actor, Right.MAINTAIN)
    Agreement.objects.filter(key=key).delete()
    audit.record(actor, "agreement.remove", f"agreement {key}")
    feed.tell("agreements", key)


@dataclass(frozen=True)
class Agreed:
    """Every agreement that holds, and the maintenance windows of the calendar where one of them asks for these."""

    agreements: tuple[domain.Agreement, ...] = ()
    windows: tuple[Entry, ...] = ()
    dependencies: tuple[tuple[str, str], ...] = ()

    def of(self, service: Service | None) -> domain.Agreement | None:
        """The one that is about a service, or about no service that is known."""
        if service is None:
            return domain.choose(self.agreements, None, None, None)
        team = service.team.key if service.team else None
        return domain.choose(self.agreements, service.key, team, service.tier)


def agreed() -> Agreed:
    """Read them: two queries, and those of the calendar where an agreement leans on it."""
    rows = list(Agreement.objects.filter(enabled=True).select_related("team").prefetch_related("services"))
    if not rows:
        return Agreed()
    leaning = any(row.during or row.closed or row.stops_in_windows for row in rows)
    entries = calendar.readable(CalendarEntry.objects.filter(enabled=True))[0] if leaning else []
    windows = any(row.stops_in_windows for row in rows)
    return Agreed(
        tuple(_read(row, {one.raw.key: one for one in entries}) for row in rows),
        tuple(one for one in entries if one.raw.kind == "window") if windows else (),
        tuple(calendar.edges()) if windows else (),
    )


def _read(row: Agreement, entries: Mapping[str, Entry]) -> domain.Agreement:
    missing = [key for key in (row.during, *row.closed) if key and key not in entries]
    opening = domain.Opening(
        hours_from(row.support_hours),
        entries.get(row.during),
        tuple(entries[key] for key in row.closed if key in entries),
    )
    return domain.Agreement(
        key=row.key,
        name=row.name,
        targets={one["priority"]: _target(one, opening) for one in row.targets},
        opening=opening,
        services=frozenset(service.key for service in row.services.all()),
        team=row.team.key if row.team else None,
        tiers=frozenset(row.tiers),
        of_everything=row.of_everything,
        stops_for=frozenset(row.stops_for),
        stops_in_maintenance=row.stops_in_maintenance,
        stops_in_windows=row.stops_in_windows,
        trouble=f"the calendar has no entry {missing[0]!r} that can be understood" if missing else "",
    )


def _target(one: Mapping[str, Any], opening: domain.Opening) -> domain.Target:
    acknowledge, restore = one.get("acknowledge"), one.get("restore")
    return domain.Target(
        timedelta(seconds=acknowledge) if acknowledge else None,
        timedelta(seconds=restore) if restore else None,
        one.get("hours", "support") == "support" and not opening.is_always,
    )
