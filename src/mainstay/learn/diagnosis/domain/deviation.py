"""How far each series went astray in the direction of harm, by robust statistics that know its tail. Pure.

A series that often peaks has not gone astray when it peaks again. So its spread is measured where it is widest: the
deviation of its quantiles from the median, each in units of the standard normal's, and the interquartile range (robust
location and scale, Rousseeuw and Croux 1993, with the upper and lower tail apart). What counts is the level that most
of the problem's samples reach, not their peak, and only as far as they are beyond what was normal: it has to persist.
"""

from collections.abc import Collection
from typing import Final

import polars as pl

from mainstay.change.releases.judge.kinds import Kind, read
from mainstay.learn.diagnosis.domain.case import Window

# Quantiles that measure a tail, with their place in the standard normal distribution.
_TAIL: Final = ((0.75, 0.6745), (0.95, 1.6449), (0.99, 2.3263))
# A spread is never less than this part of the level: what is flat does not go astray by a hair.
_LEAST: Final = 0.02
# What was astray before counts so much at least.
_OLD: Final = 0.15
# A series needs so many normal samples to say what is normal.
_ENOUGH: Final = 5
# Of a level beyond this many spreads it matters no longer how far.
MOST: Final = 50.0
# A series is clearly astray from so many spreads on.
_CLEAR: Final = 3.0
# The onset is looked for from so much of the normal window before the problem on.
_NOTICED_AFTER: Final = 0.05
# What is greater than this is a moment in seconds since 1970, where its name says that it is one.
_MOMENT: Final = 1e9
# The halves of the normal time differ by a drift if their medians lie so many interquartile ranges apart.
_DRIFTS: Final = 1.2
# What is counted in whole things, and reaches so many, varies by half the root of it as a matter of course.
_COUNTED: Final = 5
# What a series that has stopped, or whose normal level was nothing at all, is taken to be.
_GONE: Final = 6.0
# So steadily is a series there that can stop: this share of the samples of the steadiest one of its name.
_STEADY: Final = 0.9

SCHEMA: Final = {
    "service": pl.String,
    "metric": pl.String,
    "kind": pl.String,
    "was": pl.Float64,
    "now": pl.Float64,
    "far": pl.Float64,
    "persists": pl.Float64,
    "gaps": pl.Float64,
}


def deviations(metrics: pl.DataFrame, normal: Window, problem: Window, noticed: pl.Expr | None = None) -> pl.DataFrame:
    """One row a series, ``SCHEMA``: its levels, how many spreads it is astray (``far``, harm is positive), and for
    which share of the problem's samples it is beyond what was normal (``persists``), and which share of the samples
    that others of its name have is missing (``gaps``), if it was not missing before.

    What was as far astray between the two windows already has not begun with the problem, and counts less. What
    drifted in the normal time is expected to have drifted on, but for the series that were ``noticed``: what crept up
    until somebody noticed is what ails.
    """
    metrics = _from_moments(metrics)
    between = Window(normal.end, problem.start)
    noticed = pl.lit(False) if noticed is None else noticed
    now = _astray(metrics, normal, problem, noticed)
    if between.of(metrics).is_empty():
        return now
    then = _astray(metrics, normal, between, noticed).select(
        "service", "metric", (pl.col("far") * pl.col("persists")).alias("already")
    )
    both = now.join(then, on=["service", "metric"], how="left")
    fresh = (1 - pl.col("already").fill_null(0.0) / pl.max_horizontal("far", pl.lit(1.0))).clip(_OLD, 1.0)
    return both.with_columns((pl.col("far") * fresh).alias("far")).select(SCHEMA.keys())


def _from_moments(metrics: pl.DataFrame) -> pl.DataFrame:
    """The same, with seconds left or passed in place of moments: 1.8 billion seconds since 1970 tell of no harm."""
    kinds = [(name, read(name)) for name in metrics["metric"].unique().to_list()]
    left = [name for name, one in kinds if one.moment and one.harm < 0]
    passed = [name for name, one in kinds if one.moment and one.harm > 0]
    if not left and not passed:
        return metrics
    value, is_moment = pl.col("value"), pl.col("value") > _MOMENT
    return metrics.with_columns(
        pl.when(is_moment & pl.col("metric").is_in(left))
        .then(value - pl.col("time"))
        .when(is_moment & pl.col("metric").is_in(passed))
        .then(pl.col("time") - value)
        .otherwise(value)
        .alias("value")
    )


