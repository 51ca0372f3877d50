"""What was measured, drawn: the rule that fired, and the series of the suspects that went astray."""

from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from mainstay.core.settings import current
from mainstay.learn.diagnosis.domain.case import Case
from mainstay.learn.escalation.domain.drawing import MOST, Chart, Line
from mainstay.learn.escalation.domain.queries import promql
from mainstay.learn.escalation.gather.scene import Row, Scene, moment
from mainstay.observe.metrics import promql as language
from mainstay.observe.metrics import services as metrics
from mainstay.observe.metrics.models import Rule
from mainstay.observe.telemetry.services import TelemetryError

# A picture shows the problem and so many times as long before it, or so many seconds, whichever is more.
_BEFORE_TIMES: Final = 2.0
_BEFORE: Final = 1200.0
_RULES: Final = 2


def rules(scene: Scene) -> list[Rule]:
    """The rules whose alerts make the incident, the first to fire first, those over log lines left out."""
    fired = sorted((one for one in scene.alerts if one.rule), key=lambda one: one.starts_at)
    found = {one.rule.pk: one.rule for one in fired if one.rule and one.rule.log is None}
    return list(found.values())[:_RULES]


def charts(scene: Scene) -> list[Chart]:
    """Pictures with their data, as many as a case may hold."""
    problem = scene.case.problem
    start = problem.start - max(_BEFORE_TIMES * problem.seconds, _BEFORE)
    found = [chart for rule in rules(scene) if (chart := _of_rule(scene, rule, start))]
    found += _of_suspects(scene, max(start, scene.case.normal.start))
    return found[: current().escalation_graphs]


def _of_rule(scene: Scene, rule: Rule, start: float) -> Chart | None:
    end = scene.case.problem.end
    drawn = metrics.chart(scene.actor, rule, moment(start), moment(end))
    if not drawn.series:
        return None
    times = [one / 1000 for one in drawn.times_ms]
    lines = [Line(name, times, values) for name, values in drawn.series]
    problem = (scene.case.alert.time, end)
    title = f"Rule {rule.name}"
    return Chart(title, rule.expr, lines, start, end, problem, drawn.threshold, max(len(lines) - MOST, 0))


def _of_suspects(scene: Scene, start: float) -> list[Chart]:
    frame = scene.case.metrics
    if frame is None:
        return []
    found = []
    for one in scene.suspects[:3]:
        named = [sign.name for sign in one.evidence if sign.source == "metrics" and sign.name]
        for metric in dict.fromkeys(named):
            chosen = frame.filter(
                (pl.col("service") == one.name) & (pl.col("metric") == metric) & (pl.col("time") >= start)
            ).sort("time")
            if chosen.height > 1:
                line = Line(metric, chosen["time"].to_list(), chosen["value"].to_list())
                problem = (scene.case.alert.time, scene.case.problem.end)
                title, query = f"{metric} of {one.name}", promql(metric, one.name)
                found.append(Chart(title, query, [line], start, scene.case.problem.end, problem))
    return found


def results(scene: Scene, found: Iterable[Chart]) -> list[Row]:
    """Each picture's query with what it gives at the end of the window, as far as it can be evaluated."""
    rows = []
    for chart in found:
        try:
            at = int(scene.case.problem.end * 1000)
            series = metrics.evaluate(scene.actor, chart.query, at)
            said = "at the end of the window; the whole of it is in the data of the graph"
        except (language.PromQLError, TelemetryError) as error:
            series, said = [], f"it could not be evaluated: {error}"
        most = current().escalation_rows
        rows.append(
            {
                "kind": "promql",
                "title": f"PromQL: {chart.title}",
                "query": chart.query,
                "command": "",
                "link": "",
                "columns": ["series", "value"],
                "rows": [[_labelled(labels), f"{value:.6g}"] for labels, value in series[:most]],
                "matched": len(series),
                "cut": max(len(series) - most, 0),
                "said": said,
            }
        )
    return rows


def _labelled(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "all"


def kept(case: Case, first: Iterable[str], most: int) -> tuple[pl.DataFrame | None, str]:
    """As many samples as a case may hold: whole series, those of the services that are named first before others."""
    frame = case.metrics
    if frame is None or frame.height <= most:
        return frame, ""
    order = {name: place for place, name in enumerate(first)}
    sizes = frame.group_by("service", "metric").agg(pl.len().alias("samples"))
    ranked = sizes.with_columns(
        pl.col("service").replace_strict(order, default=len(order), return_dtype=pl.Int64).alias("rank")
    ).sort("rank", "service", "metric")
    chosen = ranked.filter(pl.col("samples").cum_sum() <= most).select("service", "metric")
    part = frame.join(chosen, on=["service", "metric"], how="semi", maintain_order="left")
    return part, f"metrics.csv holds {chosen.height:,} of {sizes.height:,} series, those of the suspects first"


def whole_traces(case: Case, most: int) -> tuple[pl.DataFrame | None, str]:
    """As many spans as a case may hold, whole traces alone, evenly over all of them."""
    spans = case.spans
    if spans is None or spans.height <= most:
        return spans, ""
    part = spans.filter(pl.col("trace_id").hash(1) % -(-spans.height // most) == 0)
    return part, f"spans.ndjson holds {part.height:,} of {spans.height:,} spans, whole traces"
