"""What an objective's expressions say of each minute, in one query of the telemetry store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from mainstay.catalog.levels.budgets import MINUTE
from mainstay.catalog.levels.models import Objective
from mainstay.core.settings import current
from mainstay.observe.metrics import promql
from mainstay.observe.telemetry import services as telemetry


@dataclass(frozen=True)
class Minute:
    """The minute that ends at ``at``: events that went well, and all of them."""

    at: datetime
    good: float
    total: float


def expression(objective: Objective) -> str:
    """Everything that is asked, as one expression whose series say in a label what they are."""
    if objective.ratio:
        return objective.ratio
    part, expr = ("good", objective.good) if objective.good else ("bad", objective.bad)
    asked = ((part, expr), ("total", objective.total))
    return " or ".join(f'label_replace(sum({one}), "slo", "{name}", "", "")' for name, one in asked)


def minutes(objective: Objective, since: datetime, until: datetime) -> list[Minute]:
    """The minutes in (since, until] of which something is known.

    Rates hold for the minute before the moment at which they are taken, so that they add up to events. Where there are
    events and none is good, or none is bad, that series may be missing: it counts as 0. Without a total, or a ratio, a
    minute is not known. Raises ``PromQLError`` and ``TelemetryError``.
    """
    start, end = int(since.timestamp()) + MINUTE, int(until.timestamp())
    answer = promql.evaluate_range(
        telemetry.rows_with,
        expression(objective),
        start * 1000,
        end * 1000,
        MINUTE * 1000,
        lookback_ms=int(current().rule_lookback * 1000),
    )
    if objective.ratio and len(answer.series) > 1:
        raise promql.PromQLError(f"ratio gives {len(answer.series)} series; sum or average them into one")
    values = {"ratio" if objective.ratio else one.labels["slo"]: _known(one) for one in answer.series}
    count = (end - start) // MINUTE + 1
    nothing: Sequence[float | None] = [None] * count
    if objective.ratio:
        pairs = [(one, None if one is None else 1.0) for one in values.get("ratio", nothing)]
    else:
        totals, goods, bads = (values.get(name, nothing) for name in ("total", "good", "bad"))
        pairs = [
            ((good or 0.0) if objective.good else (total or 0.0) - (bad or 0.0), total)
            for total, good, bad in zip(totals, goods, bads, strict=True)
        ]
    return [
        _minute(start + place * MINUTE, good, total)
        for place, (good, total) in enumerate(pairs)
        if good is not None and total is not None
    ]


def _minute(at: int, good: float, total: float) -> Minute:
    """What cannot be, such as more good events than events, is brought back to what can."""
    total = max(total, 0.0)
    return Minute(datetime.fromtimestamp(at, UTC), min(max(good, 0.0), total) * MINUTE, total * MINUTE)


def _known(series: promql.Series) -> list[float | None]:
    good = series.present & np.isfinite(series.values)
    return [value if known else None for value, known in zip(series.values.tolist(), good.tolist(), strict=True)]
