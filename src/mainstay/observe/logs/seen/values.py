"""What stands in the variable parts of a pattern: the most frequent values, and how numbers lie."""

from dataclasses import dataclass
from typing import Any

from mainstay.core.access import Actor, Right, require
from mainstay.observe.logs.compare import slots_expression
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.patterns.templates import VARIABLE
from mainstay.observe.logs.search.asking import IN_RANGE, Meter
from mainstay.observe.logs.search.times import Range
from mainstay.observe.logs.seen.services import sample_size

TOP = 8
# A number with at most a unit behind it.
_NUMBER = r"\\A<?\\s*(-?[0-9]+(?:\\.[0-9]+)?)\\s?[A-Za-zµ%]{0,8}\\z"


@dataclass(frozen=True)
class Slot:
    """One variable part, the first has the number 1. ``quantiles`` are p50, p90 and p99 where the values are numbers.

    ``values`` are the most frequent with how often each was seen, of ``different`` in ``lines`` lines.
    """

    number: int
    lines: int
    different: int
    values: tuple[tuple[str, int], ...]
    quantiles: tuple[float, float, float] | None


@dataclass(frozen=True)
class Slots:
    """The variable parts of a pattern, from its newest ``lines`` lines in a range; ``cut`` says that it has more."""

    slots: tuple[Slot, ...]
    lines: int
    cut: bool


def slots_of(actor: Actor, pattern: Pattern, within: Range) -> Slots:
    """The values of a pattern in a bounded sample, taken apart by the engine in one statement."""
    require(actor, Right.READ)
    count = pattern.template.count(VARIABLE)
    if not count:
        return Slots((), 0, cut=False)
    start, end = within.micros
    size = sample_size()
    rows = (
        Meter()
        .ask(
            "WITH newest AS (SELECT extractGroups(body, {slots:String}) AS found FROM log_lines "
            f"WHERE {IN_RANGE} AND pattern IN {{family:Array(UInt64)}} ORDER BY time DESC LIMIT {{size:UInt32}}) "
            "SELECT place, count() AS lines, uniqExact(value), arraySlice(arrayReverseSort(one -> (one.2, one.1), "
            "arrayZip((sumMap([value], [toUInt64(1)]) AS counts).1, counts.2)), 1, {top:UInt8}), "
            "count(number), quantiles(0.5, 0.9, 0.99)(number), (SELECT count() FROM newest) "
            f"FROM (SELECT place, value, toFloat64OrNull(extract(value, '{_NUMBER}')) AS number "
            "FROM newest ARRAY JOIN found AS value, arrayEnumerate(found) AS place) GROUP BY place ORDER BY place",
            {
                "slots": slots_expression(pattern.template),
                "family": pattern.family(),
                "start": start,
                "end": end,
                "size": size,
                "top": TOP,
            },
        )
        .rows
    )
    lines = int(rows[0][-1]) if rows else 0
    return Slots(tuple(_slot(row) for row in rows), lines, cut=lines >= size)


def _slot(row: tuple[Any, ...]) -> Slot:
    place, lines, different, values, numbers, quantiles, _ = row
    # Where nearly every value is a number the few others, such as "unknown", do not hide how the numbers lie.
    is_number = int(numbers) * 10 >= int(lines) * 9
    # Beyond a thousand nobody reads the part behind the point.
    p50, p90, p99 = (float(round(one)) if abs(one) >= 1000 else float(one) for one in quantiles)
    middle = (p50, p90, p99) if is_number else None
    return Slot(int(place), int(lines), int(different), tuple((text, int(n)) for text, n in values), middle)
