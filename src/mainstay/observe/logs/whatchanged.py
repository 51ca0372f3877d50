"""What changed in the logs of some services between a window and a baseline, from what is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.observe.logs import compare
from mainstay.observe.logs.models import Pattern
from mainstay.observe.telemetry import services as telemetry

# Symptoms come before the breach that they lead to.
LEAD = timedelta(minutes=2)
LONGEST = timedelta(minutes=30)
BEFORE = timedelta(minutes=30)
WEEK = timedelta(days=7)
BASELINES = ("before", "week", "release")
# Up to this length lines are counted to the second; beyond it, from the counts by minute.
EXACT = timedelta(hours=3)
_MOVED_OF, _SAMPLE = 12, 300
# A service that was to write so many lines and wrote none has fallen silent.
_SILENT_FROM = 10
SILENCE_SCORE = 8.0
GRAVE = ("warning", "error", "fatal")


@dataclass(frozen=True)
class Window:
    """A span of time."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Change:
    """One difference. ``kind`` is new, gone, more, fewer, moved or silent; ``before`` and ``during`` are lines."""

    kind: str
    pattern: int
    service: str
    level: str
    before: int
    during: int
    expected: float
    score: float
    template: str = ""
    example: str = ""
    first_seen: datetime | None = None
    moved: compare.Moved | None = None
    known_error: str = ""


@dataclass(frozen=True)
class WhatChanged:
    """The differences, the most telling first, with both windows and what is not shown.

    With ``nothing_before`` no line of the baseline is known: what is grave in the window stands for what is new.
    """

    changes: tuple[Change, ...]
    during: Window
    before: Window
    baseline: str
    services: tuple[str, ...]
    left_out: int
    lines: int
    nothing_before: bool


def during(started: datetime, ended: datetime | None = None) -> Window:
    """The window of an incident: from a little before it was noticed to its end, half an hour at most."""
    end = min(ended or clock.now(), clock.now(), started + LONGEST)
    return Window(started - LEAD, max(end, started + timedelta(seconds=1)))


def what_changed(
    actor: Actor,
    services: Sequence[str],
    window: Window,
    baseline: str = "before",
    released: datetime | None = None,
    limit: int = 20,
) -> WhatChanged:
    """Compare a window with a baseline: just before it, the same time last week, or before the last release.

    ``released`` is when that release was; without it ``release`` is as ``before``.

    Raises ``TelemetryError`` when the store does not answer, ``ValueError`` for a baseline that is not known.
    """
    require(actor, Right.READ)
    if baseline not in BASELINES:
        raise ValueError(f"baseline: write one of {', '.join(BASELINES)}")
    before = _baseline(baseline, window, released)
    counts = _counts(services, window, before)
    # A store that has been filled for five minutes knows nothing of the half hour before.
    first = counts["first"].min() if counts.height else None
    known = replace(before, start=max(before.start, telemetry.aware(first))) if isinstance(first, datetime) else before
    seconds = max(known.seconds, 1.0)
    sides = [
        counts.select("pattern", "service", "level", pl.col(side).alias("lines")).filter(pl.col("lines") > 0)
        for side in ("before", "during")
    ]
    ranked = compare.compare(sides[0].cast(compare.COUNTS), sides[1].cast(compare.COUNTS), seconds, window.seconds)
    found = [Change(**row) for row in ranked.with_columns(pl.col("before", "during").cast(pl.Int64)).to_dicts()]
    found += _silent(counts, services, window.seconds / seconds)
    found += _moved(services, window, before, counts)
    nothing_before = not int(counts["before"].sum())
    if nothing_before:
        found = [one for one in found if one.level in GRAVE]
    ordered = sorted(found, key=lambda one: -one.score)
    shown = _told(ordered[:limit], services, window, before)
    lines = int(counts["during"].sum()) if counts.height else 0
    left_out = max(len(ordered) - limit, 0)
    return WhatChanged(tuple(shown), window, known, baseline, tuple(services), left_out, lines, nothing_before)


def _baseline(name: str, window: Window, released: datetime | None) -> Window:
    if name == "week":
        return Window(window.start - WEEK, window.end - WEEK)
    if name == "release" and released:
        return Window(released - BEFORE, released)
    return Window(window.start - BEFORE, window.start)


def _counts(services: Sequence[str], window: Window, before: Window) -> pl.DataFrame:
    """Lines of each pattern, service and level on both sides, and the first line of the side before."""
    exact = window.end - before.start <= EXACT
    table, moment, count = ("log_lines", "time", "1") if exact else ("log_minutes", "minute", "lines")
    inside = f"{moment} >= {{%s:DateTime64(6)}} AND {moment} < {{%s:DateTime64(6)}}"
    was, now = inside % ("b0", "b1"), inside % ("d0", "d1")
    rows = telemetry.rows(
        f"SELECT pattern, service, level, sumIf({count}, {was}) AS was, sumIf({count}, {now}) AS now, "
        f"minOrNullIf(toDateTime64({moment}, 6, 'UTC'), {was}) AS first "
        f"FROM {table} WHERE service IN {{services:Array(String)}} AND (({was}) OR ({now})) "
        "GROUP BY pattern, service, level",
        {"services": list(services), **_moments(window, before)},
    )
    schema: dict[str, Any] = {
        "pattern": pl.UInt64,
        "service": pl.String,
        "level": pl.String,
        "before": pl.UInt64,
        "during": pl.UInt64,
        "first": pl.Datetime("us"),
    }
    counts = pl.DataFrame(rows, schema=schema, orient="row")
    return (
        _merged(counts)
        .group_by("pattern", "service", "level")
        .agg(pl.col("before", "during").sum(), pl.col("first").min())
    )


