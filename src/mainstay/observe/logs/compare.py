"""What changed between two windows of a log: patterns that are new, gone, more or fewer, and values that moved.

A count is held against what the other window leads one to expect for as much time. Traffic swings by itself, so that
the scatter that is allowed grows with the count (a negative binomial with a coefficient of variation of ``SWING``), and
ten times as many of something rare weighs more than a tenth more of something common. Everything is a column.
"""

import re
from dataclasses import dataclass

import polars as pl

from mainstay.observe.logs.patterns.templates import VARIABLE

SWING = 0.35
LEVEL_WEIGHT = {"fatal": 3.0, "error": 2.6, "warning": 1.6, "": 1.1, "info": 1.0, "debug": 0.6, "trace": 0.5}
KIND_WEIGHT = {"new": 1.5, "more": 1.0, "gone": 0.8, "fewer": 0.6}
# Below this a difference is what chance gives. What is seen once in a long while is told even so, after the rest.
LEAST, RARE_BEFORE, RARE_EXPECTED = 2.0, 2, 0.5
# A value moved when its middle is this many times what it was, or when this share of it is something else.
# A number moved only when besides so many of its values lie beyond where nine of ten lay before.
MOVED_RATIO, MOVED_SHARE, MOVED_BEYOND = 1.5, 0.3, 0.4
LEAST_VALUES = 5
COUNTS = pl.Schema({"pattern": pl.UInt64, "service": pl.String, "level": pl.String, "lines": pl.UInt64})


@dataclass(frozen=True)
class Moved:
    """One variable part of a pattern whose values are not what they were. ``share`` is of values not seen before."""

    place: int
    before: str
    during: str
    ratio: float
    share: float

    @property
    def score(self) -> float:
        """How much it moved: 1 is just enough."""
        by_ratio = abs(self.ratio - 1) if self.ratio < 1 else self.ratio / MOVED_RATIO
        return max(min(by_ratio, 10.0), self.share / MOVED_SHARE if self.share >= MOVED_SHARE else 0.0)


def compare(before: pl.DataFrame, during: pl.DataFrame, seconds_before: float, seconds_during: float) -> pl.DataFrame:
    """Differences, the most telling first.

    Both frames have the columns ``COUNTS``, one row for each pattern, service and level. Back come ``pattern``,
    ``service``, ``level``, ``kind`` (new, gone, more, fewer), ``before`` and ``during`` (lines), ``expected`` (lines
    in the second window) and ``score``.
    """
    if seconds_before <= 0 or seconds_during <= 0:
        raise ValueError("a window must have a length")
    keys = ["pattern", "service", "level"]
    both = before.rename({"lines": "before"}).join(
        during.rename({"lines": "during"}), on=keys, how="full", coalesce=True, nulls_equal=True
    )
    share = seconds_during / seconds_before
    expected = pl.col("before") * share
    # Nothing in the window before does not mean that nothing was to be expected.
    scatter = (expected + (SWING * expected).pow(2) + 0.5 * max(share, 1.0)).sqrt()
    kind = (
        pl.when(pl.col("before") == 0)
        .then(pl.lit("new"))
        .when(pl.col("during") == 0)
        .then(pl.lit("gone"))
        .when(pl.col("during") > pl.col("expected"))
        .then(pl.lit("more"))
        .otherwise(pl.lit("fewer"))
    )
    return (
        both.with_columns(pl.col("before", "during").fill_null(0).cast(pl.Float64))
        .with_columns(expected=expected, strength=(pl.col("during") - expected).abs() / scatter)
        .filter(
            (pl.col("strength") >= LEAST)
            | ((pl.col("during") > 0) & (pl.col("before") <= RARE_BEFORE) & (pl.col("expected") < RARE_EXPECTED))
        )
        .with_columns(kind=kind)
        .with_columns(
            score=pl.col("strength").log1p()
            * pl.col("level").replace_strict(LEVEL_WEIGHT, default=1.0)
            * pl.col("kind").replace_strict(KIND_WEIGHT, default=1.0)
        )
        .sort("score", "during", descending=True)
        .select(*keys, "kind", "before", "during", "expected", "score")
    )


