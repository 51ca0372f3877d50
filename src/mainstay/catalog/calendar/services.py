"""Entries of the calendar: who may see, make and remove them, and what a preview says before they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.catalog.calendar import domain
from mainstay.catalog.calendar.civil import written
from mainstay.catalog.calendar.entries import (
    EVENT,
    HORIZON,
    CalendarError,
    Entry,
    Occurrence,
    Raw,
    entry_from,
    happenings,
    notes,
)
from mainstay.catalog.models import CalendarEntry, Dependency, Service, new_revision
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found

# How far ahead conflicts are looked for.
CONFLICTS_AHEAD = timedelta(days=90)
# Entries that are remembered, those of earlier revisions among them, before they are forgotten.
_MOST_KNOWN = 8192


def visible(actor: Actor) -> QuerySet[CalendarEntry]:
    """The one door to entries."""
    require(actor, Right.READ)
    return CalendarEntry.objects.order_by("key")


def get(actor: Actor, key: str) -> CalendarEntry:
    """The entry with this key."""
    found = visible(actor).prefetch_related("services").filter(key=key).first()
    if found is None:
        raise not_found(f"calendar entry {key}")
    return found


# What a row holds of an entry.
_PARTS = (
    *("key", "kind", "name", "timezone", "start", "lasts", "to", "days_later", "rrule"),
    *("rdate", "exdate", "until", "reach", "changes", "reason", "covers_all"),
)


def _raw(services: frozenset[str], parts: Sequence[Any]) -> Raw:
    """A row as the domain reads it. A scope whose services are all gone covers nothing, and not everything."""
    row = dict(zip(_PARTS, parts, strict=True))
    everything = row.pop("covers_all")
    for name in ("rdate", "exdate", "changes"):
        row[name] = tuple(filter(None, row[name].split(",")))
    row["changes"] = frozenset(row["changes"])
    return Raw(**row, services=services if services or everything else frozenset({""}))


def raw_of(row: CalendarEntry) -> Raw:
    """One row as the domain reads it."""
    return _raw(frozenset(one.key for one in row.services.all()), [getattr(row, part) for part in _PARTS])


def _read(services: frozenset[str], *parts: Any) -> Entry | domain.Broken:
    raw = _raw(services, parts)
    try:
        return entry_from(raw)
    except CalendarError as error:
        return domain.Broken(raw, str(error))


Read = dict[tuple[int, int], Entry | domain.Broken]
# Entries that were read, by row and revision. It is replaced and never changed, so that threads need no lock.
_known: list[Read] = [{}]


def readable(found: QuerySet[CalendarEntry]) -> tuple[list[Entry], list[domain.Broken]]:
    """Entries that can be understood, and those that cannot with the reason.

    The gate asks again and again, so that rows whose revision is known are not read: one query, and two more after a
    change.
    """
    known, asked = _known[0], list(found.values_list("pk", "revision"))
    if not all(one in known for one in asked):
        fresh = _all_of(found)
        _known[0], known, asked = fresh if len(known) > _MOST_KNOWN else known | fresh, fresh, list(fresh)
    every = [known[one] for one in asked]
    return [one for one in every if isinstance(one, Entry)], [one for one in every if isinstance(one, domain.Broken)]


def _all_of(found: QuerySet[CalendarEntry]) -> Read:
    scopes: dict[int, set[str]] = {}
    for entry, service in CalendarEntry.services.through._default_manager.values_list(
        "calendarentry_id", "service__key"
    ):
        scopes.setdefault(entry, set()).add(service)
    rows = found.values_list("pk", "revision", *_PARTS)
    return {(pk, revision): _read(frozenset(scopes.get(pk, ())), *parts) for pk, revision, *parts in rows}


def live(now: datetime) -> QuerySet[CalendarEntry]:
    """Entries that are switched on and may still come true."""
    return CalendarEntry.objects.filter(Q(over_at=None) | Q(over_at__gt=now), enabled=True)


@transaction.atomic
def save(actor: Actor, raw: Raw, *, source: str = "", enabled: bool = True) -> CalendarEntry:
    """Make an entry, or change the one with this key. One that came from a file is changed there."""
    require(actor, Right.MAINTAIN)
    entry = entry_from(raw)
    known = {one.key: one for one in Service.objects.filter(key__in=raw.services)}
    missing = sorted(raw.services - set(known))
    if missing:
        raise CalendarError("services", f"there is no service {missing[0]!r}")
    before = CalendarEntry.objects.filter(key=raw.key).first()
    if before is not None and before.source and not source:
        raise ProblemError(409, "Comes from a file", f"{raw.key} is applied from {before.source}; change it there")
    values = {**_columns(entry), "enabled": enabled, "source": source, "revision": new_revision()}
    row, made = CalendarEntry.objects.update_or_create(
        key=raw.key, defaults=values, create_defaults={**values, "created_by": str(actor)}
    )
    row.services.set(known.values())
    audit.record(
        actor,
        "calendar.create" if made else "calendar.change",
        f"calendar {raw.key}",
        kind=raw.kind,
        start=raw.start,
        timezone=raw.timezone,
        rrule=raw.rrule,
        services=sorted(raw.services),
        reason=raw.reason,
        enabled=enabled,
    )
    feed.tell("calendar", raw.key)
    return row


def _columns(entry: Entry) -> dict[str, Any]:
    """An entry as its row holds it, but for its services."""
    raw = entry.raw
    return {
        "name": raw.name or raw.key,
        "kind": raw.kind,
        "timezone": raw.timezone,
        "start": written(entry.start),
        "lasts": raw.lasts,
        "to": f"{entry.to:%H:%M}" if entry.to else "",
        "days_later": raw.days_later,
        "rrule": raw.rrule,
        "rdate": ",".join(map(written, entry.more)),
        "exdate": ",".join(map(written, sorted(entry.without))),
        "until": written(entry.until) if entry.until else "",
        "covers_all": not raw.services,
        "reach": raw.reach,
        "changes": ",".join(sorted(raw.changes)),
        "reason": raw.reason,
        "over_at": entry.ends(),
    }


@transaction.atomic
def remove(actor: Actor, key: str, *, source: str = "") -> None:
    """Delete an entry that was made by hand, or, with its source, one that left its file."""
    require(actor, Right.MAINTAIN)
    row = get(actor, key)
    if row.source != source:
        raise ProblemError(409, "Comes from a file", f"{key} is applied from {row.source}; take it out there")
    row.delete()
    audit.record(actor, "calendar.remove", f"calendar {key}", kind=row.kind, name=row.name)
    feed.tell("calendar", key)


def forget_service(key: str) -> None:
    """Have entries that name a service read anew, because it goes."""
    CalendarEntry.objects.filter(services__key=key).update(revision=new_revision())


@dataclass(frozen=True)
class Preview:
    """What an entry would mean: its next occurrences, each with what the clocks do to it, and what it meets."""

    coming: tuple[tuple[Occurrence, str], ...]
    conflicts: tuple[domain.Conflict, ...]


def preview(actor: Actor, raw: Raw, count: int = 5) -> Preview:
    """Work an entry out without keeping it. Raises ``CalendarError``."""
    require(actor, Right.READ)
    entry, now = entry_from(raw), clock.now()
    coming = tuple((one, notes(entry, one)) for one in islice(entry.between(now, now + HORIZON), count))
    others, _ = readable(live(now))
    met = domain.conflicts(entry, others, edges(), now, now + CONFLICTS_AHEAD) if raw.kind != EVENT else []
    return Preview(coming, tuple(met[:20]))


def edges() -> list[tuple[str, str]]:
    """Every call between services as (caller, callee)."""
    return list(Dependency.objects.values_list("caller__key", "callee__key"))


def agenda(
    actor: Actor, after: datetime, before: datetime
) -> tuple[list[tuple[datetime, Entry, Occurrence]], Sequence[domain.Broken]]:
    """Everything that happens in a span, by start, and the entries that cannot be understood."""
    require(actor, Right.READ)
    if not after < before <= after + HORIZON:
        raise bad_request(f"ask for at most {HORIZON.days} days")
    good, bad = readable(live(after))
    return happenings(good, after, before), bad
