"""How many lines match: over time by level, and by the values of fields."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.observe.logs.search.answers import Facet, Facets, Histogram, Scan
from mainstay.observe.logs.search.asking import Asked, Meter, ask_for, moment
from mainstay.observe.logs.search.compile import BODY, NUMBER_COLUMNS, TEXT_COLUMNS
from mainstay.observe.logs.search.times import Range, from_micros

MINUTE = 60_000_000
# Lengths of a bucket that people can read off a clock, in seconds.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800)
MOST_BUCKETS = 2000
DEFAULT_FACETS = ("service", "level", "stream", "pattern", "exception")
# A number past which the counts of minutes are no cheaper than the lines.
_WORTH_IT = 10 * MINUTE


def step_of(within: Range, buckets: int) -> timedelta:
    """The shortest readable length of a bucket with which a range takes at most ``buckets`` of them."""
    length = (within.end - within.start).total_seconds()
    days = -(-length // (buckets * 86_400))
    return timedelta(seconds=next((step for step in _STEPS if length / step <= buckets), days * 86_400))


def histogram(actor: Actor, query: str, within: Range, buckets: int = 60) -> Histogram:
    """The number of matching lines by level in each of at most about ``buckets`` equal parts of the range. Exact."""
    require(actor, Right.READ)
    if not 1 <= buckets <= MOST_BUCKETS:
        raise bad_request(f"write a number from 1 to {MOST_BUCKETS}", "buckets")
    asked, meter = ask_for(query, within), Meter()
    step = step_of(within, buckets)
    source, params = counted(asked, "level", step)
    width = step // timedelta(microseconds=1)
    answer = meter.ask(
        f"SELECT intDiv(micros, {{width:Int64}}) AS bucket, level, sum(lines) FROM ({source}) "
        "GROUP BY bucket, level ORDER BY bucket",
        {**params, "width": width},
    )
    start, end = within.micros
    first, last = start // width, (end - 1) // width
    counts: dict[str, list[int]] = {}
    for bucket, level, lines in answer.rows:
        counts.setdefault(level, [0] * (last - first + 1))[bucket - first] = int(lines)
    starts = tuple(from_micros(place * width) for place in range(first, last + 1))
    total = sum(map(sum, counts.values()))
    return Histogram(starts, step, {level: tuple(row) for level, row in counts.items()}, _scan(within, meter, total))


def counted(asked: Asked, columns: str, step: timedelta) -> tuple[str, dict[str, Any]]:
    """A table of (micros, columns, lines): the counts of whole minutes where they can answer, else the lines.

    ``columns`` are expressions over service, level and pattern; with others ``step`` must be below a minute. Counts are
    kept longer than lines, so they are asked only where the lines are still there.
    """
    lines = f"SELECT toUnixTimestamp64Micro(time) AS micros, {columns}, 1 AS lines FROM log_lines WHERE "
    start, end = asked.range.micros
    first, last = -(-start // MINUTE) * MINUTE, end // MINUTE * MINUTE
    kept_from = clock.now() - timedelta(days=current().retention_logs_days - 1)
    by_minute = asked.condition.counted_by_minute and step >= timedelta(minutes=1) and last - first > _WORTH_IT
    if not by_minute or asked.range.start < kept_from:
        return lines + asked.where, asked.params
    # The edges, which are no whole minutes, come from the lines.
    params = {**asked.params, "first": first, "last": last}
    minutes = (
        f"SELECT toInt64(toUnixTimestamp(minute)) * 1000000 AS micros, {columns}, lines FROM log_minutes "
        f"WHERE minute >= toDateTime({moment('first')}) AND minute < toDateTime({moment('last')}) "
        f"AND ({asked.condition.sql})"
    )
    edges = f"{lines}{asked.where} AND (time < {moment('first')} OR time >= {moment('last')})"
    return f"{minutes} UNION ALL {edges}", params


def _scan(within: Range, meter: Meter, matched: int) -> Scan:
    return Scan(within.start, within.end, meter.read_rows, meter.read_bytes, meter.elapsed_ms, matched)


def facets(actor: Actor, query: str, within: Range, fields: Sequence[str] = DEFAULT_FACETS) -> Facets:
    """The most frequent values of fields among the matching lines, each list cut at ``log_facet_values``. Exact."""
    require(actor, Right.READ)
    if not 1 <= len(fields) <= 12:
        raise bad_request("name 1 to 12 fields", "fields")
    asked, meter = ask_for(query, within), Meter()
    params: dict[str, Any] = {**asked.params, "most": current().log_facet_values}
    values = []
    for place, name in enumerate(fields):
        values.append(f"{value_of(name, place, params)} AS f{place}")
    names = [f"f{place}" for place in range(len(fields))]
    sets = ", ".join(f"({name})" for name in names)
    # GROUPING SETS passes over the lines once for all fields; grouping() is 0 for the field that a row is of.
    which = "multiIf(" + ", ".join(f"grouping({name}) = 0, {place}" for place, name in enumerate(names)) + ", -1)"
    picked = "multiIf(" + ", ".join(f"grouping({name}) = 0, {name}" for name in names) + ", '')"
    grouped = (
        f"SELECT {which} AS place, {picked} AS value, count() AS lines FROM "
        f"(SELECT {', '.join(values)} FROM log_lines WHERE {asked.where}) GROUP BY GROUPING SETS ({sets})"
    )
    ranked = (
        "SELECT place, value, lines, row_number() OVER (PARTITION BY place ORDER BY lines DESC, value) AS rank, "
        f"count() OVER (PARTITION BY place) AS known, sum(lines) OVER (PARTITION BY place) AS total FROM ({grouped}) "
        "WHERE value != ''"
    )
    answer = meter.ask(
        f"SELECT place, value, lines, known, total FROM ({ranked}) WHERE rank <= {{most:UInt32}} ORDER BY place, rank",
        params,
        {"force_grouping_standard_compatibility": 1},
    )
    found = [_facet(name, [row[1:] for row in answer.rows if row[0] == place]) for place, name in enumerate(fields)]
    matched = max((sum(count for _, count in one.values) + one.other_lines for one in found), default=0)
    return Facets(tuple(found), _scan(within, meter, matched))


def value_of(name: str, place: int, params: dict[str, Any]) -> str:
    """The expression that gives a field's value as text, empty where there is none."""
    if name in BODY or name == "cause":
        raise bad_request(f"{name} has too many values to be counted; name another field", "fields")
    if name in TEXT_COLUMNS:
        return f"toString({TEXT_COLUMNS[name]})"
    if name in NUMBER_COLUMNS:
        column = NUMBER_COLUMNS[name]
        return f"if({column} = 0, '', toString({column}))"
    params[f"field{place}"] = name.removeprefix("attributes.")
    return f"attributes[{{field{place}:String}}]"


def _facet(name: str, rows: Sequence[tuple[Any, ...]]) -> Facet:
    if not rows:
        return Facet(name, (), 0, 0)
    known, total = rows[0][2], rows[0][3]
    values = tuple((value, int(lines)) for value, lines, _, _ in rows)
    return Facet(name, values, int(known) - len(values), int(total) - sum(lines for _, lines in values))
