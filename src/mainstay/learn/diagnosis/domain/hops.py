"""Where the time of calls goes, and which fail, from spans. Pure.

A span's own time is what none of its children covers, as far as children do not overlap. A slow hop is blamed on the
operation whose own time rose; the caller's own time has not risen while it waits.
"""

from collections.abc import Collection
from dataclasses import replace
from math import log1p
from typing import Final

import polars as pl

from mainstay.learn.diagnosis.domain.case import Window
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign
from mainstay.learn.diagnosis.domain.voices import mentioned

# So many spans of an operation are needed in each window, and so many times as long in the middle to be slow.
_ENOUGH: Final = 3
_TIMES: Final = 1.5
# Own time below this many seconds matters to nobody.
_LEAST: Final = 0.005


def signs(
    spans: pl.DataFrame, normal: Window, problem: Window, services: Collection[str] = ()
) -> dict[str, list[Sign]]:
    """The signs that spans give, by service. ``services`` are those that the operation of a call may name."""
    own = own_times(spans)
    keys = ["service", "operation"]
    before = normal.of(own, "start").group_by(keys).agg(pl.len().alias("b"), pl.col("own").quantile(0.9).alias("was"))
    during = (
        problem.of(own, "start")
        .group_by(keys)
        .agg(pl.len().alias("d"), pl.col("own").quantile(0.5).alias("mid"), pl.col("own").quantile(0.9).alias("now"))
    )
    every = during.join(before, on=keys, how="left").filter(pl.col("d") >= _ENOUGH)
    found: dict[str, list[Sign]] = {}
    for row in every.iter_rows(named=True):
        was = row["was"] if row["b"] and row["b"] >= _ENOUGH else None
        rise = row["now"] - (was or 0.0)
        if rise < _LEAST or (was is not None and row["now"] < _TIMES * was) or (was is None and row["mid"] < 1.0):
            continue
        weight = log1p(row["now"] / max(was or _LEAST, _LEAST)) if was is not None else 0.8
        before_text = f"{was:.3g} s" if was is not None else "not known"
        text = f"{row['operation']} takes {row['now']:.3g} s of its own (9 of 10 calls), before {before_text}"
        query = f'service:{row["service"]} operation:"{row["operation"]}"'
        sign = Sign(Group.SLOW, min(weight, 4.0), text, "spans", query, was, row["now"], f"own {row['operation']}")
        called = frozenset(mentioned(row["operation"], services) - {row["service"]})
        found.setdefault(row["service"], []).append(replace(sign, about=called))
    return {service: _waits(each) for service, each in found.items()}


def _waits(signs: list[Sign]) -> list[Sign]:
    """The same, where calls of one other are slow: it is waited for. Where those of several are, it is the caller's."""
    called = {one for sign in signs for one in sign.about}
    if len(called) == 1:
        return signs
    return [replace(sign, about=frozenset()) for sign in signs]


def own_times(spans: pl.DataFrame) -> pl.DataFrame:
    """The spans with ``own``, the seconds that no child covers; children that overlap each other count once at most."""
    children = (
        spans.filter(pl.col("parent_id").is_not_null() & (pl.col("parent_id") != ""))
        .group_by("trace_id", pl.col("parent_id").alias("span_id"))
        .agg(
            (pl.col("end") - pl.col("start")).sum().alias("sum"),
            (pl.col("end").max() - pl.col("start").min()).alias("extent"),
        )
        .with_columns(pl.min_horizontal("sum", "extent").alias("covered"))
    )
    joined = spans.join(children, on=["trace_id", "span_id"], how="left")
    length = pl.col("end") - pl.col("start")
    return joined.with_columns((length - pl.col("covered").fill_null(0.0)).clip(0.0, None).alias("own"))


def calls_of(spans: pl.DataFrame) -> list[tuple[str, str]]:
    """Which service calls which, as the spans show."""
    parents = spans.select("trace_id", pl.col("span_id").alias("parent_id"), pl.col("service").alias("caller"))
    both = spans.join(parents, on=["trace_id", "parent_id"], how="inner").filter(pl.col("caller") != pl.col("service"))
    return sorted(set(both.select("caller", "service").unique().iter_rows()))
