"""What else is planned for the same services at the same time."""

from dataclasses import dataclass
from datetime import datetime

from mainstay.catalog.calendar.entries import EVENT, FREEZE, KINDS
from mainstay.catalog.calendar.services import edges, live, readable
from mainstay.catalog.domain import covered
from mainstay.change.maintenance.domain import overlap
from mainstay.change.maintenance.models import Work
from mainstay.change.maintenance.services import NOT_OVER, service_keys
from mainstay.change.releases import services as releases
from mainstay.core import clock
from mainstay.core.access import Actor, Right, require


@dataclass(frozen=True)
class Conflict:
    """Something that meets planned work. ``closes`` says that the gate will not let the work begin."""

    what: str
    start: datetime
    end: datetime
    link: str
    closes: bool = False


def of(
    actor: Actor,
    services: frozenset[str],
    reach: str,
    starts_at: datetime,
    ends_at: datetime,
    *,
    but: int = 0,
    but_release: int = 0,
) -> list[Conflict]:
    """Freezes, business events, releases and other work on the services or around them in this span, by start."""
    require(actor, Right.READ)
    dependencies = edges()
    mine = covered(services, reach, dependencies)
    found = _of_calendar(mine, starts_at, ends_at, dependencies)
    others = Work.objects.filter(state__in=NOT_OVER, starts_at__lt=ends_at, ends_at__gt=starts_at)
    for work in others.exclude(pk=but).prefetch_related("services"):
        both = mine & covered(service_keys(work), work.reach, dependencies)
        if both and overlap((starts_at, ends_at), (work.starts_at, work.ends_at)):
            what = f"{work} {work.title} works on {', '.join(sorted(both))} too"
            found.append(Conflict(what, work.starts_at, work.ends_at, f"/maintenance/{work.pk}"))
    found += _of_releases(actor, mine, starts_at, ends_at, but_release)
    return sorted(found, key=lambda one: (one.start, one.what))


def _of_releases(
    actor: Actor, mine: frozenset[str], starts_at: datetime, ends_at: datetime, but: int
) -> list[Conflict]:
    return [
        Conflict(f"{one} releases {one.service.key} {one.version}", start, end, f"/releases/{one.pk}")
        for one, start, end in releases.between(actor, starts_at, ends_at)
        if one.pk != but and one.service.key in mine
    ]


def _of_calendar(
    mine: frozenset[str], starts_at: datetime, ends_at: datetime, dependencies: list[tuple[str, str]]
) -> list[Conflict]:
    good, _ = readable(live(clock.now()))
    found = []
    for entry in good:
        raw = entry.raw
        if raw.kind not in {FREEZE, EVENT}:
            continue
        theirs = covered(raw.services, raw.reach, dependencies)
        if raw.services and not theirs & mine:
            continue
        for one in entry.between(starts_at, ends_at):
            what = f"{raw.name} ({KINDS[raw.kind]})"
            closes = raw.kind == FREEZE and (not raw.changes or "other" in raw.changes)
            found.append(Conflict(what, one.start, one.end, f"/calendar/entries/{raw.key}", closes))
            break
    return found
