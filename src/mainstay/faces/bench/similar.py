"""How rightly and how quickly earlier incidents like one are found: on labelled duplicates, and among many made up."""

import csv
import random
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from mainstay.faces.bench.figures import Figure, at_least, at_most
from mainstay.learn.problems.domain.likeness import Entry, Index

RECALL_GOAL, MS_GOAL = 0.85, 10.0
_DEPTH, _ASKED, _BATCH = 1000, 1000, 5000
_STEMS = (
    *("timeout", "refused", "deadlock", "queue", "replica", "certificate", "acquirer", "ledger", "latency", "heap"),
    *("broker", "batch", "cache", "schema", "quota", "token", "socket", "partition", "checksum", "failover", "index"),
)
_SYLLABLES = (
    "ka",
    "ro",
    "mi",
    "ten",
    "sol",
    "ver",
    "dra",
    "pho",
    "lin",
    "gus",
    "tar",
    "bex",
    "qui",
    "nor",
    "esh",
    "ul",
)


def similar(directory: Path) -> list[Figure]:
    """Earlier labelled duplicates among the issues before each: recall, reciprocal rank, chance, and BM25 beside."""
    entries, earlier = duplicates_of(directory)
    index = Index()
    index.add(entries)
    ours, plain = [], []
    for place, wanted in earlier.items():
        found = [one.number for one in index.nearest(entries[place], _DEPTH, before=place)]
        ours.append(_rank(found, wanted))
        plain.append(_rank(index.plain(entries[place], _DEPTH, before=place), wanted))
    chance = float(np.mean([min(1.0, 5 * len(wanted) / max(place, 1)) for place, wanted in earlier.items()]))
    of = f"of {len(ours)} issues"
    beside = f"chance {chance:.4f}"
    return [
        Figure("recall at 1", _recall(ours, 1), of, beside=f"BM25 {_recall(plain, 1)}"),
        at_least("recall at 5", _recall(ours, 5), of, RECALL_GOAL),
        Figure("recall at 5, BM25 alone", _recall(plain, 5), of, beside=beside),
        Figure("recall at 10", _recall(ours, 10), of, beside=f"BM25 {_recall(plain, 10)}"),
        Figure("mean reciprocal rank", _mean_reciprocal(ours), of, beside=f"BM25 {_mean_reciprocal(plain)}"),
    ]


def duplicates_of(directory: Path) -> tuple[list[Entry], dict[int, set[int]]]:
    """Issues in the order of their making, and the places of the earlier duplicates of each that has one.

    ``directory`` has ``issues.csv`` and ``duplicates.csv``.
    """
    rows = sorted(_read(directory / "issues.csv"), key=lambda row: _when(row["Created"]))
    places = {row["Issue id"]: place for place, row in enumerate(rows)}
    earlier: dict[int, set[int]] = {}
    for row in _read(directory / "duplicates.csv"):
        pair = sorted(places[one] for one in row.values() if one in places)
        if len(pair) == 2:
            earlier.setdefault(pair[1], set()).add(pair[0])
    entries = [
        Entry(place, row["Summary"], row["Description"], day=_when(row["Created"]).timestamp() / 86_400)
        for place, row in enumerate(rows)
    ]
    return entries, earlier


def _rank(found: Sequence[int], wanted: set[int]) -> float:
    return min((at for at, number in enumerate(found, 1) if number in wanted), default=float("inf"))


def _recall(ranks: Sequence[float], most: int) -> float:
    return round(float(np.mean([rank <= most for rank in ranks])), 3)


def _mean_reciprocal(ranks: Sequence[float]) -> float:
    return round(float(np.mean([1 / rank for rank in ranks])), 3)


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _when(text: str) -> datetime:
    return datetime.strptime(text, "%d/%b/%y %H:%M")  # noqa: DTZ007 - for the order alone


def speed(incidents: int, seed: int) -> list[Figure]:
    """Milliseconds a question among many incidents, of which many are one thing again, and what the index takes."""
    chance = random.Random(seed)  # noqa: S311 - for a mixture, not for secrets
    vocabulary = _vocabulary(chance)
    faults = [_fault(chance, vocabulary) for _ in range(max(incidents // 20, 1))]
    index, began = Index(), time.perf_counter()
    for start in range(0, incidents, _BATCH):
        numbers = range(start, min(start + _BATCH, incidents))
        index.add([_again(chance, number, chance.choice(faults), vocabulary) for number in numbers])
    built = time.perf_counter() - began
    took, right = [], 0
    for number in range(_ASKED):
        fault = chance.choice(faults)
        asked = _again(chance, incidents + number, fault, vocabulary)
        began = time.perf_counter()
        found = index.nearest(asked, 5, near=("payments",))
        took.append((time.perf_counter() - began) * 1000)
        right += bool(found) and any(one.signs > 0.9 for one in found)
    p50, p99 = np.percentile(took, [50, 99])
    began = time.perf_counter()
    index.add([_again(chance, 2 * incidents, faults[0], vocabulary)])
    added = (time.perf_counter() - began) * 1000
    of = f"{incidents:,} incidents"
    return [
        Figure(f"index of {of} made", round(built, 1), "s"),
        Figure("one more added", round(added, 2), "ms"),
        Figure(f"a question among {of}, p50", round(float(p50), 2), "ms"),
        at_most(f"a question among {of}, p99", float(p99), "ms", MS_GOAL),
        Figure("the same fault among the first five", round(right / _ASKED, 3), f"of {_ASKED:,}"),
        Figure("resident for the index", round(index.bytes / 1e6, 1), "MB"),
    ]


def _vocabulary(chance: random.Random) -> list[str]:
    """Words as rare as those of a desk: few that are everywhere, many that are nearly nowhere."""
    made = {"".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(40_000)}
    return [*_STEMS, *sorted(made)]


def _words(chance: random.Random, vocabulary: Sequence[str], count: int) -> str:
    size = len(vocabulary)
    return " ".join(vocabulary[min(int(chance.paretovariate(0.55)) - 1, size - 1)] for _ in range(count))


Fault = tuple[str, str, str, frozenset[str]]


def _fault(chance: random.Random, vocabulary: Sequence[str]) -> Fault:
    service = f"service-{chance.randrange(500)}"
    rule = f"rule-{chance.randrange(2000)}"
    title = f"{service} {_words(chance, vocabulary, 6)}"
    return title, _words(chance, vocabulary, 40), service, frozenset((f"rule={rule}", f"alert={rule}", "env=prod"))


def _again(chance: random.Random, number: int, fault: Fault, vocabulary: Sequence[str]) -> Entry:
    title, text, service, signs = fault
    told = chance.sample(text.split(), 25)
    return Entry(number, title, f"{' '.join(told)} {_words(chance, vocabulary, 20)}", service, signs)
