"""How well and how quickly patterns are found.

Accuracy is measured on labelled sets: a directory with one folder a set, in it ``structured.csv`` (columns ``Content``
and ``EventTemplate``) and, for lines with their headers, ``raw.log``. Definitions: grouping accuracy of Zhu et al.
(ICSE 2019), template accuracy of Khan et al. (ICSE 2022), their F1 over templates of Jiang et al. (ISSTA 2024).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mainstay.core import clock
from mainstay.faces.bench.log_corpus import corpus
from mainstay.observe.logs import offline
from mainstay.observe.logs.patterns.miner import Miner

DAY_US = 86_400_000_000
BATCH = 50_000


@dataclass(frozen=True)
class Accuracy:
    """Of one set: grouping accuracy, F1 of grouping, F1 of templates; ``raw_ga`` with headers and nothing told."""

    name: str
    ga: float
    fga: float
    fta: float
    raw_ga: float | None


@dataclass(frozen=True)
class Tagging:
    """Lines tagged in one second of processor time, patterns learned meanwhile."""

    lines: int
    patterns: int
    lines_per_cpu_second: float


def accuracy(sets: Path) -> list[Accuracy]:
    """Every set of a directory, and their mean at the end, all with the one configuration that there is."""
    found = [_of_set(place) for place in sorted(sets.iterdir()) if (place / "structured.csv").exists()]
    if not found:
        raise FileNotFoundError(f"{sets} holds no folder with a structured.csv")
    raw = [one.raw_ga for one in found if one.raw_ga is not None]
    count = len(found)
    mean = Accuracy(
        "mean",
        sum(one.ga for one in found) / count,
        sum(one.fga for one in found) / count,
        sum(one.fta for one in found) / count,
        sum(raw) / len(raw) if raw else None,
    )
    return [*found, mean]


def _of_set(place: Path) -> Accuracy:
    labelled = pl.read_csv(place / "structured.csv", infer_schema=False, encoding="utf8-lossy")
    truth = labelled["EventTemplate"]
    now = clock.now()
    mined = offline.patterns(labelled["Content"], now, plain=True)
    raw = None
    if (place / "raw.log").exists():
        lines = offline.lines_of(place / "raw.log")
        if lines.len() == truth.len():
            raw = grouping(truth, offline.patterns(lines, now)["group"])[0]
    ga, fga = grouping(truth, mined["group"])
    return Accuracy(place.name, ga, fga, templates(truth, mined["template"]), raw)


def grouping(truth: pl.Series, groups: pl.Series) -> tuple[float, float]:
    """Share of lines, and F1 of templates, whose group holds exactly the lines of one labelled template."""
    frame = pl.DataFrame({"label": truth, "group": groups})
    sizes = frame.group_by("label").agg(
        lines=pl.len(), groups=pl.col("group").n_unique(), group=pl.col("group").first()
    )
    group_sizes = frame.group_by("group").agg(size=pl.len())
    right = sizes.join(group_sizes, on="group").filter((pl.col("groups") == 1) & (pl.col("lines") == pl.col("size")))
    return float(right["lines"].sum()) / truth.len(), 2 * right.height / (group_sizes.height + sizes.height)


def templates(truth: pl.Series, texts: pl.Series) -> float:
    """F1 of templates that read as labelled and hold lines of that label alone."""
    frame = pl.DataFrame({"label": truth, "text": texts})
    found = frame.group_by("text").agg(labels=pl.col("label").n_unique(), label=pl.col("label").first())
    exact = found.filter((pl.col("labels") == 1) & (pl.col("label") == pl.col("text"))).height
    return 2 * exact / (found.height + truth.n_unique())


def tagging(lines: int, seed: int) -> Tagging:
    """Tag lines of a shop of twelve services in batches, as they would arrive, learning included."""
    bodies: Sequence[pl.Series] = [
        corpus(min(BATCH, lines - place), seed + place, 0, DAY_US)["body"] for place in range(0, lines, BATCH)
    ]
    miner = Miner()
    began = time.process_time()
    for part in bodies:
        miner.tag(part)
    return Tagging(lines, len(miner), lines / (time.process_time() - began))
