"""The one statement that a rule asks the store in a round.

Counts of minutes answer where the query and the fields are about service, level and pattern alone; else the lines do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from mainstay.core.settings import current
from mainstay.observe.logs.rules.definition import LogRule, Ratio
from mainstay.observe.logs.search import compile as compiling
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.asking import Asked, Meter, ask_for
from mainstay.observe.logs.search.counts import counted, value_of
from mainstay.observe.logs.search.parser import parse

MINUTE = timedelta(minutes=1)
# What was regular: lines in so many of the last parts of a silence's length before they stopped.
REGULAR_PARTS, REGULAR_AT_LEAST = 6, 5
# Lengths in seconds: how far back "the last hours" reach, and how far the same hour of a day around a time of day.
HOURS_BACK, AROUND = 10_800, 1800
DAY = 86_400
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Group:
    """The values of the rule's fields, and a number of them: lines, a share, or seconds of silence."""

    keys: tuple[str, ...]
    value: float
    lines: int = 0
    known: bool = True


def by_minutes(rule: LogRule, condition: compiling.Condition) -> bool:
    """Whether counts of minutes can answer."""
    return condition.counted_by_minute and set(rule.by) <= {"service", "level", "pattern"}


def _columns(rule: LogRule, params: dict[str, Any]) -> list[str]:
    """The fields as columns f0, f1, …; what they need is added to the parameters."""
    return [f"{value_of(name, place, params)} AS f{place}" for place, name in enumerate(rule.by)]


def _grouped(rule: LogRule) -> tuple[str, str]:
    """(names to select, GROUP BY): without a field there is one group, which is there even without a line."""
    names = [f"f{place}" for place in range(len(rule.by))]
    return "".join(f"{name}, " for name in names), f" GROUP BY {', '.join(names)}" if names else ""


def _source(rule: LogRule, asked: Asked, more: Sequence[str] = ()) -> tuple[str, dict[str, Any]]:
    params: dict[str, Any] = {}
    columns = ", ".join([*_columns(rule, params), *more]) or "1 AS f"
    step = MINUTE if by_minutes(rule, asked.condition) else timedelta(0)
    source, found = counted(asked, columns, step)
    return source, {**found, **params}


def rates(rule: LogRule, op: str, lines: float, within: times.Range) -> list[Group]:
    """Groups whose number of lines compares so with ``lines``."""
    source, params = _source(rule, ask_for(rule.query, within))
    select, group = _grouped(rule)
    rows = (
        Meter()
        .ask(
            f"SELECT {select}sum(lines) AS n FROM ({source}){group} HAVING n {op} {{limit:Float64}} "
            "ORDER BY n DESC LIMIT {most:UInt32}",
            {**params, "limit": lines, "most": current().rule_max_series + 1},
        )
        .rows
    )
    return [Group(row[:-1], float(row[-1]), int(row[-1])) for row in rows]


def ratios(rule: LogRule, test: Ratio, within: times.Range) -> list[Group]:
    """Groups whose share compares so with the limit, of those that have lines enough to be judged."""
    part, whole = compiling.condition(parse(rule.query)), compiling.condition(parse(test.of), "w")
    if rule.fixed:
        narrow = compiling.condition(parse(" ".join(f'{name}:"{value}"' for name, value in rule.fixed.items())), "s")
        whole = compiling.Condition(
            f"({whole.sql}) AND ({narrow.sql})", {**whole.params, **narrow.params}, whole.columns | narrow.columns
        )
    either = compiling.Condition(
        f"({part.sql}) OR ({whole.sql})", {**part.params, **whole.params}, part.columns | whole.columns
    )
    source, params = _source(rule, Asked(either, within), [f"({part.sql}) AS is_part", f"({whole.sql}) AS is_whole"])
    select, group = _grouped(rule)
    rows = (
        Meter()
        .ask(
            f"SELECT {select}sumIf(lines, is_part) AS n, n / sumIf(lines, is_whole) AS share FROM ({source}){group} "
            f"HAVING sumIf(lines, is_whole) >= {{least:Float64}} AND share {test.op} {{limit:Float64}} "
            "ORDER BY share DESC LIMIT {most:UInt32}",
            {**params, "least": rule.at_least, "limit": test.limit, "most": current().rule_max_series + 1},
        )
        .rows
    )
    return [Group(row[:-2], float(row[-1]), int(row[-2])) for row in rows]


