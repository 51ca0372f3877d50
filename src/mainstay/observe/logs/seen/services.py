"""Read patterns with their counts, and keep what people know of them.

Counts come from ``log_minutes``, so that a list over millions of lines reads some ten thousand rows. Where patterns
turned out to be one, the counts of the younger are those of the elder. Times are in UTC; a store that does not answer
raises ``TelemetryError``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from mainstay.catalog import services as catalog
from mainstay.core import audit
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request, not_found
from mainstay.core.settings import current
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.search.asking import Meter
from mainstay.observe.logs.search.counts import step_of
from mainstay.observe.logs.search.times import Range

SORTS = ("count", "new")
TREND = 30
BARS = 60
LONGEST_NOTE = 2000
# How many patterns that hold a text, or are the newest, are looked up in the counts at once.
LOOKED_UP = 5000
_MINUTES = "minute >= toDateTime({start:Int64}) AND minute < toDateTime({end:Int64})"


@dataclass(frozen=True)
class Row:
    """A pattern in a range: its lines, the services that wrote them, and its trend in ``TREND`` equal parts."""

    pattern: Pattern
    lines: int
    services: tuple[str, ...]
    trend: tuple[int, ...]
    last_seen: datetime
    is_new: bool


@dataclass(frozen=True)
class Listing:
    """Patterns in a range. ``cut`` says that more match than are given, ``elapsed_ms`` how long the counts took."""

    rows: tuple[Row, ...]
    cut: bool
    elapsed_ms: float


@dataclass(frozen=True)
class ServiceCounts:
    """The lines of one service in each part of a range (B counts)."""

    service: str
    lines: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Shown:
    """One pattern in a range: counts by service over ``step``, and by level; ``was`` are patterns that became it."""

    pattern: Pattern
    family: tuple[int, ...]
    services: tuple[ServiceCounts, ...]
    levels: tuple[tuple[str, int], ...]
    step: timedelta
    last_seen: datetime | None
    lines: int


def visible(actor: Actor) -> QuerySet[Pattern]:
    """The one door to patterns."""
    require(actor, Right.READ)
    return Pattern.objects.select_related("known_error", "merged_into")


def get(actor: Actor, number: int) -> Pattern:
    """One pattern, or what it has become. Raises ``ProblemError`` when there is none."""
    found = visible(actor).filter(pk=number).first() if 0 < number < 2**63 else None
    if found is None:
        raise not_found(f"pattern {number}")
    return found.elder()


def _bounds(within: Range) -> dict[str, Any]:
    """The range in whole minutes, as the counts are."""
    start, end = int(within.start.timestamp()) // 60 * 60, -(-int(within.end.timestamp()) // 60) * 60
    return {"start": start, "end": end}


def listed(
    actor: Actor, within: Range, service: str = "", text: str = "", sort: str = "count", limit: int = 200
) -> Listing:
    """The patterns that have lines in a range: the most frequent first, or those first seen last."""
    known = visible(actor).filter(merged_into=None)
    if sort not in SORTS:
        raise bad_request(f"write one of {', '.join(SORTS)}", "sort")
    bounds = _bounds(within)
    width = max(-(-(bounds["end"] - bounds["start"]) // (TREND * 60)) * 60, 60)
    merged = dict(Pattern.objects.exclude(merged_into=None).values_list("pk", "merged_into"))
    params: dict[str, Any] = {
        **bounds,
        "width": width,
        "most": limit + 1 if sort == "count" else LOOKED_UP,
        "from": list(merged),
        "into": [_end_of(merged, one) for one in merged],
    }
    where = [_MINUTES, "p != 0"]
    number = "transform(pattern, {from:Array(UInt64)}, {into:Array(UInt64)}, pattern)" if merged else "pattern"
    if service:
        where.append("service = {service:String}")
        params["service"] = service
    if text:
        known = known.filter(template__icontains=text)
    if text or sort == "new":
        params["wanted"] = list(known.order_by("-first_seen").values_list("pk", flat=True)[:LOOKED_UP])
        where.append("p IN {wanted:Array(UInt64)}")
    meter = Meter()
    rows = meter.ask(
        f"SELECT {number} AS p, sum(lines) AS n, groupUniqArray(6)(toString(service)), toUnixTimestamp(max(minute)), "
        "sumMap([intDiv(toUnixTimestamp(minute) - {start:Int64}, {width:Int64})], [lines]) "
        f"FROM log_minutes WHERE {' AND '.join(where)} GROUP BY p ORDER BY n DESC, p LIMIT {{most:UInt32}}",
        params,
    ).rows
    patterns = known.in_bulk([row[0] for row in rows])
    found = [_row(patterns[row[0]], row, within) for row in rows if row[0] in patterns]
    if sort == "new":
        found.sort(key=lambda one: (one.pattern.first_seen, one.pattern.pk), reverse=True)
    return Listing(tuple(found[:limit]), len(found) > limit, meter.elapsed_ms)


def _end_of(merged: dict[int, Any], number: int) -> int:
    """What a merged pattern has become in the end."""
    seen = set[int]()
    while number in merged and number not in seen:
        seen.add(number)
        number = merged[number]
    return number


def _row(pattern: Pattern, row: tuple[Any, ...], within: Range) -> Row:
    places, counts = row[4]
    trend = dict(zip(places, counts, strict=True))
    return Row(
        pattern,
        int(row[1]),
        tuple(sorted(row[2])),
        tuple(int(trend.get(place, 0)) for place in range(TREND)),
        _moment(row[3]),
        is_new=pattern.first_seen >= within.start,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def shown(actor: Actor, pattern: Pattern, within: Range) -> Shown:
    """One pattern with its counts in a range."""
    require(actor, Right.READ)
    bounds, family = _bounds(within), pattern.family()
    step = max(step_of(within, BARS), timedelta(minutes=1))
    width = int(step.total_seconds())
    rows = (
        Meter()
        .ask(
            "SELECT toString(service), toString(level), intDiv(toUnixTimestamp(minute), {width:Int64}), sum(lines), "
            f"toUnixTimestamp(max(minute)) FROM log_minutes WHERE {_MINUTES} AND pattern IN {{family:Array(UInt64)}} "
            "GROUP BY ALL",
            {**bounds, "family": family, "width": width},
        )
        .rows
    )
    first, last = bounds["start"] // width, (bounds["end"] - 1) // width
    by_service: dict[str, list[int]] = {}
    levels: dict[str, int] = {}
    for service, level, place, lines, _ in rows:
        by_service.setdefault(service, [0] * (last - first + 1))[place - first] += int(lines)
        levels[level] = levels.get(level, 0) + int(lines)
    services = [ServiceCounts(name, sum(counts), tuple(counts)) for name, counts in by_service.items()]
    return Shown(
        pattern,
        tuple(family),
        tuple(sorted(services, key=lambda one: (-one.lines, one.service))),
        tuple(sorted(levels.items(), key=lambda one: -one[1])),
        step,
        _moment(max(row[4] for row in rows)) if rows else None,
        sum(levels.values()),
    )


def set_known_error(actor: Actor, number: int, key: str) -> Pattern:
    """Say which known error a pattern is a sign of; an empty key takes it back."""
    require(actor, Right.RESPOND)
    pattern = get(actor, number)
    known = catalog.visible_known_errors(actor).filter(key=key).first() if key else None
    if key and known is None:
        raise bad_request(f"there is no known error {key!r}", "known_error")
    before = pattern.known_error.key if pattern.known_error else ""
    if before != key:
        pattern.known_error = known
        pattern.save(update_fields=["known_error"])
        audit.record(actor, "pattern.known_error", f"pattern {pattern.pk}", before=before, after=key)
    return pattern


def set_note(actor: Actor, number: int, text: str) -> Pattern:
    """Keep what the team knows of a pattern."""
    require(actor, Right.RESPOND)
    pattern, text = get(actor, number), text.strip()
    if len(text) > LONGEST_NOTE:
        raise bad_request(f"write at most {LONGEST_NOTE} characters", "note")
    if pattern.note != text:
        before, pattern.note = pattern.note, text
        pattern.save(update_fields=["note"])
        audit.record(actor, "pattern.note", f"pattern {pattern.pk}", before=before[:200], after=text[:200])
    return pattern


def sample_size() -> int:
    """Lines that are taken apart to tell the values of a pattern."""
    return int(current().log_pattern_sample)
