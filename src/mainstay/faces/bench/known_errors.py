"""How quickly and how rightly known errors are found: by signature, over the demo's faults, and by likeness."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mainstay.catalog.known.index import Index
from mainstay.catalog.known.services import MATCH, signature_of
from mainstay.catalog.known.signature import Signature, Symptom
from mainstay.catalog.known.similar import Similar
from mainstay.faces.bench import demo
from mainstay.faces.bench.figures import Figure, at_least, at_most
from mainstay.faces.bench.similar import duplicates_of

SIGNATURES, ALERTS = 5000, 5000
GOAL_MS = 20.0
# What TF-IDF of a well-known library gives on the same issues: recall at 1, 5 and 10, mean reciprocal rank.
SIMILAR_GOALS = (0.485, 0.788, 0.848, 0.620)
# Fault of the demo shop -> the known error that is it. One is left to be new, to see what is said of it.
LABELS: Mapping[str, str] = {
    "slow-database": "KE-12",
    "payment-timeouts": "KE-31",
    "memory-leak": "KE-27",
    "bad-release": "KE-52",
    "poison-message": "KE-44",
    "wrong-rows": "",
    "full-disk": "KE-18",
    "config-change": "KE-33",
    "certificate-expiry": "KE-38",
    "batch-stuck": "KE-21",
}
_WARM_UP, _CALM, _LOOKED_AT, _LATEST = 45.0, 30.0, 16.0, 60.0
_STEMS = (
    *("disk", "lock", "timeout", "ledger", "queue", "broker", "certificate", "acquirer", "replica", "cache", "batch"),
    *("refused", "exhausted", "stuck", "expired", "full", "slow", "rejected", "missing", "duplicate", "late", "heap"),
)
# As many words as the alerts of a desk have, about.
_WORDS = tuple(f"{stem}{ending}" for stem in _STEMS for ending in ("", "s", *map(str, range(12))))


def speed(seed: int) -> list[Figure]:
    """The time that one alert takes against 5,000 signatures of all kinds, a fifth of them with expressions."""
    chance = random.Random(seed)  # noqa: S311 - for a mixture, not for secrets
    began = time.perf_counter()
    index = Index([_signature(chance, number) for number in range(SIGNATURES)])
    built = time.perf_counter() - began
    took, found, looked = [], 0, 0
    for symptom in (_symptom(chance) for _ in range(ALERTS)):
        began = time.perf_counter()
        found += bool(index.match(symptom))
        took.append((time.perf_counter() - began) * 1000)
        looked += len(index.candidates(symptom))
    return [
        Figure(f"signatures made ready ({SIGNATURES:,})", round(built, 3), "s"),
        Figure("alerts that match one", round(found / ALERTS, 3), "of alerts"),
        Figure("signatures looked at for each alert", round(looked / ALERTS, 1), "mean"),
        Figure("match", round(float(np.percentile(took, 50)), 3), "ms p50"),
        at_most("match", float(np.percentile(took, 99)), "ms p99", GOAL_MS),
    ]


def _signature(chance: random.Random, number: int) -> Signature:
    match: dict[str, Any] = {**MATCH}
    by_rule = chance.random() < 0.6
    if by_rule:
        match["rules"] = [f"rule-{chance.randrange(800)}"]
    if chance.random() < 0.4:
        match["matchers"] = [f'env="{chance.choice(("prod", "stage"))}"', 'team!="none"']
    if chance.random() < 0.2:
        pod = chance.choice((f"pay-{number % 50}-.*", "(web|api)-[0-9a-f]{4}", f".*-{number % 40}x?[0-9]+"))
        match["matchers"] = [*match["matchers"], f'pod=~"{pod}"']
    if not by_rule or chance.random() < 0.2:
        match["words"] = chance.sample(_WORDS, 2)
    if chance.random() < 0.2:
        match["text"] = f"{chance.choice(_WORDS)} {chance.choice(_WORDS)}"
    if chance.random() < 0.1:
        match["condition"] = f"rule-{chance.randrange(800)} > {chance.random():.2f}"
    services = frozenset(f"service-{chance.randrange(120)}" for _ in range(chance.choice((0, 1, 1, 1, 2))))
    return signature_of(number, f"KE-{number}", services, bool(services), match)


def _symptom(chance: random.Random) -> Symptom:
    rule = f"rule-{chance.randrange(800)}"
    labels = {
        "alertname": rule,
        "env": chance.choice(("prod", "stage", "test")),
        "team": "shop",
        "severity": chance.choice(("critical", "warning")),
        "pod": f"{chance.choice(('web', 'api', 'pay-7'))}-{chance.randrange(16**4):04x}",
        "instance": f"10.0.{chance.randrange(256)}.{chance.randrange(256)}:9100",
    }
    text = " ".join(chance.choice((*_WORDS, "the", "of", "is", "at", "over")) for _ in range(25))
    return Symptom(f"service-{chance.randrange(120)}", rule, labels, text, chance.random())


@dataclass(frozen=True)
class Told:
    """One fault made once: what its incidents were told to be, all of it and what stands on the pages."""

    fault: str
    seed: int
    exact: tuple[str, ...]
    best: tuple[str, ...]

    @property
    def wanted(self) -> str:
        """The known error that it is; empty for the one that is new."""
        return LABELS[self.fault]


def labelled(seeds: int, seed: int) -> list[Told]:
    """Make each fault of the demo once for each seed, in random order, and read what its incidents were told to be."""
    return demo.each_fault(LABELS, seeds, seed, _WARM_UP, _made)


def _made(home: Path, fault: str, seed: int, more: float) -> Told:
    """One fault: an incident opens, its log lines are asked for, and it is healed and closed.

    It sleeps in real time: the fault is one of a live application, whose clock is not ours to move.
    """
    time.sleep(_CALM + more)  # real time: what came before has to be over
    for one in _live(home):
        demo.tell(home, "resolve", one["ref"], "--cause", "Before the next fault.")
    demo.command(home, "break", fault)
    deadline = time.monotonic() + _LATEST
    while time.monotonic() < deadline and not _live(home):
        time.sleep(1.0)  # real time: as above
    time.sleep(_LOOKED_AT)  # real time: lines have to come in
    shown = [demo.ask(home, "incidents", "show", one["ref"]) for one in _live(home)]
    demo.command(home, "heal")
    exact = {row["key"] for one in shown for row in one["known_errors"] if row["kind"] == "exact"}
    best = {one["known_error"] for one in shown if one["known_error"]}
    return Told(fault, seed, tuple(sorted(exact)), tuple(sorted(best)))


def _live(home: Path) -> list[dict[str, Any]]:
    return [row for row in demo.incidents(home) if row["state"] != "resolved"]


def judged(told: Sequence[Told]) -> list[Figure]:
    """Precision and recall over faults that were made."""
    rows = [
        Figure(f"{one.fault}, seed {one.seed}", len(one.exact), "matches", one.wanted or "new", ", ".join(one.exact))
        for one in told
    ]
    for name, keys in (("all matches", "exact"), ("what stands on the page", "best")):
        right = sum(one.wanted in getattr(one, keys) for one in told if one.wanted)
        said = sum(len(getattr(one, keys)) for one in told)
        known = sum(bool(one.wanted) for one in told)
        rows.append(Figure(f"precision of {name}", round(right / said, 3) if said else 0.0, f"of {said}"))
        rows.append(Figure(f"recall of {name}", round(right / known, 3), f"of {known}"))
    return rows


def similar(directory: Path) -> list[Figure]:
    """Recall at 1, 5 and 10 and mean reciprocal rank of earlier duplicates among the issues before each."""
    entries, earlier = duplicates_of(directory)
    texts = [f"{one.title}\n{one.text}" for one in entries]
    index = Similar(texts)
    ranks = []
    for place, wanted in earlier.items():
        scores = index.scores(texts[place])[:place]
        ranks.append(min(int((scores > scores[one]).sum()) + 1 for one in wanted))
    at = np.array(ranks)
    names = ("recall at 1", "recall at 5", "recall at 10", "mean reciprocal rank")
    measured = (*((at <= most).mean() for most in (1, 5, 10)), (1 / at).mean())
    return [
        at_least(f"similar: {name}", float(one), f"of {len(at)} issues", goal)
        for name, one, goal in zip(names, measured, SIMILAR_GOALS, strict=True)
    ]
