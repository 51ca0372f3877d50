"""What stands on the calendar's screens: entries as they come true, and work that is planned, in one shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mainstay.catalog.calendar import services
from mainstay.catalog.calendar.domain import Broken
from mainstay.catalog.calendar.entries import KINDS
from mainstay.catalog.calendar.ical import Event
from mainstay.change.maintenance import services as maintenance
from mainstay.change.releases import services as releases
from mainstay.core.access import Actor
from mainstay.core.settings import current

WORK, RELEASE = "work", "release"
WORDS = {**KINDS, WORK: "planned work", RELEASE: "release"}


@dataclass(frozen=True)
class Happening:
    """One thing from ``start`` to ``end``. ``kind`` is that of an entry, ``work`` or ``release``."""

    key: str
    kind: str
    name: str
    start: datetime
    end: datetime
    scope: str
    told: str
    link: str

    def event(self) -> Event:
        """It for other calendars."""
        words, url = WORDS[self.kind], f"{current().public_url}/calendar"
        told = f"{words} for {self.scope}" + (f": {self.told}" if self.told else "")
        return Event(self.key, self.start, self.end, words, self.name, told, url)


def between(actor: Actor, after: datetime, before: datetime) -> tuple[list[Happening], Sequence[Broken]]:
    """Everything that has any of its time in [after, before), by start, and entries that cannot be understood."""
    rows, broken = services.agenda(actor, after, before)
    found = [
        Happening(
            entry.raw.key,
            entry.raw.kind,
            entry.raw.name,
            one.start,
            one.end,
            entry.raw.scope,
            entry.raw.reason,
            f"/calendar/entries/{entry.raw.key}",
        )
        for _, entry, one in rows
    ]
    works = maintenance.visible(actor).filter(starts_at__lt=before, ends_at__gt=after)
    for work in works.exclude(state__in=("cancelled", "lapsed")):
        scope = ", ".join(maintenance.service_keys(work))
        link = f"/maintenance/{work.pk}"
        found.append(Happening(str(work), WORK, work.title, work.starts_at, work.ends_at, scope, work.reason, link))
    for release, start, end in releases.between(actor, after, before):
        name, link = f"{release.service.name} {release.version}", f"/releases/{release.pk}"
        found.append(Happening(str(release), RELEASE, name, start, end, release.service.key, release.summary, link))
    return sorted(found, key=lambda one: (one.start, one.kind, one.key)), broken
