"""What the log says in the window: searches with their results as they were, patterns, and what was hit."""

from typing import Any, Final
from urllib.parse import urlencode

import polars as pl

from mainstay.core.settings import current
from mainstay.learn.escalation.domain import affected
from mainstay.learn.escalation.gather.scene import Row, Scene, stamp
from mainstay.observe.logs import whatchanged
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.search import services as search
from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.search.query import quoted
from mainstay.observe.telemetry import services as telemetry

_GRAVE: Final = ("error", "fatal")
_INSIDE: Final = (
    "service IN {services:Array(String)} AND time >= fromUnixTimestamp64Micro({start:Int64}) "
    "AND time < fromUnixTimestamp64Micro({end:Int64})"
)
_PATTERNS: Final = (
    "SELECT pattern, service, level, count(), min(time), max(time), argMin(body, time), argMin(trace_id, time) "
    f"FROM log_lines WHERE {_INSIDE} AND pattern IN {{patterns:Array(UInt64)}} GROUP BY pattern, service, level"
)
_GRAVELY: Final = f"{_INSIDE} AND level IN {{levels:Array(String)}}"
_FIELDS: Final = (
    "SELECT name, value, count() AS lines, count() OVER (PARTITION BY name) FROM log_lines "
    "ARRAY JOIN mapKeys(attributes) AS name, mapValues(attributes) AS value "
    f"WHERE {_GRAVELY} GROUP BY name, value "
    "ORDER BY lines DESC, name, value LIMIT {each:UInt32} BY name LIMIT {most:UInt32}"
)
_TRACES: Final = (
    "SELECT 'trace_id', trace_id, count() AS lines, count() OVER () FROM log_lines "
    f"WHERE {_GRAVELY} AND trace_id != '' GROUP BY trace_id "
    "ORDER BY lines DESC, trace_id LIMIT {each:UInt32}"
)
_TEXTS: Final = f"SELECT body FROM log_lines WHERE {_GRAVELY} ORDER BY cityHash64(id) LIMIT {{most:UInt32}}"
# Lines of errors that are looked through for what they speak of.
_LOOKED_THROUGH: Final = 20_000
_COUNTS: Final = f"SELECT service, count() FROM log_lines WHERE {_INSIDE} GROUP BY service"


def _params(scene: Scene) -> dict[str, Any]:
    start, end = scene.window.micros
    return {"services": scene.services, "start": start, "end": end, "levels": list(_GRAVE)}


def counts(scene: Scene) -> dict[str, int]:
    """Lines of the window by service."""
    return {row[0]: int(row[1]) for row in telemetry.rows(_COUNTS, _params(scene))}


def wanted(scene: Scene) -> list[str]:
    """The searches of a case: what speaks of the suspects, and their errors; those first that tell most."""
    found = [sign.query for one in scene.suspects[:3] for sign in one.evidence if sign.source == "logs"]
    found += [
        f"service:{quoted(one)} level:>=error" for one in dict.fromkeys((scene.suspect, scene.case.alert.service))
    ]
    return list(dict.fromkeys(one for one in found if one))[: current().escalation_queries]


def searches(scene: Scene) -> list[Row]:
    """Each search with its lines as they were, the oldest first, how many there are, and how many are not shown."""
    return [row for query in wanted(scene) if (row := _search(scene, query))]


def _search(scene: Scene, query: str) -> Row | None:
    most = min(current().escalation_rows, current().log_search_lines)
    try:
        page = search.search(scene.actor, query, scene.window, most)
        total = page.scan.matched
        if page.scan.cut:
            total = search.histogram(scene.actor, query, scene.window).scan.matched
    except QueryError:
        # A diagnosis words its query after a line; one that cannot be read is of no use to others either.
        return None
    rows = [
        [stamp(one.time), one.service, one.level, one.body[: current().escalation_text], one.trace_id]
        for one in reversed(page.lines)
    ]
    link = urlencode({"query": query, "range": scene.window.locked})
    return {
        "kind": "logs",
        "title": f"Log lines: {query}",
        "query": query,
        "command": f"mainstay logs search '{query}' --range '{scene.window.locked}'",
        "link": f"{current().public_url}/logs?{link}",
        "columns": ["time", "service", "level", "message", "trace_id"],
        "rows": rows,
        "matched": total,
        "cut": max(total - len(rows), 0),
        "said": "the newest of them" if total > len(rows) else "all of them",
    }


