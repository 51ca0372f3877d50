"""How rightly and how quickly releases are judged, beside Kayenta's judge on the same windows."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mainstay.change.releases.judge import Judgement, Verdict, judge
from mainstay.faces.bench import release_kayenta as kayenta
from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.release_windows import Case, Maker

GOAL = 0.05
GOAL_SECONDS = 5.0
METRICS, INSTANCES, SAMPLES = 500, 20, 480


@dataclass(frozen=True)
class Told:
    """What was said of one case."""

    case: str
    seed: int
    bad: bool
    verdict: Verdict
    reason: str
    score: Verdict
    critical: bool

    def line(self) -> str:
        """Whether it was right, in a line."""
        right = self.verdict is (Verdict.FAILED if self.bad else Verdict.PASSED)
        mark = "right" if right else "open" if self.verdict is Verdict.INCONCLUSIVE else "WRONG"
        return f"{mark:6} {self.seed} {'bad' if self.bad else 'good'}: {self.case}: {self.verdict}: {self.reason}"


def told(maker: Maker, cases: int, seed: int, say: Callable[[Told], None]) -> list[Told]:
    """Judge so many cases."""
    found = []
    for number in range(seed, seed + cases):
        case = maker.case(number)
        ours = _ours(case)
        score, critical = kayenta.judge(case)
        found.append(Told(case.name, number, case.bad, ours.verdict, ours.reason, score, critical))
        say(found[-1])
    return found


def _ours(case: Case) -> Judgement:
    return judge(case.before, case.after, case.seasons)


def figures(found: Sequence[Told]) -> list[Figure]:
    """False alarms, missed and inconclusive, of each judge. Inconclusive is neither, and counted apart."""
    kinds = Counter(one.bad for one in found)
    ours = _shares([(one.bad, one.verdict) for one in found])
    score = _shares([(one.bad, one.score) for one in found])
    any_worse = _shares([(one.bad, Verdict.FAILED if one.critical else Verdict.PASSED) for one in found])
    rows = [Figure("releases judged", len(found), f"{kinds[False]} good, {kinds[True]} bad")]
    for place, name in enumerate(("false alarms", "missed bad releases")):
        beside = f"Kayenta {score[place]:.3f}, with all metrics critical {any_worse[place]:.3f}"
        rows.append(at_most(name, ours[place], "of releases", GOAL, beside))
    for place, name in ((2, "inconclusive, good"), (3, "inconclusive, bad")):
        rows.append(Figure(name, round(ours[place], 3), "of releases", "", f"Kayenta {score[place]:.3f}"))
    right = [1 - (sum(one) / 2) for one in (ours, score, any_worse)]
    beside = f"Kayenta {right[1]:.3f}, with all metrics critical {right[2]:.3f}"
    beaten = right[0] > max(right[1:])
    rows.append(
        Figure("right verdicts, good and bad alike", round(right[0], 3), "of releases", "> Kayenta", beside, beaten)
    )
    return rows


def _shares(rows: Sequence[tuple[bool, Verdict]]) -> tuple[float, float, float, float]:
    good, bad = ([verdict for is_bad, verdict in rows if is_bad is side] for side in (False, True))

    def share(verdicts: list[Verdict], which: Verdict) -> float:
        return verdicts.count(which) / max(len(verdicts), 1)

    return (
        share(good, Verdict.FAILED),
        share(bad, Verdict.PASSED),
        share(good, Verdict.INCONCLUSIVE),
        share(bad, Verdict.INCONCLUSIVE),
    )


def speed(seed: int) -> list[Figure]:
    """The time for 500 metrics of 20 instances over two hours, an hour before and an hour after."""
    chance = np.random.default_rng(seed)
    stems = ("request_duration_seconds", "http_requests_total", "errors_total", "queue_depth", "memory_bytes")
    names = [f'{stems[n % len(stems)]}{{part="{n // len(stems)}"}}' for n in range(METRICS)]
    windows = [_busy(chance, names, start) for start in (0.0, SAMPLES // 2 * 15.0)]
    began = time.perf_counter()
    judge(windows[0], windows[1])
    took = time.perf_counter() - began
    rows = sum(one.height for one in windows)
    return [
        at_most(f"verdict on {METRICS} metrics of {INSTANCES} instances, {rows:,} samples", took, "s", GOAL_SECONDS)
    ]


def _busy(chance: np.random.Generator, names: Sequence[str], starts: float) -> pl.DataFrame:
    each = SAMPLES // 2
    values = chance.gamma(20.0, 1.0, size=(len(names), INSTANCES, each))
    for place, name in enumerate(names):
        if "_total" in name:
            values[place] = np.cumsum(values[place] * (0.01 if "errors" in name else 1.0), axis=1)
    rows = len(names) * INSTANCES
    return pl.DataFrame(
        {
            "time": np.tile(starts + np.arange(each) * 15.0, rows),
            "service": np.full(rows * each, "busy"),
            "instance": np.tile(np.repeat([f"i{n}" for n in range(INSTANCES)], each), len(names)),
            "metric": np.repeat(names, INSTANCES * each),
            "value": values.ravel(),
        }
    )