def _astray(metrics: pl.DataFrame, normal: Window, problem: Window, noticed: pl.Expr) -> pl.DataFrame:
    names = metrics.select("metric").unique().to_series().to_list()
    kinds = [read(one) for one in names]
    known = pl.DataFrame(
        {"metric": names, "kind": [str(one.kind) for one in kinds], "harm": [one.harm for one in kinds]},
        schema={"metric": pl.String, "kind": pl.String, "harm": pl.Int64},
    )
    keys = ["service", "metric"]
    is_early = pl.col("time") < normal.start + normal.seconds / 2
    halves = {"early": pl.col("value").filter(is_early), "late": pl.col("value").filter(~is_early)}
    was = (
        normal.of(metrics)
        .group_by(keys)
        .agg(
            pl.len().alias("count"),
            pl.col("value").median().alias("was"),
            *(half.median().alias(name) for name, half in halves.items()),
            pl.max_horizontal(*(half.quantile(0.75) - half.quantile(0.25) for half in halves.values())).alias("within"),
            (pl.col("value") == pl.col("value").floor()).all().alias("whole"),
            *(pl.col("value").quantile(q, "linear").alias(f"up{q}") for q, _ in _TAIL),
            *(pl.col("value").quantile(1 - q, "linear").alias(f"down{q}") for q, _ in _TAIL),
            pl.col("value").max().alias("most"),
            pl.col("value").min().alias("least"),
            pl.col("value").abs().max().alias("size"),
        )
    )
    joined = problem.of(metrics).join(was, on=keys, how="left")
    now = joined.group_by(keys).agg(
        pl.col("value").median().alias("now"),
        pl.col("value").quantile(0.7, "linear").alias("high"),
        pl.col("value").quantile(0.3, "linear").alias("low"),
        (pl.col("value") > pl.col(f"up{_TAIL[-1][0]}")).mean().alias("above"),
        (pl.col("value") < pl.col(f"down{_TAIL[-1][0]}")).mean().alias("below"),
        pl.len().alias("there"),
    )
    every = was.join(now, on=keys, how="full", coalesce=True).join(known, on="metric")
    # From the middle of one window to that of the other, in halves of the normal time.
    later = (problem.start + problem.end - normal.start - normal.end) / normal.seconds
    moved = pl.col("late") - pl.col("early")
    drifts = (moved.abs() > _DRIFTS * pl.col("within")) & ~noticed
    drift = pl.when(drifts).then(moved * later).otherwise(0.0).fill_null(0.0)
    return _judged(every.with_columns(drift.alias("drift"))).select(SCHEMA.keys())


def _judged(every: pl.DataFrame) -> pl.DataFrame:
    counted = pl.when(pl.col("whole") & (pl.col("size") >= _COUNTED)).then(pl.col("size").sqrt() / 2).otherwise(0.0)
    floor = pl.max_horizontal(_LEAST * pl.col("was").abs(), 1e-3 * pl.col("size"), counted, pl.lit(1e-9))
    iqr = (pl.col("up0.75") - pl.col("down0.75")) / 1.349
    up = pl.max_horizontal(*((pl.col(f"up{q}") - pl.col("was")) / z for q, z in _TAIL), iqr, floor, "drift")
    down = pl.max_horizontal(
        *((pl.col("was") - pl.col(f"down{q}")) / z for q, z in _TAIL), iqr, floor, -pl.col("drift")
    )
    rises = (pl.col("high") - pl.col("was")) / up
    falls = (pl.col("was") - pl.col("low")) / down
    # Harm in either direction counts for what says nothing of harm, such as traffic.
    upwards = pl.col("harm") > 0
    downwards = pl.col("harm") < 0
    astray = pl.when(upwards).then(rises).when(downwards).then(falls).otherwise(pl.max_horizontal(rises, falls))
    lasting = (
        pl.when(upwards)
        .then(pl.col("above"))
        .when(downwards)
        .then(pl.col("below"))
        .otherwise(pl.max_horizontal("above", "below"))
    )
    is_new = pl.col("was").is_null()
    # What was rarely there has not stopped when it is not there.
    share = pl.col("count") / pl.col("count").max().over("metric")
    there = pl.col("there").fill_null(0) / pl.col("there").max().over("metric")
    is_gone = pl.col("now").is_null() & (pl.col("count") >= _ENOUGH) & (share >= _STEADY)
    # The less of a series there is, the less it is known what is normal.
    covered = share.sqrt()
    is_error = pl.col("kind") == str(Kind.ERRORS)
    return every.with_columns(
        pl.when(is_gone)
        .then(_GONE)
        .when(is_new)
        .then(pl.when(is_error & (pl.col("now") > 0)).then(_GONE).otherwise(0.0))
        .when(pl.col("count") < _ENOUGH)
        .then(0.0)
        .otherwise(astray.clip(0.0, MOST) * covered)
        .fill_null(0.0)
        .alias("far"),
        pl.when(is_gone | is_new).then(1.0).otherwise(lasting).fill_null(0.0).alias("persists"),
        (1 - there / share).clip(0.0, 1.0).fill_null(0.0).alias("gaps"),
    )


def onset(
    metrics: pl.DataFrame, found: pl.DataFrame, normal: Window, problem: Window, services: Collection[str]
) -> float | None:
    """When the series of these services that went furthest astray left what was normal, or nothing if none clearly did.

    The first of two samples in a row beyond the normal quantile, of each series; the median of the earliest three.
    """
    clear = found.filter(pl.col("service").is_in(list(services)) & (pl.col("far") >= _CLEAR) & (pl.col("persists") > 0))
    if clear.is_empty():
        return None
    metrics = _from_moments(metrics)
    keys = ["service", "metric"]
    high, low = _TAIL[-1][0], 1 - _TAIL[-1][0]
    usual = normal.of(metrics).join(clear.select(keys), on=keys, how="semi").group_by(keys)
    limits = usual.agg(
        pl.col("value").quantile(high, "linear").alias("high"), pl.col("value").quantile(low, "linear").alias("low")
    )
    # A problem is often noticed a while after it began.
    since = Window(problem.start - normal.seconds * _NOTICED_AFTER, problem.end)
    near = since.of(metrics).join(limits, on=keys, how="inner").sort("time")
    beyond = (pl.col("value") > pl.col("high") * (1 + _LEAST)) | (pl.col("value") < pl.col("low") * (1 - _LEAST))
    marked = near.with_columns(beyond.alias("beyond"))
    twice = pl.col("beyond") & pl.col("beyond").shift(-1).over(keys).fill_null(value=True)
    times = sorted(marked.filter(twice).group_by(keys).agg(pl.col("time").min())["time"].to_list())[:3]
    return float(times[len(times) // 2]) if times else None