def _moments(window: Window, before: Window) -> Mapping[str, str]:
    return {
        name: moment.strftime("%Y-%m-%d %H:%M:%S.%f")
        for name, moment in (("d0", window.start), ("d1", window.end), ("b0", before.start), ("b1", before.end))
    }


def _merged(counts: pl.DataFrame) -> pl.DataFrame:
    """Lines under the number that their pattern has now; lines without a pattern go."""
    elders = dict(Pattern.objects.filter(merged_into__isnull=False).values_list("id", "merged_into"))
    if elders:
        counts = counts.with_columns(pl.col("pattern").replace(elders))
    return counts.filter(pl.col("pattern") != 0)


def _silent(counts: pl.DataFrame, services: Sequence[str], share: float) -> list[Change]:
    """Services that wrote before and write nothing now."""
    totals = counts.group_by("service").agg(pl.col("before", "during").sum())
    quiet = totals.filter(
        (pl.col("during") == 0) & (pl.col("before") * share >= _SILENT_FROM) & pl.col("service").is_in(list(services))
    )
    return [
        Change("silent", 0, row["service"], "", row["before"], 0, row["before"] * share, SILENCE_SCORE)
        for row in quiet.to_dicts()
    ]


def _moved(services: Sequence[str], window: Window, before: Window, counts: pl.DataFrame) -> list[Change]:
    """Values that moved, looked for in samples of the patterns that are most frequent on both sides."""
    common = counts.filter((pl.col("before") > 0) & (pl.col("during") > 0))
    common = common.sort("during", descending=True).head(_MOVED_OF)
    numbers = common["pattern"].unique().to_list()
    if not numbers:
        return []
    rows = telemetry.rows(
        "SELECT pattern, service, time >= {d0:DateTime64(6)} AS late, body FROM log_lines "
        "WHERE service IN {services:Array(String)} AND pattern IN {numbers:Array(UInt64)} "
        "AND ((time >= {b0:DateTime64(6)} AND time < {b1:DateTime64(6)}) "
        "OR (time >= {d0:DateTime64(6)} AND time < {d1:DateTime64(6)})) "
        f"ORDER BY late, time DESC LIMIT {_SAMPLE} BY pattern, service, late",
        {"services": list(services), "numbers": numbers, **_moments(window, before)},
    )
    lines = pl.DataFrame(
        rows, schema={"pattern": pl.UInt64, "service": pl.String, "late": pl.Boolean, "body": pl.String}, orient="row"
    )
    templates = dict(Pattern.objects.filter(id__in=numbers).values_list("id", "template"))
    found = []
    for row in common.to_dicts():
        mine = lines.filter((pl.col("pattern") == row["pattern"]) & (pl.col("service") == row["service"]))
        was, now = (mine.filter(pl.col("late") == late)["body"] for late in (False, True))
        for one in compare.moved(was, now, templates.get(row["pattern"], ""))[:1]:
            told: dict[str, Any] = {name: row[name] for name in ("pattern", "service", "level", "before", "during")}
            found.append(Change("moved", expected=float(row["before"]), score=one.score, moved=one, **told))
    return found


def _told(shown: Sequence[Change], services: Sequence[str], window: Window, before: Window) -> list[Change]:
    """The changes with the words of their patterns, and a line that shows them."""
    numbers = [one.pattern for one in shown if one.pattern]
    known = {row.id: row for row in Pattern.objects.filter(id__in=numbers).select_related("known_error")}
    rows = telemetry.rows(
        "SELECT pattern, argMax(body, time) FROM log_lines WHERE service IN {services:Array(String)} "
        "AND pattern IN {numbers:Array(UInt64)} AND time >= {b0:DateTime64(6)} AND time < {d1:DateTime64(6)} "
        "GROUP BY pattern",
        {"services": list(services), "numbers": numbers, **_moments(window, before)},
    )
    examples = dict(rows) if numbers else {}
    return [_with_words(one, known.get(one.pattern), examples.get(one.pattern, "")) for one in shown]


def _with_words(one: Change, pattern: Pattern | None, example: str) -> Change:
    if pattern is None:
        return replace(one, example=example)
    error = pattern.known_error.key if pattern.known_error else ""
    return replace(
        one,
        template=pattern.template,
        example=example or pattern.example,
        first_seen=pattern.first_seen,
        known_error=error,
    )
