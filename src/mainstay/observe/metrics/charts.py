"""What a chart of a rule shows: the values that it compares, and the threshold."""

from dataclasses import dataclass
from datetime import datetime

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
    parts = promql.split_comparison(rule.expr)
    expr, op, threshold = parts if parts else (rule.expr, "", None)
    start_ms, end_ms = int(start.timestamp() * 1000), int(end.timestamp() * 1000)
    step_ms = max((end_ms - start_ms) // max(points, 2), 1000)
    try:
        answer = promql.evaluate_range(
            telemetry.rows_with, expr, start_ms, end_ms, step_ms, lookback_ms=int(current().rule_lookback * 1000)
        )
    except (promql.PromQLError, telemetry.TelemetryError) as error:
        return Chart((), (), threshold, op, str(error))
    times = tuple(range(start_ms, end_ms + 1, step_ms))
    series = tuple((_name(one.labels), one.finite_values()) for one in answer.series[:MAX_SERIES])
    return Chart(times, series, threshold, op, "")


def _name(labels: dict[str, str]) -> str:
    own = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__")
    return own or labels.get("__name__", "value")
