"""Who is no longer reached, while those that call it fail. Pure.

What has died tells nothing of itself: its errors are its callers', and its own figures fall or stop. So a service whose
requests fell while a caller of it is asked as much as before, and fails, is itself suspected. Where a caller reaches
none of those that it calls, it fails before it calls them, and they are hardly to blame.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import polars as pl

from mainstay.change.releases.judge.kinds import Kind
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign

# Silent is who gets less than this part of the requests that its caller's lead one to expect.
_LESS: Final = 0.25
# Requests have fallen or risen only where they are so many spreads astray; else they are taken to be what they were.
_CLEAR: Final = 3.0
_WEIGHT: Final = 3.0
# Who is not there for so much of the time, by so many series of its machine, has been dead in it.
_GAPS: Final = 0.25
_MACHINE: Final = 2
_ALL_OF_THEM: Final = 0.3


def signs(
    deviations: pl.DataFrame, calls: Sequence[tuple[str, str]], failing: Collection[str]
) -> Mapping[str, list[Sign]]:
    """A sign for each service that is hardly reached any more by a caller that is ``failing``."""
    asked = _requests(deviations)
    callees: dict[str, list[str]] = {}
    for caller, callee in sorted(set(calls)):
        if caller in asked and callee in asked and caller != callee:
            callees.setdefault(caller, []).append(callee)
    found: dict[str, list[Sign]] = {}
    for caller in sorted(failing):
        reached = {one: _left(asked[one], asked[caller]) for one in callees.get(caller, ())}
        silent = {one: left for one, left in reached.items() if left < _LESS}
        alone = len(silent) < len(reached) or len(reached) == 1
        for one, left in silent.items():
            name, was, now = asked[one]
            text = f"{name} {was:.4g} → {now:.4g}, while {caller}, which calls it, is asked as before and fails"
            weight = _WEIGHT * (1 - left) * (1.0 if alone else _ALL_OF_THEM)
            query = f'{name}{{service="{one}"}}'
            found.setdefault(one, []).append(Sign(Group.FAILING, weight, text, "metrics", query, was, now, name))
    return {one: [max(each, key=lambda sign: sign.weight)] for one, each in found.items()}


def dead(deviations: pl.DataFrame) -> Mapping[str, list[Sign]]:
    """A sign for each service that tells nothing of its processor and memory for a while, while others tell of theirs.

    Who crashes again and again does so in the pauses, in which nothing else of it need look ill.
    """
    local = deviations.filter(pl.col("kind").is_in([str(Kind.CPU), str(Kind.MEMORY)]) & pl.col("was").is_not_null())
    gaps = local.group_by("service").agg(pl.len().alias("all"), pl.col("gaps").min())
    found = {}
    for row in gaps.filter((pl.col("gaps") >= _GAPS) & (pl.col("all") >= _MACHINE)).iter_rows(named=True):
        part = f"for {row['gaps']:.0%} of the time" if row["gaps"] < 1 else "any more"
        text = f"tells nothing of its processor and memory {part}, as others do"
        query = f'{{service="{row["service"]}"}}'
        found[row["service"]] = [Sign(Group.FAILING, _WEIGHT, text, "metrics", query, local=True)]
    return found


def _requests(deviations: pl.DataFrame) -> dict[str, tuple[str, float, float]]:
    """Service -> the busiest of its counts of requests, before and now; one that has stopped is 0 now."""
    rows = deviations.filter((pl.col("kind") == str(Kind.TRAFFIC)) & (pl.col("was") > 0)).sort("was")
    # Who is asked now and then is not silent between.
    clear = (pl.col("far") * pl.col("persists")) >= _CLEAR
    steady = rows.with_columns(pl.when(clear).then(pl.col("now").fill_null(0.0)).otherwise(pl.col("was")).alias("now"))
    return {one["service"]: (one["metric"], one["was"], one["now"]) for one in steady.iter_rows(named=True)}


def _left(callee: tuple[str, float, float], caller: tuple[str, float, float]) -> float:
    """Which part of the requests still comes that the caller's own would let one expect."""
    return (callee[2] / callee[1]) / max(caller[2] / caller[1], 1e-9)