def patterns(scene: Scene) -> Row:
    """Patterns that are new, gone, more or fewer than before, or whose values moved; the most surprising first."""
    most = current().escalation_patterns
    problem = whatchanged.Window(scene.window.start, scene.window.end)
    found = whatchanged.what_changed(scene.actor, scene.services, problem, limit=most)
    facts = _facts(scene, [one.pattern for one in found.changes if one.pattern])
    rows = []
    for one in found.changes:
        first, last, example, trace = facts.get((one.pattern, one.service, one.level), ("", "", one.example, ""))
        moved = f"{one.moved.before} → {one.moved.during}" if one.moved else ""
        rows.append(
            {
                "kind": one.kind,
                "service": one.service,
                "level": one.level,
                "lines": one.during,
                "before": one.before,
                "first": first,
                "last": last,
                "template": one.template,
                "moved": moved,
                "example": example[: current().escalation_text],
                "trace_id": trace,
            }
        )
    return {
        "rows": rows,
        "left_out": found.left_out,
        "lines": found.lines,
        "compared": f"{stamp(found.before.start)} to {stamp(found.before.end)}",
        "nothing_before": found.nothing_before,
    }


def _facts(scene: Scene, numbers: list[int]) -> dict[tuple[int, str, str], tuple[str, str, str, str]]:
    """First, last, the first line and its trace, by the number that a pattern has now, service and level."""
    if not numbers:
        return {}
    younger = dict(Pattern.objects.filter(merged_into__in=numbers).values_list("pk", "merged_into"))
    rows = telemetry.rows(_PATTERNS, {**_params(scene), "patterns": [*numbers, *younger]})
    found: dict[tuple[int, str, str], tuple[str, str, str, str]] = {}
    for pattern, service, level, _, first, last, example, trace in rows:
        key = (int(younger.get(pattern) or pattern), service, level)
        new = (stamp(telemetry.aware(first)), stamp(telemetry.aware(last)), example, trace)
        old = found.get(key, new)
        early = min(old, new, key=lambda one: one[0])
        found[key] = (early[0], max(old[1], new[1]), early[2], early[3])
    return found


def hit(scene: Scene, evidence: list[Row]) -> Row:
    """What was hit, by kind: from fields and texts of error lines, traces, and rows of evidence."""
    each = current().escalation_affected
    params = {**_params(scene), "each": each, "most": each * 50}
    fields = [*telemetry.rows(_FIELDS, params), *telemetry.rows(_TRACES, params)]
    found = affected.of_fields((str(name), str(value), int(lines)) for name, value, lines, _ in fields)
    every = affected.kinds((str(name), int(values)) for name, _, _, values in fields)
    texts = [row[0] for row in telemetry.rows(_TEXTS, {**params, "most": _LOOKED_THROUGH})]
    spoken = affected.of_texts(texts)
    # What a field says already is not counted again from the text.
    found += {one: count for one, count in spoken.items() if one not in found}
    for one in evidence:
        found += affected.of_rows(one["columns"], one["rows"])
    rows, left = affected.ranked(found, each, every)
    return {"rows": [[one.kind, one.value, one.count] for one in rows], "left_out": left}


def sample(lines: pl.DataFrame | None, most: int) -> tuple[pl.DataFrame | None, str]:
    """As many lines as a case may hold, and what was left out. Errors and warnings stay as far as half of it goes."""
    if lines is None or lines.height <= most:
        return lines, ""
    grave = pl.col("level").str.to_lowercase().is_in(["fatal", "error", "warning", "warn"])
    bad, rest = lines.filter(grave), lines.filter(~grave)
    bad = bad.gather_every(max(-(-bad.height // (most // 2)), 1))
    rest = rest.gather_every(max(-(-rest.height // max(most - bad.height, 1)), 1))
    kept = pl.concat([bad, rest]).sort("time", maintain_order=True)
    return (
        kept,
        f"logs.ndjson holds {kept.height:,} of {lines.height:,} lines, evenly, errors and warnings before others",
    )
