"""From series to measures that can be compared: errors per request, means of durations, ages, with the traffic beside.

A count of errors or of outcomes is judged per request, so that a busy hour is no harm and a quiet one no excuse. A pair
of ``_sum`` and ``_count`` is judged as the mean that it stands for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mainstay.change.releases.judge.blocks import Blocks, Window
from mainstay.change.releases.judge.kinds import Kind, Metric, read
from mainstay.change.releases.judge.statistics import Floats

ALL = "*"
# A mean of a window that holds fewer than so many says nothing.
_FEWEST = 20


@dataclass(frozen=True)
class Measure:
    """One thing to compare. ``parts`` are its amounts and those of the traffic, where it is a share of the traffic.

    Each tuple has the windows in the order before, after, seasons.
    """

    service: str
    instance: str
    metric: Metric
    values: tuple[Floats, ...]
    parts: tuple[tuple[Floats, Floats], ...] = ()
    fresh: bool = False

    @property
    def per_request(self) -> bool:
        """Whether it is a share of the traffic."""
        return bool(self.parts)


@dataclass(frozen=True)
class Traffic:
    """Requests per second of one instance, or (``*``) of all of a service, in each window."""

    values: tuple[Floats, ...]

    @property
    def ratio(self) -> float:
        """The traffic after, by that before."""
        before, after = _mean(self.values[0]), _mean(self.values[1])
        return after / before if before > 0 and after >= 0 else 1.0


@dataclass(frozen=True)
class Measures:
    """All measures, the traffic by service and instance, and the old name of instances that were replaced."""

    measures: Sequence[Measure]
    traffic: Mapping[tuple[str, str], Traffic]
    replaced: Mapping[tuple[str, str], str]
    gone: Sequence[tuple[str, str]]


class _Rows:
    """The rows of blocks, with new instances set beside those that they replace."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.windows: list[Window] = [blocks.before, blocks.after, *blocks.seasons]
        self.at = {(one.service, one.instance, one.metric.name): n for n, one in enumerate(blocks.series)}
        self.places: dict[tuple[str, str], list[int]] = {}
        for number, one in enumerate(blocks.series):
            self.places.setdefault((one.service, one.instance), []).append(number)
        alive = [np.asarray(np.isfinite(one.level).any(axis=1)) for one in (blocks.before, blocks.after)]
        had: list[dict[str, set[str]]] = [{}, {}]
        for number, one in enumerate(blocks.series):
            for side in (0, 1):
                if alive[side][number]:
                    had[side].setdefault(one.service, set()).add(one.instance)
        self.replaced: dict[tuple[str, str], str] = {}
        self.gone: list[tuple[str, str]] = []
        for service, old in had[0].items():
            now = had[1].get(service, set())
            left, came = sorted(old - now), sorted(now - old)
            self.replaced |= {(service, new): was for was, new in zip(left, came, strict=False)}
            self.gone += [(service, one) for one in left[len(came) :]]
        self.instances = {service: sorted(now) for service, now in had[1].items()}

    def of(self, service: str, instance: str, metric: str, pick: Callable[[Window], Floats]) -> tuple[Floats, ...]:
        """One series in each window, empty where it did not report."""
        old = self.replaced.get((service, instance), instance)
        found = []
        for number, window in enumerate(self.windows):
            # Earlier weeks and before have the old name of an instance that was replaced.
            place = self.at.get((service, instance if number == 1 else old, metric))
            if place is None and number > 1:
                place = self.at.get((service, instance, metric))
            every = pick(window)
            found.append(every[place] if place is not None else np.full(every.shape[1], np.nan))
        return tuple(found)


def measure(blocks: Blocks) -> Measures:
    """All measures of these blocks."""
    rows = _Rows(blocks)
    traffic = _traffic(rows)
    found: list[Measure] = []
    names: dict[str, dict[str, Metric]] = {}
    counters: dict[tuple[str, str], bool] = {}
    for number, one in enumerate(blocks.series):
        names.setdefault(one.service, {})[one.metric.name] = one.metric
        counters[one.service, one.metric.name] = bool(blocks.counter[number])
    for service, metrics in names.items():
        for metric in metrics.values():
            single = list(_of_metric(rows, service, metric, metrics, counters[service, metric.name], traffic))
            found += single
            if len(single) > 1:
                found.append(_together(single))
    return Measures(found, traffic, rows.replaced, rows.gone)


def _of_metric(
    rows: _Rows,
    service: str,
    metric: Metric,
    metrics: Mapping[str, Metric],
    counter: bool,
    traffic: Mapping[tuple[str, str], Traffic],
) -> Iterator[Measure]:
    base, brace, rest = metric.name.partition("{")
    labels = brace + rest
    if base.endswith("_bucket") or (base.endswith("_count") and f"{base[:-6]}_sum{labels}" in metrics):
        return
    mean_of = f"{base[:-4]}_count{labels}" if base.endswith("_sum") else ""
    if mean_of in metrics:
        metric = replace(read(base[:-4] + labels), name=base[:-4] + labels)
    if metric.harm == 0:
        return
    for instance in rows.instances.get(service, ()):
        if mean_of in metrics:
            sums = rows.of(service, instance, f"{base}{labels}", lambda one: one.amount)
            counts = rows.of(service, instance, mean_of, lambda one: one.amount)
            yield Measure(service, instance, metric, tuple(map(_mean_of, sums, counts)))
            continue
        if metric.moment:
            # An age grows with the time and is set back; what is left is counted from the release, so that it rests.
            release = rows.blocks.after.starts
            last = metric.kind is Kind.LATENCY
            moments = rows.of(service, instance, metric.name, (lambda one: one.age) if last else lambda one: one.level)
            values = moments if last else tuple(one - release for one in moments)
            yield Measure(service, instance, metric, values)
            continue
        values = rows.of(service, instance, metric.name, lambda one: one.level)
        yield _weighed(rows, Measure(service, instance, metric, values), counter, traffic)


