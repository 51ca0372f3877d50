"""Count lines into metrics.

Lines are counted by their numbers, which they get as they come in, and not by their times: each is counted once however
late it is. What a metric has come to stands in the relational store with how far it has counted, in one commit, so that
its counters neither go back nor jump when a process is restarted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.db import transaction

from mainstay.core import clock
from mainstay.core.ids import fingerprint
from mainstay.core.settings import current
from mainstay.observe.logs.compare import slots_expression
from mainstay.observe.logs.metering.models import LogMetric, LogMetricCount
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.patterns.templates import VARIABLE
from mainstay.observe.logs.rules.definition import LogRuleError, fields_of, query_of
from mainstay.observe.logs.search import compile as compiling
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.asking import IN_RANGE, Meter
from mainstay.observe.logs.search.counts import value_of
from mainstay.observe.logs.search.parser import parse
from mainstay.observe.telemetry import services as telemetry

# Milliseconds stand in the upper 42 bits of a line's number.
NUMBER_SHIFT = 22
_NUMBER = r"-?[0-9]+(?:\\.[0-9]+)?"


@dataclass(frozen=True)
class _Growth:
    """What one series grew by."""

    labels: dict[str, str]
    lines: int
    total: float
    buckets: tuple[int, ...]


def parse_metric(entry: Mapping[str, Any]) -> None:
    """Check an entry of a configuration file. Raises ``LogRuleError``, and ``QueryError`` for its query."""
    fields_of(entry["by"])
    compiling.condition(parse(query_of(entry)))
    if bool(entry["pattern"]) != bool(entry["slot"]):
        raise LogRuleError("slot: a pattern and the number of its variable part go together")
    if entry["value"] and entry["slot"]:
        raise LogRuleError("value: write an attribute, or a slot of a pattern, not both")
    if entry["buckets"] and not (entry["value"] or entry["slot"]):
        raise LogRuleError("buckets: name the value that they are of: an attribute, or a slot of a pattern")
    if list(entry["buckets"]) != sorted(set(entry["buckets"])):
        raise LogRuleError("buckets: write bounds that grow")


def count(metric: LogMetric) -> None:
    """Count what came in since the last time and keep it as samples. A failure becomes the metric's error."""
    now_ms = clock.now_ms()
    until = (now_ms - int(current().log_rule_lag * 1000)) << NUMBER_SHIFT
    since = metric.counted_to
    if since and _waits():
        _note(metric, "lines wait on disk for the telemetry engine; they are counted when they are in")
        return
    try:
        grown = _grown(metric, since, until) if since else []
        # Should the lines of this stretch be counted by another worker as well, one of the two changes no row.
        with transaction.atomic():
            moved = LogMetric.objects.filter(pk=metric.pk, counted_to=since).update(counted_to=until)
            if not moved:
                return
            metric.counted_to = until
            fresh, error = _added(metric, grown)
        _write(metric, fresh, since >> NUMBER_SHIFT, now_ms)
    except (ValueError, telemetry.TelemetryError, telemetry.SpoolFullError) as problem:
        error = str(problem)
    _note(metric, error)


def _waits() -> bool:
    """Whether lines that came in before the stretch that is counted may not be in the store yet."""
    since = telemetry.spool().waiting_since()
    return since is not None and clock.now().timestamp() - since > current().log_rule_lag


def _note(metric: LogMetric, error: str) -> None:
    if metric.last_error != error[:500]:
        metric.last_error = error[:500]
        LogMetric.objects.filter(pk=metric.pk).update(last_error=metric.last_error)


def _grown(metric: LogMetric, since: int, until: int) -> list[_Growth]:
    """What the lines with numbers above ``since`` up to ``until`` add to each series: one statement."""
    entry = {"query": metric.query, "service": metric.service.key if metric.service else None}
    asked = compiling.condition(parse(query_of(entry)))
    late = timedelta(seconds=current().log_metric_late)
    within = times.of(times.from_micros((since >> NUMBER_SHIFT) * 1000) - late, clock.now() + late)
    start, end = within.micros
    params: dict[str, Any] = {**asked.params, "start": start, "end": end, "since": since, "until": until}
    columns = [f"{value_of(name, place, params)} AS f{place}" for place, name in enumerate(metric.by)]
    value, more = _value(metric, params)
    names = "".join(f"f{place}, " for place in range(len(metric.by)))
    group = f" GROUP BY {names.rstrip(', ')}" if names else ""
    params["bounds"] = [float(one) for one in metric.buckets]
    rows = (
        Meter()
        .ask(
            f"SELECT {names}count() AS n, sum(ifNull(v, 0)), "
            "sumForEach(arrayMap(bound -> toUInt64(v <= bound), {bounds:Array(Float64)})) FROM "
            f"(SELECT {', '.join([*columns, f'{value} AS v'])} FROM log_lines "
            f"WHERE {IN_RANGE} AND id > {{since:UInt64}} AND id <= {{until:UInt64}} AND ({asked.sql}){more}) "
            f"WHERE isFinite(v){group} HAVING n > 0",
            params,
        )
        .rows
    )
    labels = [name.removeprefix("attributes.") for name in metric.by]
    return [
        _Growth(
            {name: text for name, text in zip(labels, row, strict=False) if text},
            int(row[-3]),
            float(row[-2]),
            tuple(map(int, row[-1])),
        )
        for row in rows
    ]


