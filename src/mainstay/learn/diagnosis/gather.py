"""An incident as a case: what the telemetry store and the catalog know of its service and of those around it."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from mainstay.catalog import services as catalog
from mainstay.change.releases.judge.kinds import read
from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.settings import current
from mainstay.learn.diagnosis.domain.case import (
    LOGS,
    METRICS,
    SPANS,
    TRACED,
    Alert,
    Case,
    Change,
    Window,
    longest_without,
)
from mainstay.observe.changes import ranking
from mainstay.observe.changes import services as changes
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident

# The normal time is what came before the problem; minutes just before it tell what was so already.
NORMAL: Final = timedelta(minutes=90)
JUST_BEFORE: Final = timedelta(minutes=3)
# Symptoms come before the breach that they lead to.
LEAD: Final = timedelta(seconds=60)
LONGEST: Final = timedelta(minutes=20)
# Until so long after its end a trouble still shows.
AFTERWARDS: Final = timedelta(seconds=30)
CHANGE_HOURS: Final = 24.0
STEP: Final = 15
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=\s*[{\[\)]|\s*$|\s*[<>=!+\-*/])")
_FUNCTIONS = frozenset(
    (
        *("sum", "rate", "irate", "increase", "avg", "min", "max", "by", "without", "count", "histogram_quantile"),
        *("le", "on", "ignoring"),
    )
)
# Labels that say whose series it is, and those that tell instances apart, over which a mean is taken.
_WHOSE = ("service", "instance", "job", "pod", "host")

_SAMPLES: Final = """
    SELECT s.labels['service'] AS service, s.name AS name,
        arrayStringConcat(arrayMap(k -> concat(k, '="', s.labels[k], '"'),
            arraySort(arrayFilter(k -> k NOT IN {whose:Array(String)}, mapKeys(s.labels)))), ',') AS told,
        p.bucket AS bucket, p.id AS id, p.last AS value
    FROM (
        SELECT series_id AS id, intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS bucket,
            argMax(value, time) AS last
        FROM samples WHERE time >= fromUnixTimestamp64Milli({start:Int64})
            AND time < fromUnixTimestamp64Milli({end:Int64}) AND isFinite(value) AND series_id IN (
                SELECT id FROM series WHERE labels['service'] IN {services:Array(String)}
                AND NOT endsWith(name, '_bucket') ORDER BY name, id LIMIT 1 BY id LIMIT {most:UInt32})
        GROUP BY id, bucket
    ) AS p
    INNER JOIN (SELECT id, any(name) AS name, any(labels) AS labels FROM series GROUP BY id) AS s ON s.id = p.id
