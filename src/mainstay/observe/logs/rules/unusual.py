"""Which groups have an unusual number of lines now: a robust z-score by median and MAD.

A count is held against the same hour of the days before and against the last hours, and must be unusual by both where
both are known: a nightly job is usual for its hour, and a new level that has lasted for hours is the new usual. The
scatter is never taken for less than what counting by chance gives. Everything is a column.
"""

from collections.abc import Sequence

import polars as pl

from mainstay.observe.logs.rules.counting import AROUND, DAY, HOURS_BACK

# The median absolute deviation times this estimates the standard deviation of a normal distribution.
MAD_TO_SIGMA = 1.4826
# Parts that a judgement needs at least.
LEAST_PARTS = 8


def parts_of(window: int, reach: int, days: int) -> pl.DataFrame:
    """The parts to compare with, as ``part`` and ``kind`` (hours, days), as far as counts reach back.

    The part before now is left out: what is unusual now has often begun in it.
    """
    most = min(reach, days * DAY + AROUND) // window
    parts = pl.DataFrame({"part": pl.int_range(2, max(most, 2), dtype=pl.Int64, eager=True)})
    age = pl.col("part") * window
    of_day = age % DAY
    near = (age >= DAY - AROUND) & ((of_day <= AROUND) | (of_day >= DAY - AROUND))
    kind = pl.when(age < HOURS_BACK).then(pl.lit("hours")).when(near).then(pl.lit("days"))
    return parts.with_columns(kind=kind).drop_nulls()


def scored(
    counts: pl.DataFrame, fields: Sequence[str], window: int, reach: int, days: int, at_least: float
) -> pl.DataFrame:
    """For each group its ``lines`` now, what is ``usual``, and the ``score``: scatters away, negative for fewer.

    ``counts`` are those of ``counting.history``. Groups that cannot be judged are left out: too little is known yet, or
    fewer than ``at_least`` lines lie between the count and the usual.
    """
    groups = counts.select(fields).unique() if fields else pl.DataFrame({"group": [0]})
    names = list(fields) or ["group"]
    keyed = counts if fields else counts.with_columns(group=pl.lit(0, dtype=pl.Int64))
    now = groups.join(keyed.filter(pl.col("part") == 0), on=names, how="left").with_columns(
        pl.col("lines").fill_null(0)
    )
    # A part in which a group has no line counts as 0.
    grid = groups.join(parts_of(window, reach, days), how="cross").join(keyed, on=[*names, "part"], how="left")
    lines, middle = pl.col("lines").fill_null(0), pl.col("usual")
    usual = (
        grid.with_columns(lines)
        .with_columns(usual=pl.col("lines").median().over([*names, "kind"]))
        .group_by([*names, "kind"])
        .agg(middle.first(), mad=(pl.col("lines") - middle).abs().median(), parts=pl.len())
        .filter(pl.col("parts") >= LEAST_PARTS)
    )
    scatter = pl.max_horizontal(MAD_TO_SIGMA * pl.col("mad"), (middle + 1).sqrt())
    away = pl.col("lines") - middle
    both = now.select(*names, "lines").join(usual, on=names).with_columns(away=away, score=away / scatter)
    agreed = (pl.col("score").min() > 0) | (pl.col("score").max() < 0)
    nearest = pl.col("score").abs().arg_min()
    return (
        both.group_by(names)
        .agg(
            pl.col("lines").first(),
            middle.get(nearest),
            pl.col("score").get(nearest),
            agreed=agreed,
            away=pl.col("away").abs().min(),
        )
        .filter(pl.col("agreed") & (pl.col("away") >= at_least))
        .select(*fields, "lines", "usual", "score")
    )
