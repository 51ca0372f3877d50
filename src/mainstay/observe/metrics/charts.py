"""What a chart of a rule shows: the values that it compares, and the threshold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from mainstay.core.access import Actor, Right, require
from mainstay.core.settings import current
from mainstay.observe.metrics import promql
from mainstay.observe.metrics.models import Rule
from mainstay.observe.telemetry import services as telemetry

MAX_SERIES = 12


@dataclass(frozen=True)
class Chart:
    """Times in ms since 1970 UTC (N), series as (name, N values or nothing), the threshold and how it is compared."""

    times_ms: tuple[int, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]
    threshold: float | None
    op: str
    error: str


def chart(actor: Actor, rule: Rule, start: datetime, end: datetime, points: int = 240) -> Chart:
    """The left side of a rule's comparison over time. An error becomes the chart's own, for the panel to show."""
    require(actor, Right.READ)
    if rule.log is not None:
        return Chart((), (), None, "", "This rule counts log lines; its alert leads to them on the log screen.")
    start_ms, end_ms = int(start.timestamp() * 1000), int(end.timestamp() * 1000)
    step_ms = max((end_ms - start_ms) // max(points, 2), 1000)
    expr, op, threshold = rule.expr, "", None
    try:
        parts = promql.split_threshold(rule.expr)
        if parts:
            expr, op, threshold = parts.expr, parts.operator, parts.value
        answer = promql.evaluate_range(
            telemetry.rows_with, expr, start_ms, end_ms, step_ms, lookback_ms=int(current().rule_lookback * 1000)
        )
    except (promql.PromQLError, telemetry.TelemetryError) as error:
        return Chart((), (), threshold, op, str(error))
    times = tuple(range(start_ms, end_ms + 1, step_ms))
    series = tuple((_name(one.labels), _finite(one)) for one in answer.series[:MAX_SERIES])
    return Chart(times, series, threshold, op, "")


def _finite(series: promql.Series) -> tuple[float | None, ...]:
    """Values that can be drawn: what is absent, NaN or infinite is a gap."""
    good = series.present & np.isfinite(series.values)
    return tuple(value if drawn else None for value, drawn in zip(series.values.tolist(), good.tolist(), strict=True))


def _name(labels: Mapping[str, str]) -> str:
    own = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__")
    return own or labels.get("__name__", "value")