def slots_expression(template: str) -> str:
    """A regular expression for the first lines of a pattern, with a group for each variable part."""
    parts = [re.escape(part).replace(r"\ ", r"\s+") for part in template.split(VARIABLE)]
    return r"\A\s*" + "(.*?)".join(parts) + r"\s*(?:\n|\z)"


def moved(before: pl.Series, during: pl.Series, template: str) -> tuple[Moved, ...]:
    """The variable parts of a pattern whose values moved between two samples of its lines, the furthest first."""
    if VARIABLE not in template or before.len() < LEAST_VALUES or during.len() < LEAST_VALUES:
        return ()
    expression = slots_expression(template)
    was, now = (texts.str.extract_groups(expression).struct.unnest() for texts in (before, during))
    found = [one for place, name in enumerate(was.columns) if (one := _moved_at(place, was[name], now[name]))]
    return tuple(sorted(found, key=lambda one: -one.score))


def _moved_at(place: int, was: pl.Series, now: pl.Series) -> Moved | None:
    was, now = was.drop_nulls(), now.drop_nulls()
    if was.len() < LEAST_VALUES or now.len() < LEAST_VALUES:
        return None
    numbers = [_numbers(values) for values in (was, now)]
    if all(one is not None for one in numbers):
        middle = [float(str(one.median())) for one in numbers if one is not None]
        if was.n_unique() * 2 > was.len() and _runs(was) and _runs(now):
            return None  # A running number moves by itself.
        ratio = middle[1] / middle[0] if middle[0] else (1.0 if not middle[1] else 100.0)
        if (
            1 / MOVED_RATIO < ratio < MOVED_RATIO
            or _beyond(*(one for one in numbers if one is not None)) < MOVED_BEYOND
        ):
            return None
        return Moved(place, f"{middle[0]:g}", f"{middle[1]:g}", ratio, 0.0)
    if was.n_unique() * 2 > was.len():
        return None  # Names that are new each time, such as order numbers.
    fresh = float(str((~now.is_in(was.unique().implode())).mean() or 0.0))
    found = Moved(place, _usual(was), _usual(now), 1.0, fresh)
    return found if fresh >= MOVED_SHARE or _usual(was) != _usual(now) else None


def _beyond(was: pl.Series, now: pl.Series) -> float:
    """The share of values that lie above, or below, nine of ten values before."""
    low, high = was.quantile(0.1), was.quantile(0.9)
    return max(float(str((now > high).mean() or 0.0)), float(str((now < low).mean() or 0.0)))


def _numbers(values: pl.Series) -> pl.Series | None:
    found = values.str.extract(r"\A<?\s*(-?[0-9]+(?:\.[0-9]+)?)\s?[A-Za-zµ%]{0,8}\z").cast(pl.Float64, strict=False)
    return found if found.null_count() * 10 <= found.len() else None


def _runs(values: pl.Series) -> bool:
    numbers = _numbers(values)
    if numbers is None:
        return False
    steps = numbers.drop_nulls().diff().drop_nulls()
    one_way = max(int((steps >= 0).sum()), int((steps <= 0).sum()))
    return steps.len() > 0 and one_way >= 0.9 * steps.len()


def _usual(values: pl.Series) -> str:
    return str(values.mode().sort()[0])


def counts_of(patterns: pl.Series, services: pl.Series, levels: pl.Series) -> pl.DataFrame:
    """Lines as counts (``COUNTS``)."""
    frame = pl.DataFrame({"pattern": patterns, "service": services, "level": levels})
    counted = frame.group_by("pattern", "service", "level").agg(pl.len().alias("lines"))
    return counted.cast(COUNTS)
