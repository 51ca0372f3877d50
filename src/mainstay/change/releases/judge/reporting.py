"""What stopped reporting, and services that lost the traffic that the others kept."""

from dataclasses import replace

import numpy as np

from mainstay.change.releases.judge.blocks import Blocks
from mainstay.change.releases.judge.kinds import Kind, read
from mainstay.change.releases.judge.measures import ALL, Measures
from mainstay.change.releases.judge.statistics import Floats
from mainstay.change.releases.judge.verdict import Finding, Reason, Verdict

# A series that filled so many of its blocks before is missed when it has none in the later half afterwards.
_STEADY = 0.5
# Traffic that fell to so much of what the others kept is lost, and instances may go when it shrank to so much.
_LOST, _SHRUNK = 0.5, 0.8


def silent(blocks: Blocks, measures: Measures) -> list[Finding]:
    """Findings on services, instances and metrics that no longer report, and on traffic that went elsewhere."""
    steady: list[bool] = (np.isfinite(blocks.before.level).mean(axis=1) >= _STEADY).tolist()
    after = blocks.after.level
    gone = ~np.asarray(np.isfinite(after[:, after.shape[1] // 2 :]).any(axis=1))
    found: list[Finding] = []
    instances: dict[tuple[str, str], list[int]] = {}
    metrics: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(blocks.series):
        was_there = steady[number] and (one.service, one.instance) not in _replaced(measures)
        came = (one.service, one.instance) in measures.replaced
        if was_there or came:
            instances.setdefault((one.service, one.instance), []).append(number)
        metrics.setdefault((one.service, one.metric.base), []).append(number)
    dead = {key for key, places in instances.items() if gone[places].all()}
    for service, instance in sorted(dead):
        share = measures.traffic[service, ALL].ratio if (service, ALL) in measures.traffic else 1.0
        others = [key for key in instances if key[0] == service and key not in dead]
        at_once = not np.isfinite(after[instances[service, instance]]).any()
        fewer = bool(others) and share < _SHRUNK and at_once
        verdict = Verdict.INCONCLUSIVE if fewer else Verdict.FAILED
        found.append(_about(service, instance, ALL, verdict, Reason.STOPPED))
    for (service, base), places in sorted(metrics.items()):
        steadily = [n for n in places if steady[n] and not _is_dead(blocks, n, dead)]
        if steadily and gone[places].all() and read(base).kind is not Kind.NEUTRAL:
            found.append(_about(service, ALL, base, Verdict.INCONCLUSIVE, Reason.GONE))
    return found + _lost(measures)


def _replaced(measures: Measures) -> set[tuple[str, str]]:
    return {(service, old) for (service, _), old in measures.replaced.items()}


def _is_dead(blocks: Blocks, number: int, dead: set[tuple[str, str]]) -> bool:
    one = blocks.series[number]
    return (one.service, one.instance) in dead


def _lost(measures: Measures) -> list[Finding]:
    """Services, and instances among those of a service, whose traffic fell while that of the others stayed."""
    found = []
    groups: dict[str, dict[tuple[str, str], float]] = {}
    for (service, instance), traffic in measures.traffic.items():
        # Services are beside services, instances beside those of their own.
        group = "" if instance == ALL else service
        groups.setdefault(group, {})[service, instance] = traffic.ratio
    for beside in groups.values():
        for key, ratio in beside.items():
            others = [one for other, one in beside.items() if other != key and np.isfinite(one)]
            alone = not others and key[1] == ALL and ratio < 0.1
            fell = bool(others) and ratio < _LOST * min(float(np.median(others)), 1.0)
            if (alone or fell) and _plenty(measures.traffic[key].values[0]):
                before, after = (float(np.nanmean(one)) for one in measures.traffic[key].values[:2])
                finding = _about(key[0], key[1], "traffic", Verdict.FAILED, Reason.TRAFFIC_LOST)
                found.append(replace(finding, before=before, after=after, effect=ratio - 1.0))
    return found


def _plenty(before: Floats) -> bool:
    """Whether the traffic was steady enough for its absence to be seen."""
    some = before[np.isfinite(before)]
    return len(some) >= 8 and bool(np.mean(some > 0) > 0.9)


def _about(service: str, instance: str, metric: str, verdict: Verdict, reason: Reason) -> Finding:
    return Finding(service, instance, metric, "reporting", verdict, reason, None, None, None, None, 0.99)
