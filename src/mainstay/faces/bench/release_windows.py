"""Labelled windows before and after a release, made of recordings of the demo shop.

A window is put together from pieces of a recording, in random order (a block bootstrap: H. R. Künsch, 1989), for each
instance on its own and for all metrics of a service alike, so that what belongs together stays together. What a bad
release does comes from the recording of the fault, in its own order, since a leak grows. Two seconds of the recording
stand for one sample of fifteen. On top of it come the hour of the day, more or less traffic, a cold cache, instances
with new names: none of them is harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainstay.faces.bench.release_record import BUSIER, FAULTS, QUIETER, RESTARTED, WELL

Floats = NDArray[np.float64]
SPACING = 15.0
_BEGAN = 1_790_000_000.0
_WEEK = 7 * 86_400.0
_GOOD = ("plain", "busier", "quieter", "more traffic", "less traffic", "cold cache", "season", "renamed", "restarted")
# How a bad release is bad: on all, on one instance of several, now and then, with other traffic, with a cold cache.
_BAD = ("all", "all", "one", "now and then", "traffic", "cold", "season")


@dataclass(frozen=True)
class Stretch:
    """A piece of a recording: for each service and metric one row, counters as increases."""

    shop: int
    scene: str
    names: Sequence[tuple[str, str]]
    rows: Floats
    times: Floats


@dataclass(frozen=True)
class Case:
    """One release: what it is, whether it is bad, and its windows."""

    seed: int
    name: str
    bad: bool
    before: pl.DataFrame
    after: pl.DataFrame
    seasons: Sequence[pl.DataFrame]


def _counts(metric: str) -> bool:
    return metric.partition("{")[0].endswith(("_total", "_count", "_sum"))


def stretches(recording: pl.DataFrame) -> list[Stretch]:
    """The stretches of a recording as matrices; a series that came later was at nought before."""
    found = []
    stored: dict[tuple[int, str], tuple[float, float]] = {}
    for (number, scene), part in recording.group_by(["stretch", "scene"], maintain_order=True):
        rounds = part.with_columns(tick=(pl.col("at") - pl.col("at").min()).floordiv(2.0))
        wide = rounds.pivot("tick", index=["service", "metric"], values="value", aggregate_function="last")
        ticks = sorted(wide.columns[2:], key=float)
        names = list(wide.select("service", "metric").iter_rows())
        values = wide.select(pl.col(ticks).cast(pl.Float64)).fill_null(np.nan).to_numpy()
        rows = np.array([_steps(row) if _counts(name[1]) else row for name, row in zip(names, values, strict=True)])
        for place, (_, metric) in enumerate(names):
            if metric.startswith("disk_used_bytes"):
                rows[place] -= _stored_before(stored, (int(number) // 1000, metric), rows[place], fault=scene in FAULTS)
        times = float(part["at"].min()) + np.array([float(one) for one in ticks]) * 2.0  # type: ignore[arg-type]
        found.append(Stretch(int(number) // 1000, str(scene), names, rows[:, 1:], times[1:]))
    return found


def _stored_before(
    stored: dict[tuple[int, str], tuple[float, float]], key: tuple[int, str], row: Floats, *, fault: bool
) -> float:
    """What was stored since the recording began: a window put together of early and late pieces is of one time.

    A fault follows the stretch that was well, so what it stores itself stays.
    """
    first, before = stored.get(key, (float(row[0]), 0.0))
    before = before if fault else float(row[0]) - first
    stored[key] = (first, before)
    return before


def _steps(row: Floats) -> Floats:
    """Increases of a counter; it starts at nought when its process starts, and rests where nothing was read."""
    known = np.isfinite(row)
    if not known.any():
        return np.zeros(len(row))
    first = int(np.argmax(known))
    filled = np.where(known, row, 0.0)
    filled = np.where(known, filled, filled[np.maximum.accumulate(np.where(known, np.arange(len(row)), 0))])
    if first > 0:
        filled[:first] = 0.0
    step = np.diff(filled, prepend=filled[0])
    return np.where(step < 0, filled, step)


@dataclass(frozen=True)
class _Shape:
    """What is laid over a window: by hour of the day, by traffic, by a cold cache."""

    swing: float = 0.0
    phase: float = 0.0
    traffic: float = 1.0
    cold_seconds: float = 0.0
    tag: str = "i"


class Maker:
    """Makes cases of one recording."""

    def __init__(self, recording: pl.DataFrame) -> None:
        self._stretches = stretches(recording)

    def _of(self, scene: str, shop: int | None = None) -> list[Stretch]:
        return [one for one in self._stretches if one.scene == scene and shop in {None, one.shop}]

    def case(self, seed: int) -> Case:
        """One labelled release. Odd seeds are bad ones."""
        chance = np.random.default_rng(seed)
        samples = int(chance.choice((120, 240, 480)))
        bad = seed % 2 == 1
        if bad:
            fault = FAULTS[(seed // 2) % len(FAULTS)]
            how = str(chance.choice(_BAD))
            return self._bad(seed, chance, samples, fault, how)
        return self._good(seed, chance, samples, _GOOD[(seed // 2) % len(_GOOD)])

    def _good(self, seed: int, chance: np.random.Generator, samples: int, name: str) -> Case:
        scene = {"busier": BUSIER, "quieter": QUIETER, "restarted": RESTARTED}.get(name, WELL)
        later = self._of(scene)
        chosen = later[int(chance.integers(len(later)))]
        well = self._of(WELL, chosen.shop)
        count = int(chance.integers(1, 5))
        shape = _Shape(phase=chance.uniform(0, 86_400))
        after = shape
        if name == "more traffic":
            after = _Shape(phase=shape.phase, traffic=chance.uniform(1.3, 2.5))
        elif name == "less traffic":
            after = _Shape(phase=shape.phase, traffic=chance.uniform(0.4, 0.8))
        elif name == "cold cache":
            after = _Shape(phase=shape.phase, cold_seconds=chance.uniform(60, 150))
        elif name == "season":
            shape = after = _Shape(swing=chance.uniform(0.2, 0.5), phase=chance.uniform(0, 86_400))
        elif name == "renamed":
            after = _Shape(phase=shape.phase, tag="r")
        pieces = well if name not in {"busier", "quieter", "restarted"} else later
        bent = name == "restarted"
        # What follows a restart is the restarted stretch first and a well one for the rest of the window.
        first = [chosen] if bent else pieces
        return self._made(seed, name, False, chance, samples, count, well, first, shape, after, bent=bent)

    def _bad(self, seed: int, chance: np.random.Generator, samples: int, fault: str, how: str) -> Case:
        chosen = self._of(fault)[0]
        well = self._of(WELL, chosen.shop)
        count = int(chance.integers(3, 6)) if how == "one" else int(chance.integers(1, 5))
        shape = _Shape(phase=chance.uniform(0, 86_400))
        after = shape
        if how == "traffic":
            after = _Shape(phase=shape.phase, traffic=float(chance.choice((0.5, 0.7, 1.4, 2.0))))
        elif how == "cold":
            after = _Shape(phase=shape.phase, cold_seconds=chance.uniform(60, 150))
        elif how == "season":
            shape = after = _Shape(swing=chance.uniform(0.2, 0.5), phase=chance.uniform(0, 86_400))
        share = chance.uniform(0.5, 0.9) if how == "now and then" else 1.0
        return self._made(
            seed, f"{fault}, {how}", True, chance, samples, count, well, [chosen], shape, after,
            hit={int(chance.integers(count))} if how == "one" else None, share=share,
        )  # fmt: skip

    def _made(
        self, seed: int, name: str, bad: bool, chance: np.random.Generator, samples: int, count: int,
        well: Sequence[Stretch], later: Sequence[Stretch], shape: _Shape, after: _Shape, *,
        hit: set[int] | None = None, share: float = 1.0, bent: bool = False,
    ) -> Case:  # fmt: skip
        span = samples * SPACING
        speed = chance.uniform(0.9, 1.1, size=count)
        plain = [(well, None)] * count
        ordered = bad or bent
        changed = [
            (well if ordered else later, later[0] if ordered and (hit is None or n in hit) else None)
            for n in range(count)
        ]
        release = _BEGAN + chance.uniform(0, _WEEK)
        before = self._window(chance, samples, release - span, plain, shape, speed)
        then = self._window(chance, samples, release, changed, after, speed, share=share, bent=bent)
        seasons = []
        if shape.swing:
            weeks = range(1, 1 + int(chance.integers(2, 4)))
            seasons = [self._window(chance, samples, release - n * _WEEK, plain, shape, speed) for n in weeks]
        return Case(seed, name, bad, before, then, seasons)

    def _window(
        self, chance: np.random.Generator, samples: int, starts: float,
        instances: Sequence[tuple[Sequence[Stretch], Stretch | None]], shape: _Shape, speed: Floats, *,
        share: float = 1.0, bent: bool = False,
    ) -> pl.DataFrame:  # fmt: skip
        times: Floats = starts + np.arange(samples, dtype=np.float64) * SPACING
        frames = []
        for number, (well, fault) in enumerate(instances):
            rows, moments = _pieces(chance, samples, well, fault, share, bent=bent)
            shaped = _shaped(rows, moments, times, shape, float(speed[number]))
            names = list(shaped)
            values = np.concatenate([shaped[one] for one in names])
            each = len(times)
            frame = pl.DataFrame(
                {
                    "time": np.tile(times, len(names)),
                    "service": np.repeat([service for service, _ in names], each),
                    "instance": f"{shape.tag}{number}",
                    "metric": np.repeat([metric for _, metric in names], each),
                    "value": values,
                }
            )
            frames.append(frame.filter(pl.col("value").is_not_nan()))
        return pl.concat(frames)


def _pieces(
    chance: np.random.Generator,
    samples: int,
    well: Sequence[Stretch],
    fault: Stretch | None,
    share: float,
    *,
    bent: bool,
) -> tuple[dict[tuple[str, str], Floats], Floats]:
    """Rows of so many samples put together of pieces, and the moments at which they were recorded."""
    found: list[tuple[Stretch, NDArray[np.int64]]] = []
    filled = 0
    while filled < samples:
        length = min(int(chance.integers(6, 15)), samples - filled)
        use = fault is not None and chance.random() < share and not (bent and filled >= fault.rows.shape[1])
        source = fault if use and fault is not None else well[int(chance.integers(len(well)))]
        width = source.rows.shape[1]
        if use:
            # In its own order, a little shaken. A restart is as long as it was.
            place = filled if bent else int(filled / samples * max(width - length, 1) + chance.integers(-2, 3))
        else:
            place = int(chance.integers(max(width - length, 1)))
        found.append((source, np.clip(np.arange(place, place + length), 0, width - 1)))
        filled += length
    names = sorted({name for source, _ in found for name in source.names})
    place_of = {id(source): {name: n for n, name in enumerate(source.names)} for source, _ in found}
    rows = {}
    for name in names:
        nothing = 0.0 if _counts(name[1]) else np.nan
        parts = []
        for source, ticks in found:
            at = place_of[id(source)].get(name)
            parts.append(source.rows[at][ticks] if at is not None else np.full(len(ticks), nothing))
        rows[name] = np.concatenate(parts)
    return rows, np.concatenate([source.times[ticks] for source, ticks in found])


def _shaped(
    rows: Mapping[tuple[str, str], Floats], moments: Floats, times: Floats, shape: _Shape, speed: float
) -> dict[tuple[str, str], Floats]:
    since = times - times[0]
    day = 1.0 + shape.swing * np.sin(2 * np.pi * (times - shape.phase) / 86_400.0)
    traffic = day * shape.traffic
    # Where there is more to do, each takes a little longer; a cold cache makes the first ones wait.
    cold = np.exp(-since / shape.cold_seconds) if shape.cold_seconds else np.zeros(len(times))
    slower = speed * traffic**0.2 * (1 + 2.0 * cold)
    found = {}
    for (service, metric), row in rows.items():
        base = metric.partition("{")[0]
        if base.endswith("_seconds_sum"):
            found[service, metric] = np.cumsum(row * traffic * slower)
        elif base == "process_cpu_seconds_total":
            found[service, metric] = np.cumsum(row * traffic**0.8 * (1 + cold))
        elif _counts(metric):
            found[service, metric] = np.cumsum(row * traffic)
        elif "timestamp" in base:
            # What was last done is as long ago as it was; what is to come rests.
            found[service, metric] = row - moments + times if "last" in base else row - moments[0] + times[0]
        else:
            found[service, metric] = row
    return found
