"""Keep formats, show them with their counts, and try one on real lines."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.models import KEY
from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, not_found
from mainstay.core.settings import current
from mainstay.observe.logs.formats import counts
from mainstay.observe.logs.formats.apply import ORIGINAL
from mainstay.observe.logs.formats.counts import Counts
from mainstay.observe.logs.formats.definition import DEFAULTS, EVERY, Format, format_of
from mainstay.observe.logs.formats.models import LogFormat
from mainstay.observe.logs.formats.pattern import FormatError
from mainstay.observe.logs.formats.trying import Tried, tried
from mainstay.observe.logs.recent import Recent
from mainstay.observe.logs.search.answers import Line
from mainstay.observe.logs.search.query import quoted
from mainstay.observe.logs.search.services import search
from mainstay.observe.logs.search.times import of

log = logging.getLogger(__name__)

_LOOKS_BACK = timedelta(days=7)
_FIELDS = ("pattern", *(name for name in DEFAULTS if name != "name"))


@dataclass(frozen=True)
class Shown:
    """A format with its counts, and why it cannot be used if it cannot."""

    format: LogFormat
    counts: Counts
    problem: str


def entry_of(row: LogFormat) -> dict[str, Any]:
    """A format as a configuration file has it."""
    return {"key": row.key, "name": row.name, **{name: getattr(row, name) for name in _FIELDS}}


def _load() -> Sequence[Format]:
    found = []
    for row in LogFormat.objects.filter(enabled=True).order_by("key"):
        try:
            found.append(format_of(entry_of(row)))
        except FormatError as error:
            # The limits may have been lowered since it was kept.
            log.warning("the log format %s cannot be used: %s", row.key, error)
    return found


# The formats that are switched on, in the order in which they are tried.
active: Recent[Sequence[Format]] = Recent("the log formats", _load, ())


def visible(actor: Actor) -> QuerySet[LogFormat]:
    """The one door to formats, by key."""
    require(actor, Right.READ)
    return LogFormat.objects.order_by("key")


def get(actor: Actor, key: str) -> LogFormat:
    """One format. 404 when there is none."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"log format {key!r}")
    return found


def listed(actor: Actor) -> list[Shown]:
    """All formats with what they fitted in the last hour."""
    counted = counts.last_hour(clock.now())
    return [Shown(row, counted.get(row.key, Counts()), _problem(row)) for row in visible(actor)]


def _problem(row: LogFormat) -> str:
    try:
        format_of(entry_of(row))
    except FormatError as error:
        return str(error)
    return ""


@transaction.atomic
def save(actor: Actor, entry: Mapping[str, Any], *, source: str = "") -> LogFormat:
    """Make a format, or change the one with this key; it holds for lines that come from some seconds later on.

    Raises ``FormatError``, and ``ProblemError`` 409 for one that came from a file.
    """
    require(actor, Right.MAINTAIN)
    entry = {**DEFAULTS, **entry}
    if not re.fullmatch(KEY.regex, entry["key"]):
        raise FormatError("key", "this is no key", str(KEY.message).rstrip(".").lower())
    format_of(entry)
    before = LogFormat.objects.filter(key=entry["key"]).first()
    _check_source(before, source, "change it there")
    most = current().log_formats_max
    others = LogFormat.objects.filter(enabled=True).exclude(key=entry["key"]).count()
    if entry["enabled"] and others >= most:
        raise FormatError("enabled", f"{most} formats are switched on", "switch one off, or raise log_formats_max")
    values = {"name": entry["name"] or entry["key"], "source": source, **{name: entry[name] for name in _FIELDS}}
    row, made = LogFormat.objects.update_or_create(key=entry["key"], defaults=values)
    audit.record(
        actor,
        "logs.format.create" if made else "logs.format.change",
        f"log format {row.key}",
        services=row.services,
        pattern=row.pattern,
        enabled=row.enabled,
    )
    transaction.on_commit(active.forget)
    return row


@transaction.atomic
def remove(actor: Actor, key: str, *, source: str = "") -> None:
    """Delete a format that was made by hand, or, with its source, one that left its file. Lines stay as they are."""
    require(actor, Right.MAINTAIN)
    row = get(actor, key)
    _check_source(row, source, "take it out there")
    row.delete()
    audit.record(actor, "logs.format.remove", f"log format {key}", pattern=row.pattern)
    transaction.on_commit(active.forget)


def _check_source(row: LogFormat | None, source: str, remedy: str) -> None:
    if row is not None and row.source and not source:
        raise ProblemError(409, "Comes from a file", f"{row.key} is applied from {row.source}; {remedy}")


def recent_lines(actor: Actor, service: str, contains: str = "", limit: int = 50) -> list[str]:
    """The last lines of a service (of all with ``*``), the newest first, as they came as far as that is known.

    Raises ``TelemetryError``.
    """
    now = clock.now()
    query = "" if service == EVERY else f"service:{quoted(service)}"
    # What a line must hold is any piece of text and not words, so it is looked for here.
    most = current().log_search_lines
    page = search(actor, query, of(now - _LOOKS_BACK, now), most if contains else min(limit, most))
    return [text for line in page.lines if contains in (text := as_it_came(line))][:limit]


def as_it_came(line: Line) -> str:
    """The first line of a record as far as it is known: where only its header was kept that is header and message."""
    said = line.attributes.get(ORIGINAL) or f"{line.attributes.get('log.header', '')} {line.body}".lstrip(" ")
    return said.partition("\n")[0]


def try_out(actor: Actor, entry: Mapping[str, Any], lines: Sequence[str]) -> tuple[Format, list[Tried]]:
    """What a format that need not be kept makes of lines (N). Raises ``FormatError``."""
    require(actor, Right.READ)
    one = format_of({**entry, "key": entry["key"] or "draft"})
    return one, tried(one, lines, clock.now(), current().log_format_line)
