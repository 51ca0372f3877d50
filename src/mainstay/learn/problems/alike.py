"""Which earlier incidents are like one: the index of this process, what is kept of its answers, and what they help."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from mainstay.catalog.known.similar import words
from mainstay.core import feed
from mainstay.core.access import Actor
from mainstay.core.settings import current
from mainstay.learn.problems import portraits
from mainstay.learn.problems.domain.likeness import Entry, Index, Like
from mainstay.learn.problems.domain.recurrence import same_kind
from mainstay.learn.problems.models import Portrait
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.restore.runbooks.models import Run

log = logging.getLogger(__name__)
_BATCH, _KEPT, _SHARED = 5000, 20, 5


class Memory:
    """The index of a worker: read at its first use, added to as incidents come, read anew when much was replaced."""

    def __init__(self) -> None:
        self._index: Index | None = None
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Take an incident in, or what is new of it."""
        with self._lock:
            self._ready().add([entry])

    def nearest(self, entry: Entry, near: frozenset[str]) -> list[Like]:
        """Earlier incidents like one, the most alike first."""
        with self._lock:
            least = current().similar_percent / 100
            return self._ready().nearest(entry, _KEPT, near, before=entry.number, least=least)

    def _ready(self) -> Index:
        index = self._index
        if index is None or index.replaced > max(len(index), _BATCH):
            index = self._index = self._read()
        return index

    def _read(self) -> Index:
        index, most = Index(), current().similar_max_incidents
        rows = Portrait.objects.select_related("incident__service", "incident__known_error").order_by("-pk")[:most]
        batch: list[Entry] = []
        for row in rows.iterator(chunk_size=2000):
            batch.append(portraits.entry_of(row))
            if len(batch) == _BATCH:
                index.add(batch)
                batch = []
        index.add(batch)
        log.info("%d incidents can be compared, %.1f MB", len(index), index.bytes / 1e6)
        return index


def look(memory: Memory, incident: Incident) -> list[Like]:
    """Keep an incident as it is now, and which earlier ones are like it. Returns those."""
    with transaction.atomic():
        portrait = portraits.draw(incident)
        entry = portraits.entry_of(portrait)
        found = memory.nearest(entry, portraits.neighbours(entry.service))
        portrait.likes = [asdict(one) for one in found]
        portrait.save(update_fields=["likes"])
        feed.tell("incident", incident.pk)
    memory.add(entry)
    return found


@dataclass(frozen=True)
class Earlier:
    """An earlier incident like one: what both have in common, where it differs, and what helped then."""

    incident: Incident
    percent: int
    same: str
    common: tuple[str, ...]
    differing: tuple[str, ...]
    run: Run | None


def of_incident(actor: Actor, number: int, limit: int = 3) -> list[Earlier]:
    """The earlier incidents most like one, as they were found last."""
    incident = incidents.get(actor, number)
    portrait = Portrait.objects.filter(incident=incident).first()
    found = [Like(**one) for one in (portrait.likes if portrait else ())][:limit]
    if portrait is None or not found:
        return []
    numbers = [one.number for one in found]
    rows = {one.pk: one for one in incidents.visible(actor).filter(pk__in=numbers).select_related("portrait")}
    runs = _helped(numbers)
    return [
        Earlier(
            row := rows[one.number],
            round(100 * one.score),
            verdict.reason if (verdict := same_kind(one)).yes else "",
            tuple(_common(incident, portrait, row)),
            tuple(_differing(incident, portrait, row)),
            runs.get(one.number),
        )
        for one in found
        if one.number in rows
    ]


def _helped(numbers: Sequence[int]) -> dict[int, Run]:
    """The last run of a runbook that went through, for each incident."""
    rows = Run.objects.filter(incident__in=numbers, state=Run.State.DONE).select_related("version__book")
    return {row.incident_id: row for row in rows.order_by("pk") if row.incident_id is not None}


def _common(incident: Incident, portrait: Portrait, earlier: Incident) -> list[str]:
    found = []
    if incident.service_id and incident.service_id == earlier.service_id and incident.service:
        found.append(incident.service.name)
    theirs = earlier.portrait
    found += [sign for sign in portrait.signs if sign in theirs.signs and sign.partition("=")[0] in {"alert", "rule"}]
    said = " ".join(found).casefold()
    mine = dict.fromkeys(words(f"{incident.title} {portrait.text}"))
    others = set(words(f"{earlier.title} {theirs.text}"))
    both = [word for word in mine if word in others and len(word) > 3 and word not in said]
    return [*found, *sorted(both, key=len, reverse=True)[:_SHARED]]


def _differing(incident: Incident, portrait: Portrait, earlier: Incident) -> list[str]:
    found = []
    if incident.service_id != earlier.service_id:
        found.append(f"service {earlier.service.name if earlier.service else 'none'}")
    theirs: dict[str, Any] = earlier.portrait.labels
    # Of an incident from before portraits were kept no label is known.
    names = sorted({*portrait.labels, *theirs}) if theirs and portrait.labels else []
    pairs = [(name, portrait.labels.get(name, "none"), theirs.get(name, "none")) for name in names]
    found += [f"{name} {then}, now {now}" for name, now, then in pairs if now != then]
    return found[:_SHARED]
