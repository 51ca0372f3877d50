"""The verdict on a release, from the samples of a window before it and one after it.

1. Samples are gathered into blocks of time, counters become rates, errors and outcomes shares of the traffic.
2. The first minutes after the release are left aside; what is bad only then has settled.
3. Each measure is compared over all instances and on each, by ranks, with the likeness of neighbours taken out, and the
   chance of an error is controlled over all comparisons together.
4. A shift counts when it is sure, large, beyond what the metric did by itself before, still there in the later half,
   not explained by the traffic, and not usual at this hour in earlier weeks.
5. What stopped reporting has failed. Where the data are too few, or a large shift is not sure, nothing is concluded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainstay.change.releases.judge import statistics as stats
from mainstay.change.releases.judge.blocks import Blocks, gather
from mainstay.change.releases.judge.kinds import Kind
from mainstay.change.releases.judge.measures import ALL, Measure, Measures, measure
from mainstay.change.releases.judge.reporting import silent
from mainstay.change.releases.judge.statistics import Floats
from mainstay.change.releases.judge.summary import overall
from mainstay.change.releases.judge.verdict import Finding, Judgement, Limits, Reason, Verdict

Flags = NDArray[np.bool_]
# For each kind: the least shift relative to before, the least delta, and how it goes with the traffic by nature: by
# which power of it. The powers are conservative; a shift that they explain is not called harm.
_LEAST: dict[Kind, tuple[float, float, float]] = {
    Kind.ERRORS: (0.5, 0.2, 1.0),
    Kind.LATENCY: (0.25, 0.6, 0.25),
    Kind.CPU: (0.3, 0.7, 1.0),
    Kind.MEMORY: (0.25, 0.8, 0.25),
    Kind.LOAD: (0.5, 0.7, 1.2),
    Kind.OUTCOME: (0.2, 0.6, 0.0),
    Kind.HEADROOM: (0.25, 0.8, 0.0),
}
# A shift of so many times the whole width of before needs no more independent values to be believed.
_FAR = 5.0


@dataclass(frozen=True)
class _Table:
    """All measures as matrices, harm upwards, with their least shifts."""

    before: Floats
    after: Floats
    warm: Floats
    late: Floats
    scale: Floats
    least: Floats
    delta: Floats
    explained: Floats
    errors: Flags


def judge(
    before: pl.DataFrame, after: pl.DataFrame, seasons: Sequence[pl.DataFrame] = (), limits: Limits | None = None
) -> Judgement:
    """The verdict. Frames have the columns time (seconds since 1970), service, instance, metric and value.

    ``seasons`` are windows of the same hour of the day in earlier weeks.
    """
    limits = limits or Limits()
    if not before.height or not after.height:
        return Judgement(Verdict.INCONCLUSIVE, "one of the windows is empty", 0.0, (), {})
    blocks = gather(before, after, seasons)
    measures = measure(blocks)
    findings = silent(blocks, measures)
    if measures.measures:
        findings += _compared(blocks, measures, limits)
    return overall(findings)


def _warm_blocks(blocks: Blocks, limits: Limits) -> int:
    span = blocks.after.ends - blocks.after.starts
    return int(np.ceil(min(limits.warm_up_seconds, limits.warm_up_share * span) / blocks.seconds))


def _table(measures: Measures, warm: int, limits: Limits) -> _Table:
    rows = measures.measures
    harm = np.array([one.metric.harm for one in rows], dtype=np.float64)
    before = np.stack([one.values[0] for one in rows]) * harm[:, None]
    after = np.stack([one.values[1] for one in rows]) * harm[:, None]
    settled = after[:, warm:] if after.shape[1] > warm else after[:, :0]
    counted = np.array([one.metric.kind in {Kind.ERRORS, Kind.OUTCOME} for one in rows])
    scale = np.maximum(np.abs(_typical(before, counted)), np.abs(stats.average(before)))
    share, delta, power = (np.array([_LEAST[one.metric.kind][n] for one in rows]) for n in range(3))
    ratio = np.array([_ratio(measures, one) for one in rows])
    per_request = np.array([one.per_request for one in rows])
    errors = np.array([one.metric.kind is Kind.ERRORS for one in rows])
    least = share * np.nan_to_num(scale)
    least = np.maximum(least, [_floor(one, limits) for one in rows])
    explained = np.where(per_request | (ratio <= 1), 1.0, np.maximum(ratio, 1e-9) ** power)
    return _Table(
        before, settled, after[:, :warm], settled[:, settled.shape[1] // 2 :], scale, least, delta, explained, errors
    )


def _floor(one: Measure, limits: Limits) -> float:
    """The least shift that anybody would notice, where the unit is known."""
    kind, base = one.metric.kind, one.metric.base.lower()
    if kind is Kind.ERRORS and one.per_request:
        return limits.callers_share if one.metric.theirs else limits.error_share
    if kind is Kind.LATENCY and base.endswith(("_seconds", "_seconds_sum")):
        return limits.least_latency
    return limits.least_latency * 1000 if kind is Kind.LATENCY and base.endswith(("_ms", "_milliseconds")) else 0.0


def _ratio(measures: Measures, one: Measure) -> float:
    """By how much the traffic grew, here or in the middle of all services, from which work comes too."""
    every = [found.ratio for (_, instance), found in measures.traffic.items() if instance == ALL]
    own = [
        measures.traffic[key].ratio
        for key in ((one.service, one.instance), (one.service, ALL))
        if key in measures.traffic
    ]
    candidates = [*own[:1], float(np.median(every)) if every else 1.0]
    return max((found for found in candidates if np.isfinite(found)), default=1.0)


def _typical(rows: Floats, counted: Flags) -> Floats:
    """The median, or the mean of what is counted, because most blocks of rare errors have none."""
    return np.where(counted, stats.average(rows), stats.middle(rows))


def _compared(blocks: Blocks, measures: Measures, limits: Limits) -> list[Finding]:
    rows = measures.measures
    table = _table(measures, _warm_blocks(blocks, limits), limits)
    counted = np.array([one.metric.kind in {Kind.ERRORS, Kind.OUTCOME} for one in rows])
    was = _typical(table.before, counted)
    now, lately = _typical(table.after, counted), _typical(table.late, counted)
    inflation = np.where(_far(table.before, lately - was), 1.0, _inflation(rows, table))
    whole = stats.compare(table.before, table.after, inflation)
    late = stats.compare(table.before, table.late, inflation)
    p = np.minimum(2 * np.minimum(whole.p, late.p), 1.0)
    by_counts = np.array([_by_counts(one, table.after.shape[1], limits) for one in rows])
    p = np.where(table.errors, np.minimum(p, by_counts), p)
    shift, late_shift = now - was, lately - was
    bar = np.maximum(table.least, np.where(table.errors, 0.0, stats.wander(table.before)))
    large = ((shift > bar) & (whole.delta >= table.delta)) | ((late_shift > bar) & (late.delta >= table.delta))
    large &= ~_was_there(rows, table.before, lately)
    lasting = (late_shift > 0.6 * bar) & (late.delta >= 0.6 * table.delta)
    adjusted = np.maximum(now, lately) / table.explained - was > table.least
    seasonal = _seasonal(measures, table, lately, counted)
    enough = _enough(blocks, table, limits)
    adjusted_p = stats.discoveries(np.where(enough, p, 1.0))
    sure = adjusted_p <= limits.false_discovery
    warm_shift = _typical(table.warm, counted) - was
    seen = _Seen(
        was,
        now,
        shift,
        whole.delta,
        late.delta,
        adjusted_p,
        large,
        lasting,
        adjusted,
        seasonal,
        enough,
        sure,
        warm_shift > bar,
    )
    return [_finding(one, seen, table, n, limits) for n, one in enumerate(rows)]


@dataclass(frozen=True)
class _Seen:
    """What was found of each measure, by row."""

    was: Floats
    now: Floats
    shift: Floats
    delta: Floats
    late_delta: Floats
    p: Floats
    large: Flags
    lasting: Flags
    adjusted: Flags
    seasonal: Flags
    enough: Flags
    sure: Flags
    warm: Flags


def _inflation(rows: Sequence[Measure], table: _Table) -> Floats:
    """Of each row, half its own and half the usual one of its metric, since one short row tells little."""
    own = stats.inflation(table.before)
    groups: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(rows):
        groups.setdefault((one.service, one.metric.name), []).append(number)
    usual = np.empty(len(rows))
    for places in groups.values():
        usual[places] = np.median(own[places])
    return (own + usual) / 2


def _was_there(rows: Sequence[Measure], before: Floats, lately: Floats) -> Flags:
    """Where a level that rises and falls by itself, such as memory or stock, is one that was reached before."""
    levels = np.array([one.metric.kind in {Kind.MEMORY, Kind.HEADROOM} for one in rows])
    highest = np.max(np.where(np.isfinite(before), before, -np.inf), axis=1)
    there: Flags = levels & (lately <= highest)
    return there


def _far(before: Floats, shift: Floats) -> Flags:
    """Where the shift is many times as large as all that was seen before: no walk of small steps comes there."""
    some = np.isfinite(before).any(axis=1)
    width = np.zeros(len(before))
    width[some] = np.nanmax(before[some], axis=1) - np.nanmin(before[some], axis=1)
    far: Flags = shift > _FAR * width
    return far


def _by_counts(one: Measure, settled: int, limits: Limits) -> float:
    """The chance that errors of so many requests are no more than before: counts, spread out as they were before."""
    if not one.per_request:
        return 1.0
    (bad_before, all_before), (bad_after, all_after) = one.parts[0], one.parts[1]
    bad_after, all_after = bad_after[len(bad_after) - settled :], all_after[len(all_after) - settled :]
    totals = [float(np.nansum(part)) for part in (bad_before, all_before, bad_after, all_after)]
    if totals[1] < limits.least_requests or totals[3] < limits.least_requests or totals[2] < limits.least_errors:
        return 1.0
    share = totals[0] / totals[1]
    expected = np.where(np.isfinite(bad_before), share * all_before, np.nan)
    some = np.isfinite(expected) & (expected > 0)
    over = (
        float(np.sum((bad_before[some] - expected[some]) ** 2 / expected[some]) / max(some.sum() - 1, 1))
        if some.any()
        else 1.0
    )
    pooled = (totals[0] + totals[2]) / (totals[1] + totals[3])
    spread = np.sqrt(max(over, 1.0) * pooled * (1 / totals[1] + 1 / totals[3]))
    return float(stats.upper_tail(np.array([(totals[2] / totals[3] - share) / max(spread, 1e-12)]))[0])


def _seasonal(measures: Measures, table: _Table, lately: Floats, counted: Flags) -> Flags:
    """Where most earlier weeks had the same level at this hour."""
    rows = measures.measures
    usual, known = np.zeros(len(rows)), np.zeros(len(rows))
    for number in range(2, len(rows[0].values)):
        then = np.stack([one.values[number] * one.metric.harm for one in rows])
        level = _typical(then, counted)
        known += np.isfinite(level)
        usual += np.isfinite(level) & (lately - level <= table.least)
    return (known > 0) & (usual * 2 >= known)


def _enough(blocks: Blocks, table: _Table, limits: Limits) -> Flags:
    nb, na = np.isfinite(table.before).sum(axis=1), np.isfinite(table.after).sum(axis=1)
    fewest = np.minimum(nb, na)
    enough: Flags = (fewest >= limits.least_blocks) & (fewest * blocks.seconds >= limits.least_seconds)
    return enough


def _finding(one: Measure, seen: _Seen, table: _Table, n: int, limits: Limits) -> Finding:
    verdict, reason = _verdict(one, seen, n, limits)
    confidence = 1.0 - float(seen.p[n]) if verdict is not Verdict.PASSED else _sure_of_none(table, seen, n)
    was, now = _figure(seen.was[n], one), _figure(seen.now[n], one)
    scale = float(table.scale[n])
    effect = float(seen.shift[n]) * one.metric.harm / scale if scale > 1e-12 and np.isfinite(seen.shift[n]) else None
    delta = float(seen.delta[n])
    kind = str(one.metric.kind)
    name = f"{one.metric.name} per request" if one.per_request else one.metric.name
    shown = confidence if verdict is not Verdict.INCONCLUSIVE or reason is Reason.SUSPECTED else 0.0
    return Finding(
        one.service, one.instance, name, kind, verdict, reason, was, now, effect, delta, min(round(shown, 4), 0.9999)
    )


def _verdict(one: Measure, seen: _Seen, n: int, limits: Limits) -> tuple[Verdict, Reason]:
    if one.per_request and one.metric.kind is Kind.ERRORS and float(np.nansum(one.parts[1][1])) < limits.least_requests:
        return Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS
    if not seen.enough[n]:
        return Verdict.INCONCLUSIVE, Reason.TOO_LITTLE
    if not seen.large[n]:
        if seen.warm[n]:
            return Verdict.PASSED, Reason.SETTLED
        better = seen.delta[n] < -0.6
        return Verdict.PASSED, Reason.BETTER if better else Reason.TOO_SMALL if seen.sure[n] else Reason.NO_HARM
    if not seen.lasting[n]:
        return Verdict.PASSED, Reason.SETTLED
    if not seen.adjusted[n]:
        return Verdict.PASSED, Reason.TRAFFIC
    if seen.seasonal[n]:
        return Verdict.PASSED, Reason.SEASON
    if not seen.sure[n]:
        return Verdict.INCONCLUSIVE, Reason.SUSPECTED
    if one.metric.kind is Kind.ERRORS and not seen.was[n] > 0:
        return Verdict.FAILED, Reason.NEW_ERRORS
    return Verdict.FAILED, Reason.WORSE


def _sure_of_none(table: _Table, seen: _Seen, n: int) -> float:
    """How sure it is that no shift large enough to count was overlooked."""
    values = np.concatenate([table.before[n], table.after[n]])
    some = values[np.isfinite(values)]
    spread = float(some.std()) * np.sqrt(4.0 / max(len(some), 1)) * 1.25
    room = float(table.least[n] - seen.shift[n])
    return 1.0 - float(stats.upper_tail(np.array([room / max(spread, 1e-12)]))[0])


def _figure(value: float, one: Measure) -> float | None:
    return float(value) * one.metric.harm if np.isfinite(value) else None