def last_seen(rule: LogRule, seconds: float, end: datetime) -> list[Group]:
    """Every group of the last while with how long it has been silent, as its value; ``known`` where it was regular.

    Up to the last whole minute, so that a part without lines is a silence of at least its length.
    """
    end = end.replace(second=0, microsecond=0)
    length = timedelta(seconds=seconds)
    within = times.of(end - length * (REGULAR_PARTS + 2), end)
    source, params = _source(rule, ask_for(rule.query, within))
    select, group = _grouped(rule)
    rows = (
        Meter()
        .ask(
            f"SELECT {select}max(micros) AS last, min(part) AS newest, "
            "arrayCount(one -> one < newest + {parts:Int64}, groupUniqArray(part)) AS busy "
            f"FROM (SELECT *, intDiv({{end:Int64}} - 1 - micros, {{length:Int64}}) AS part FROM ({source})){group} "
            "HAVING count() > 0",
            {**params, "parts": REGULAR_PARTS, "length": length // timedelta(microseconds=1)},
        )
        .rows
    )
    micros = times.to_micros(end)
    return [
        Group(
            row[:-3],
            0.0 if row[-2] == 0 else max((micros - int(row[-3])) / 1e6, seconds),
            known=row[-1] >= REGULAR_AT_LEAST,
        )
        for row in rows
    ]


def history(rule: LogRule, end: datetime, days: int) -> tuple[pl.DataFrame, int]:
    """Counts to judge what is unusual, and how many seconds back counts reach.

    One row for each group and part of the window's length, with the columns f0, f1, …, ``part`` (0 is now, 1 the one
    before) and ``lines``: of the last hours and of the same hour of the days before. Parts without lines are left out.
    """
    condition = compiling.condition(parse(rule.query))
    params: dict[str, Any] = {
        **condition.params,
        "end": int(end.timestamp()),
        "width": int(rule.window),
        "start": int((end - timedelta(days=days, hours=1)).timestamp()),
        "hours": HOURS_BACK,
        "near": AROUND,
        "day": DAY,
    }
    columns = "".join(f"{one}, " for one in _columns(rule, params))
    select, _ = _grouped(rule)
    since = "minute >= toDateTime({start:Int64}) AND minute < toDateTime({end:Int64})"
    rows = (
        Meter()
        .ask(
            f"SELECT {columns}intDiv({{end:Int64}} - 1 - toUnixTimestamp(minute), {{width:Int64}}) AS part, "
            f"sum(lines) AS n, (SELECT toUnixTimestamp(min(minute)) FROM log_minutes WHERE {since}) AS first "
            f"FROM log_minutes WHERE {since} AND ({condition.sql}) AND (part * {{width:Int64}} < {{hours:Int64}} "
            "OR (part * {width:Int64}) % {day:Int64} <= {near:Int64} "
            f"OR (part * {{width:Int64}}) % {{day:Int64}} >= {{day:Int64}} - {{near:Int64}}) GROUP BY {select}part",
            params,
        )
        .rows
    )
    names = [f"f{place}" for place in range(len(rule.by))]
    schema = {**dict.fromkeys(names, pl.String), "part": pl.Int64, "lines": pl.Float64}
    frame = pl.DataFrame([row[:-1] for row in rows], schema, orient="row")
    reach = params["end"] - int(rows[0][-1]) if rows else 0
    return frame, reach


def examples(rule: LogRule, keys: Sequence[tuple[str, ...]], within: times.Range) -> dict[tuple[str, ...], Any]:
    """The newest line of each of these groups, as (body, pattern)."""
    asked = ask_for(rule.query, within)
    params: dict[str, Any] = {**asked.params, "wanted": [_SEPARATOR.join(one) for one in keys]}
    columns = ", ".join([*_columns(rule, params), "time", "body", "pattern"])
    select, group = _grouped(rule)
    joined = f"arrayStringConcat([{select.rstrip(', ')}], '{_SEPARATOR}')" if rule.by else "''"
    rows = (
        Meter()
        .ask(
            f"SELECT {select}substring(argMax(body, time), 1, 1000), argMax(pattern, time) "
            f"FROM (SELECT {columns} FROM log_lines WHERE {asked.where}) "
            f"WHERE has({{wanted:Array(String)}}, {joined}){group} HAVING count() > 0",
            params,
        )
        .rows
    )
    return {row[:-2]: row[-2:] for row in rows}