def _weighed(rows: _Rows, plain: Measure, counter: bool, traffic: Mapping[tuple[str, str], Traffic]) -> Measure:
    """Errors and outcomes per request. Errors that are not reported yet, or no longer, are none."""
    metric, values = plain.metric, plain.values
    own = traffic.get((plain.service, plain.instance)) or traffic.get((plain.service, ALL))
    fresh = metric.kind is Kind.ERRORS and not np.isfinite(values[0]).any() and bool(np.isfinite(values[1]).any())
    if metric.kind is Kind.ERRORS:
        seen = own.values if own else tuple(_seen(rows, plain, n) for n in range(len(values)))
        values = tuple(
            np.where(np.isfinite(v), v, np.where(np.isfinite(s), 0.0, np.nan))
            for v, s in zip(values, seen, strict=True)
        )
    if (
        own is None
        or metric.kind not in {Kind.ERRORS, Kind.OUTCOME}
        or metric.ratio
        or not (counter or _rateable(metric))
    ):
        return replace(plain, values=values, fresh=fresh)
    seconds = rows.blocks.seconds
    parts = tuple(
        (v * seconds, np.where(np.isfinite(v), t, np.nan) * seconds) for v, t in zip(values, own.values, strict=True)
    )
    return replace(plain, values=tuple(_share(n, d) for n, d in parts), parts=parts, fresh=fresh)


def _rateable(metric: Metric) -> bool:
    """A gauge of errors is taken as a rate when nothing says that it is a level, such as messages that lie dead."""
    words = metric.base.lower()
    return metric.kind is Kind.OUTCOME or not any(
        one in words for one in ("dead", "mismatch", "unhealthy", "unavailable")
    )


def _seen(rows: _Rows, plain: Measure, number: int) -> Floats:
    """Blocks in which anything of the instance reported."""
    window = rows.windows[number]
    old = rows.replaced.get((plain.service, plain.instance), plain.instance)
    wanted = {plain.instance} if number == 1 else {plain.instance, old}
    places = [n for one in wanted for n in rows.places.get((plain.service, one), ())]
    if not places:
        return np.full(window.level.shape[1], np.nan)
    any_seen = np.isfinite(window.level[places]).any(axis=0)
    return np.where(any_seen, 0.0, np.nan)


def _traffic(rows: _Rows) -> dict[tuple[str, str], Traffic]:
    """The requests of each instance and of each service, by the metric that counts most of them."""
    bases: dict[str, dict[str, list[str]]] = {}
    for one in rows.blocks.series:
        if read(one.metric.base).kind is Kind.TRAFFIC:
            bases.setdefault(one.service, {}).setdefault(one.metric.base, []).append(one.metric.name)
    found: dict[tuple[str, str], Traffic] = {}
    for service, choices in bases.items():
        best = max(sorted(choices), key=lambda base: ("requests" in base.lower(), -base.lower().endswith("_count")))
        names = sorted(set(choices[best]))
        each: list[tuple[Floats, ...]] = []
        for instance in rows.instances.get(service, ()):
            series = [rows.of(service, instance, name, lambda one: one.level) for name in names]
            each.append(tuple(_sum([one[n] for one in series]) for n in range(len(rows.windows))))
            found[service, instance] = Traffic(each[-1])
        if each:
            found[service, ALL] = Traffic(tuple(_sum([one[n] for one in each]) for n in range(len(rows.windows))))
    return found


def _together(single: Sequence[Measure]) -> Measure:
    """All instances of a service as one."""
    first, windows = single[0], range(len(single[0].values))
    if first.per_request:
        parts = tuple((_sum([o.parts[n][0] for o in single]), _sum([o.parts[n][1] for o in single])) for n in windows)
        values = tuple(_share(*one) for one in parts)
    else:
        parts, values = (), tuple(_average([one.values[n] for one in single]) for n in windows)
    return Measure(first.service, ALL, first.metric, values, parts, all(one.fresh for one in single))


def _mean_of(sums: Floats, counts: Floats) -> Floats:
    """The means of a window, none where all of it holds too few."""
    return _share(sums, counts) if np.nansum(counts) >= _FEWEST else np.full(len(sums), np.nan)


def _share(part: Floats, whole: Floats) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return shares


def _sum(rows: Sequence[Floats]) -> Floats:
    every = np.stack(rows)
    return np.where(np.asarray(np.isfinite(every).any(axis=0)), np.nansum(every, axis=0), np.nan)


def _average(rows: Sequence[Floats]) -> Floats:
    every = np.stack(rows)
    count = np.isfinite(every).sum(axis=0)
    mean: Floats = np.divide(np.nansum(every, axis=0), count, out=np.full(every.shape[1], np.nan), where=count > 0)
    return mean


def _mean(row: Floats) -> float:
    some = row[np.isfinite(row)]
    return float(some.mean()) if len(some) else float("nan")
