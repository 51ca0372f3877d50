"""How often the diagnosis names the true cause, how often it rightly says nothing, and how long it takes."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from mainstay.faces.bench import diagnosis_sets as sets
from mainstay.faces.bench.figures import Figure, at_least, at_most
from mainstay.learn.diagnosis.domain import Alert, Case, Window, diagnose
from mainstay.learn.diagnosis.domain.case import LOGS, METRICS

Say = Callable[[str], None]
SERVICES, SERIES, LINES = 100, 5_000, 2_000_000


def services(folder: Path, quiet: int, seed: int, say: Say) -> list[Figure]:
    """Cases whose cause is a service, and as many quiet windows as wanted."""
    ranks, took = [], []
    for one in sets.wide(folder):
        began = time.perf_counter()
        said = [found.name for found in diagnose(one.case).services]
        took.append(time.perf_counter() - began)
        ranks.append(said.index(one.answer) + 1 if one.answer in said else (99 if said else 0))
        if ranks[-1] != 1:
            say(f"{one.name}: {one.answer} is at {ranks[-1] or 'nothing'}; said {', '.join(said[:3]) or 'nothing'}")
    silent = [not diagnose(case).services for case in sets.quiet(folder, quiet, seed)]
    return [
        at_least(f"AC@1 of {len(ranks)} cases", _share([one == 1 for one in ranks]), "", 0.92),
        at_least("AC@3", _share([1 <= one <= 3 for one in ranks]), "", 1.0),
        at_least("cases of which something is said", _share([one > 0 for one in ranks]), "", 0.98),
        at_least(f"quiet windows of {quiet} of which nothing is said", _share(silent), "", 0.95),
        at_most("the slowest case", max(took), "s", 1.0),
    ]


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


def changes(folder: Path, say: Say) -> list[Figure]:
    """Cases whose cause is a change, or none."""
    right, abstained, decoyed, first = [], [], [], []
    for one in sets.commits(folder):
        said = [found.name for found in diagnose(one.case).changes]
        decoyed.append(bool(said) and said[0] in one.decoys)
        if one.answer is None:
            abstained.append(not said)
            fine = not said
        else:
            right.append(one.answer in said[:2])
            first.append(one.answer in said[:1])
            fine = right[-1]
        if not fine:
            say(f"{one.name}: {(one.answer or 'none')[:8]}; said {', '.join(name[:8] for name in said[:3]) or 'none'}")
    return [
        at_least(f"true change in the first two, of {len(right)}", _share(right), "", 0.8),
        Figure("true change first", round(_share(first), 3), ""),
        at_most(f"a decoy first, of {len(decoyed)}", _share(decoyed), "", 0.15),
        at_least(f"rightly none, of {len(abstained)}", _share(abstained), "", 0.667),
    ]


def large(seed: int) -> list[Figure]:
    """One case of 100 services, 5,000 series and 2 million lines, made by chance, with one service gone wrong."""
    case = _large(np.random.default_rng(seed))
    began = time.perf_counter()
    said = diagnose(case)
    took = time.perf_counter() - began
    found = said.services[0].name if said.services else "nothing"
    return [
        at_most(f"{SERVICES} services, {SERIES:,} series, {LINES:,} lines", took, "s", 5.0, f"found {found}"),
    ]


def _large(random: np.random.Generator) -> Case:
    steps, each = 360, SERIES // SERVICES
    names = np.array([f"s{number}" for number in range(SERVICES)])
    times = np.tile(np.arange(steps) * 30.0, SERIES)
    kinds = [f"{kind}_{number}" for number in range(each // 5) for kind in _KINDS]
    values = random.gamma(4, 1, SERIES * steps)
    owner = np.repeat(np.arange(SERIES) // each, steps)
    # One is ill, and those that call it wait for it.
    for sick, times_as_much in ((7, 8), (3, 4), (1, 4), (0, 4)):
        slow = (owner == sick) & (times >= 300 * 30) & (np.repeat(np.arange(SERIES) % each, steps) % len(_KINDS) == 0)
        values[slow] *= times_as_much
    metrics = pl.DataFrame(
        {
            "time": times,
            "service": names[owner],
            "metric": np.array(kinds)[np.repeat(np.arange(SERIES) % each, steps)],
            "value": values,
        },
        schema=METRICS,
    )
    calls = tuple((f"s{number // 2}", f"s{number}") for number in range(1, SERVICES))
    windows = Window(0.0, 300 * 30.0), Window(300 * 30.0, steps * 30.0)
    return Case(
        Alert("s0", 301 * 30.0, "latency_0"), *windows, metrics, _large_logs(random, names, steps * 30.0), calls=calls
    )


_KINDS = ("latency", "errors", "requests", "cpu", "memory")


def _large_logs(random: np.random.Generator, names: np.ndarray, seconds: float) -> pl.DataFrame:
    kind = random.integers(0, 200, LINES)
    number = random.integers(0, 1_000_000, LINES).astype(str)
    heads = np.array([f"handler {one} took " for one in range(200)])
    texts = np.strings.add(np.strings.add(heads[kind], number), " us")
    levels = np.where(kind < 3, "error", "info")
    return pl.DataFrame(
        {
            "time": np.sort(random.random(LINES)) * seconds,
            "service": names[random.integers(0, SERVICES, LINES)],
            "level": levels,
            "message": texts,
        },
        schema=LOGS,
    )
