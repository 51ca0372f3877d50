"""Which templates that somebody keeps were written by a service in some time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from mainstay.core.access import Actor, Right, require
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.patterns import covering
from mainstay.observe.telemetry import services as telemetry

_WHERE = (
    "service IN {services:Array(String)} AND time >= {start:DateTime64(6)} AND time < {end:DateTime64(6)} "
    "AND pattern != 0"
)


def seen_of(
    actor: Actor, services: Sequence[str], start: datetime, end: datetime, wanted: Iterable[str]
) -> dict[str, str]:
    """Of some templates (text, or the number of a pattern) those that lines fit, with how they read there.

    What says more than a pattern does, such as a value where the pattern has a gap, is looked for in its lines.
    Raises ``TelemetryError``.
    """
    require(actor, Right.READ)
    params: dict[str, Any] = {
        "services": list(services),
        "start": start.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "end": end.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    rows = telemetry.rows(f"SELECT DISTINCT pattern FROM log_lines WHERE {_WHERE}", params)
    patterns = list(Pattern.objects.filter(pk__in=[row[0] for row in rows]).select_related("merged_into"))
    elders = [(pattern.pk, pattern.elder()) for pattern in patterns]
    numbers = {elder.pk: elder.template for _, elder in elders} | {pk: elder.template for pk, elder in elders}
    found: dict[str, str] = {}
    deeper: dict[str, list[int]] = {}
    for kept in set(wanted):
        if kept.isdigit():
            found |= {kept: numbers[int(kept)]} if int(kept) in numbers else {}
            continue
        template = next((elder.template for _, elder in elders if covering.is_in(kept, elder.template)), None)
        if template is not None:
            found[kept] = template
        elif some := [pk for pk, elder in elders if covering.may_be_in_lines(kept, elder.template)]:
            deeper[kept] = some
    return found | _in_lines(deeper, params)


def _in_lines(deeper: dict[str, list[int]], params: dict[str, Any]) -> dict[str, str]:
    """Those that stand in lines of the patterns that may have them."""
    if not deeper:
        return {}
    kept = list(deeper)
    likes = {f"like{place}": covering.as_like(one) for place, one in enumerate(kept)}
    counts = ", ".join(f"countIf(body LIKE {{{name}:String}})" for name in likes)
    numbers = sorted({number for some in deeper.values() for number in some})
    rows = telemetry.rows(
        f"SELECT {counts} FROM log_lines WHERE {_WHERE} AND pattern IN {{numbers:Array(UInt64)}}",
        {**params, **likes, "numbers": numbers},
    )
    return {one: one for one, lines in zip(kept, rows[0], strict=True) if lines}
