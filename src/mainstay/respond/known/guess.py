"""Known errors that an incident resembles by its words and its new log lines. Guesses, always shown as such."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mainstay.catalog.known.signature import Symptom
from mainstay.catalog.known.similar import Similar
from mainstay.catalog.models import KnownError
from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.observe.logs import whatchanged
from mainstay.respond.incidents import known
from mainstay.respond.incidents.models import Incident, KnownErrorMatch

# What incidents teach about a known error changes slowly.
_FRESH = timedelta(minutes=5)
_INCIDENTS, _TEMPLATES = 5, 5


@dataclass(frozen=True)
class _Read:
    """Known errors in use with their texts, as they were at a moment."""

    at: datetime
    numbers: tuple[int, ...]
    texts: Similar


_lock = threading.Lock()
_read: list[_Read] = []


def forget() -> None:
    """Read the texts anew at the next use."""
    with _lock:
        _read.clear()


def look(incident: Incident, symptoms: Sequence[Symptom]) -> None:
    """Write down what an incident resembles, once. Raises ``TelemetryError``."""
    if incident.known_matches.filter(kind=known.Kind.GUESS).exists():
        return
    found = similar_to(text_of(incident, symptoms, new_templates(incident)))
    if found:
        known.guess(incident, found)


def similar_to(text: str) -> list[known.Guess]:
    """The known errors that a text resembles most, at least as much as the setting asks."""
    most, least = current().known_error_guesses, current().known_error_guess_percent / 100
    if not most or not text.strip():
        return []
    texts = _texts()
    return [
        known.Guess(texts.numbers[one.place], round(one.score, 3), f"{one.score:.0%} similar: {', '.join(one.shared)}")
        for one in texts.texts.nearest(text, most, least)
    ]


def text_of(incident: Incident, symptoms: Sequence[Symptom], templates: Sequence[str]) -> str:
    """What is known of an incident in words."""
    told = [incident.title, *(f"{one.rule} {one.text}" for one in symptoms[:20]), *templates]
    return "\n".join(dict.fromkeys(told))


def new_templates(incident: Incident, grave: bool = False) -> list[str]:
    """The log templates that are new or more frequent since an incident began. Raises ``TelemetryError``."""
    if incident.service is None:
        return []
    window = whatchanged.during(incident.started_at, incident.resolved_at)
    found = whatchanged.what_changed(SYSTEM, [incident.service.key], window)
    telling = [one for one in found.changes if one.kind in {"new", "more"} and one.template]
    if grave:
        telling = [one for one in telling if one.level in whatchanged.GRAVE]
    return [one.template for one in telling[:_TEMPLATES]]


def _texts() -> _Read:
    with _lock:
        if not _read or clock.now() - _read[0].at > _FRESH:
            _read[:] = [_load()]
        return _read[0]


def _load() -> _Read:
    """What known errors say of themselves, and what the last incidents were that they really were."""
    told: dict[int, list[str]] = defaultdict(list)
    sure = KnownErrorMatch.objects.filter(verdict__in=("worked", "failed", "confirmed")).order_by("-offered_at")
    for pk, title, cause in sure.values_list("known_error", "incident__title", "incident__cause")[:20_000]:
        if len(told[pk]) < _INCIDENTS:
            told[pk].append(f"{title} {cause}")
    rows = list(KnownError.objects.filter(retired_at=None).order_by("pk"))
    texts = ["\n".join((_own_words(row), *told[row.pk])) for row in rows]
    return _Read(clock.now(), tuple(row.pk for row in rows), Similar(texts))


def _own_words(row: KnownError) -> str:
    parts = (row.name, " ".join(row.match_rules), row.match_text, " ".join(row.match_words), row.match_log)
    return "\n".join((*parts, row.workaround[:1000]))