"""
_INSIDE: Final = (
    "service IN {services:Array(String)} AND ("
    "(time >= fromUnixTimestamp64Milli({nstart:Int64}) AND time < fromUnixTimestamp64Milli({nend:Int64})) OR "
    "(time >= fromUnixTimestamp64Milli({pstart:Int64}) AND time < fromUnixTimestamp64Milli({pend:Int64})))"
)
_COUNT: Final = f"SELECT count() FROM log_lines WHERE {_INSIDE}"
_READ: Final = (
    "SELECT toUnixTimestamp64Micro(time) / 1000000 AS at, service, level, substring(body, 1, 2000) AS message, "
    "trace_id, span_id "
    f"FROM log_lines WHERE {_INSIDE} AND cityHash64(id) % {{step:UInt32}} = 0"
)
_COUNT_SPANS: Final = f"SELECT count() FROM spans WHERE {_INSIDE}"
# Traces are left out whole: one without some of its spans would tell wrong own times.
_READ_SPANS: Final = (
    "SELECT trace_id, span_id, parent_id, service, operation, toUnixTimestamp64Micro(time) / 1000000 AS start, "
    f"start + duration / 1000000 AS end FROM spans WHERE {_INSIDE} AND cityHash64(trace_id) % {{step:UInt32}} = 0"
)


def case_of(actor: Actor, incident: Incident) -> Case | None:
    """The case, or nothing where the incident belongs to no service. Raises ``TelemetryError``."""
    if incident.service is None:
        return None
    calls = tuple(catalog.dependencies(actor))
    around = sorted(ranking.ways(incident.service.key, calls))
    began = incident.started_at
    ended = min(incident.resolved_at or clock.now(), clock.now(), began + LONGEST)
    problem = Window((began - LEAD).timestamp(), max(ended, began + timedelta(seconds=STEP)).timestamp())
    metrics = samples(around, began - NORMAL, _moment(problem.end))
    first = metrics["time"].min() if metrics.height else None
    earliest = float(first) if isinstance(first, float) else (began - NORMAL).timestamp()
    # A store that is filled for some minutes only knows no more than these of what is normal.
    end = max((began - JUST_BEFORE).timestamp(), earliest + (problem.start - earliest) / 2)
    known = Window(min(earliest, problem.start - 2.0), min(end, problem.start))
    normal = longest_without(known, _troubles(actor, incident, around, known))
    return Case(
        Alert(incident.service.key, began.timestamp(), _metric(incident)),
        normal,
        problem,
        metrics if metrics.height else None,
        _lines(around, normal, problem),
        _spans(around, normal, problem),
        tuple(one for one in calls if one[0] in around and one[1] in around),
        _changes(actor, around, _moment(problem.end)),
    )


def _troubles(actor: Actor, incident: Incident, services: Sequence[str], span: Window) -> list[Window]:
    """When other incidents of these services were alive: what was so then was not normal."""
    others = incidents.visible(actor).filter(service__key__in=services, started_at__lt=_moment(span.end))
    rows = (
        others.exclude(pk=incident.pk).values_list("started_at", "restored_at", "resolved_at").order_by("-started_at")
    )
    ended = [(start - LEAD, restored or resolved or clock.now()) for start, restored, resolved in rows[:200]]
    return [Window(start.timestamp(), (end + AFTERWARDS).timestamp()) for start, end in ended]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=clock.now().tzinfo)


def _metric(incident: Incident) -> str:
    """The metric that alerted, as far as a rule tells: the first of its expression that says what harm is."""
    for alert in alerts.firing_of(incident):
        if alert.rule is not None and not alert.rule.log:
            names = [one for one in _METRIC.findall(alert.rule.expr) if one not in _FUNCTIONS]
            return next((one for one in names if read(one).harm), names[0] if names else "")
    return ""


def samples(services: Sequence[str], start: datetime, end: datetime) -> pl.DataFrame:
    """Series of these services, a value each ``STEP`` seconds: counters as rates, pairs of sum and count as means.

    Instances are taken together. Raises ``TelemetryError``.
    """
    params = {
        "services": list(services),
        "whose": list(_WHOSE),
        "start": int(start.timestamp() * 1000),
        "end": int(end.timestamp() * 1000),
        "most": current().diagnosis_max_series,
        "step": STEP,
    }
    data = telemetry.raw(_SAMPLES, params, "ArrowStream")
    frame = pl.read_ipc_stream(io.BytesIO(data)) if data else pl.DataFrame()
    if frame.is_empty():
        return pl.DataFrame(schema=METRICS)
    return _as_measured(frame.with_columns(pl.col("service", "name", "told").cast(pl.String)))


def _as_measured(frame: pl.DataFrame) -> pl.DataFrame:
    """Counters as rates a second, means of sums and counts, the rest as it is; one series for all instances."""
    counters = frame.filter(pl.col("name").str.contains(r"_(total|count|sum)$")).sort("id", "bucket")
    risen = pl.col("value").diff().over("id")
    lasted = pl.col("bucket").diff().over("id")
    rates = counters.with_columns(
        (pl.when(risen >= 0).then(risen).otherwise(pl.col("value")) / lasted).alias("value")
    ).drop_nulls("value")
    keys = ["service", "name", "told", "bucket"]
    summed = rates.group_by(keys).agg(pl.col("value").sum())
    base = pl.col("name").str.replace(r"_(sum|count)$", "")
    sums, counts = (
        summed.filter(pl.col("name").str.ends_with(end)).with_columns(base.alias("base")) for end in ("_sum", "_count")
    )
    means = (
        sums.join(counts, on=["service", "base", "told", "bucket"], suffix="_count")
        .filter(pl.col("value_count") > 0)
        .select(
            "service",
            (pl.col("base") + "_mean").alias("name"),
            "told",
            "bucket",
            pl.col("value") / pl.col("value_count"),
        )
    )
    gauges = frame.join(counters.select("id").unique(), on="id", how="anti").group_by(keys).agg(pl.col("value").mean())
    others = summed.filter(~pl.col("name").str.ends_with("_sum"))
    every = pl.concat([means, gauges.select(means.columns), others.select(means.columns)])
    name = (
        pl.when(pl.col("told") == "")
        .then(pl.col("name"))
        .otherwise(pl.concat_str("name", pl.lit("{"), "told", pl.lit("}")))
    )
    return every.select(
        pl.col("bucket").cast(pl.Float64).alias("time"),
        "service",
        name.alias("metric"),
        pl.col("value").cast(pl.Float64),
    )


def _lines(services: Sequence[str], normal: Window, problem: Window) -> pl.DataFrame | None:
    """Lines of both windows; where there are more than may be read, every n-th of them."""
    found = _both(services, normal, problem, (_COUNT, _READ), current().diagnosis_max_lines)
    return None if found is None else found.rename({"at": "time"}).select(_as_typed({**LOGS, **TRACED}))


def _spans(services: Sequence[str], normal: Window, problem: Window) -> pl.DataFrame | None:
    """Spans of both windows; where there are more than may be read, those of every n-th trace."""
    found = _both(services, normal, problem, (_COUNT_SPANS, _READ_SPANS), current().diagnosis_max_spans)
    return None if found is None else found.select(_as_typed(SPANS))


def _both(
    services: Sequence[str], normal: Window, problem: Window, statements: tuple[str, str], most: int
) -> pl.DataFrame | None:
    """Rows of both windows by a statement that counts them and one that reads every n-th; nothing where none are."""
    spans = {
        f"{side}{at}": int(getattr(one, at) * 1000)
        for side, one in (("n", normal), ("p", problem))
        for at in ("start", "end")
    }
    params = {"services": list(services), **spans}
    count = int(telemetry.rows(statements[0], params)[0][0])
    if not count:
        return None
    data = telemetry.raw(statements[1], {**params, "step": -(-count // most)}, "ArrowStream")
    return pl.read_ipc_stream(io.BytesIO(data))


def _as_typed(columns: Mapping[str, type[pl.DataType]]) -> list[pl.Expr]:
    return [pl.col(name).cast(kind) for name, kind in columns.items()]


def _changes(actor: Actor, services: Sequence[str], until: datetime) -> tuple[Change, ...]:
    found = changes.recent(actor, services, until, CHANGE_HOURS)
    return tuple(
        Change(one.time.timestamp(), one.service, one.kind, one.id, one.summary or one.version, one.diff)
        for one in found
    )