def _value(metric: LogMetric, params: dict[str, Any]) -> tuple[str, str]:
    """The number of a line as an expression, and a further condition on lines. Lines without it are not counted."""
    if metric.value:
        params["attribute"] = metric.value.removeprefix("attributes.")
        return "toFloat64OrNull(attributes[{attribute:String}])", ""
    if not metric.slot:
        return "toFloat64(1)", ""
    known = Pattern.objects.filter(pk=metric.pattern or 0).first()
    if known is None:
        raise ValueError(f"pattern {metric.pattern} is not known")
    known = known.elder()
    if metric.slot > known.template.count(VARIABLE):
        raise ValueError(f"slot: the pattern has {known.template.count(VARIABLE)} variable parts: {known.template}")
    params |= {"patterns": known.family(), "slots": slots_expression(known.template), "slot": metric.slot}
    text = "extractGroups(body, {slots:String})[{slot:UInt32}]"
    return f"toFloat64OrNull(extract({text}, '{_NUMBER}'))", " AND pattern IN {patterns:Array(UInt64)}"


def _added(metric: LogMetric, grown: Sequence[_Growth]) -> tuple[set[str], str]:
    """Add to the counts. Returns the series that are new, and what went wrong."""
    known = {row.fingerprint: row for row in metric.counts.all()}
    fresh: dict[str, LogMetricCount] = {}
    error = ""
    for one in grown:
        key = fingerprint(one.labels)
        row = known.get(key)
        if row is None:
            if len(known) >= current().log_metric_series:
                error = f"more than {current().log_metric_series} series (log_metric_series); new ones are not counted"
                continue
            row = known[key] = fresh[key] = LogMetricCount(
                metric=metric, fingerprint=key, labels=one.labels, buckets=[0] * len(metric.buckets)
            )
        row.lines, row.total = row.lines + one.lines, row.total + one.total
        if len(row.buckets) != len(metric.buckets):
            row.buckets = [0] * len(metric.buckets)  # The bounds were changed; their counters begin anew.
        row.buckets = [before + more for before, more in zip(row.buckets, one.buckets, strict=True)]
    LogMetricCount.objects.bulk_create(fresh.values(), batch_size=500)
    changed = [known[key] for one in grown if (key := fingerprint(one.labels)) in known and key not in fresh]
    LogMetricCount.objects.bulk_update(changed, ["lines", "total", "buckets"], batch_size=200)
    return set(fresh), error


def _write(metric: LogMetric, fresh: set[str], since_ms: int, now_ms: int) -> None:
    """Keep a sample of each series, and of a new one the zero that it grew from."""
    series: list[tuple[int, str, dict[str, str]]] = []
    which: list[int] = []
    times_ms: list[int] = []
    values: list[float] = []
    for row in metric.counts.all():
        for name, labels, value in _counters(metric, row):
            place = len(series)
            series.append((telemetry.series_id(name, labels), name, labels))
            if row.fingerprint in fresh:
                which.append(place)
                times_ms.append(since_ms)
                values.append(0.0)
            which.append(place)
            times_ms.append(now_ms)
            values.append(value)
    telemetry.write_samples(
        series, np.array(which, dtype=np.int64), np.array(times_ms, dtype=np.int64), np.array(values, dtype=np.float64)
    )


def _counters(metric: LogMetric, row: LogMetricCount) -> list[tuple[str, dict[str, str], float]]:
    """The counters of a series: one of lines, or count and sum and buckets of its values."""
    if not (metric.value or metric.slot):
        return [(metric.metric, row.labels, float(row.lines))]
    found = [
        (f"{metric.metric}_count", row.labels, float(row.lines)),
        (f"{metric.metric}_sum", row.labels, row.total),
    ]
    if metric.buckets:
        bounds = [*(f"{bound:g}" for bound in metric.buckets), "+Inf"]
        counts = [*row.buckets, row.lines]
        found += [
            (f"{metric.metric}_bucket", {**row.labels, "le": bound}, float(value))
            for bound, value in zip(bounds, counts, strict=True)
        ]
    return found
