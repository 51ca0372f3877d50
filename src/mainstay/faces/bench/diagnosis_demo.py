"""Whether the diagnosis names the service of each fault of the demo shop, with all data or a part of it."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mainstay.faces.bench import demo
from mainstay.faces.bench.figures import Figure, at_least
from mainstay.learn.diagnosis import folder
from mainstay.learn.diagnosis.domain import diagnose
from mainstay.learn.diagnosis.domain.case import Case

# Fault of the shop -> the service in which it is.
TRUE: Mapping[str, str] = {
    "slow-database": "orders",
    "payment-timeouts": "payments",
    "bad-release": "stock",
    "memory-leak": "storefront",
    "poison-message": "orders",
    "wrong-rows": "orders",
    "full-disk": "payments",
    "config-change": "payments",
    "certificate-expiry": "storefront",
    "batch-stuck": "settlement",
}
GOALS: Mapping[str, float] = {"all": 0.9, "logs": 0.75, "metrics": 0.7}
# Long enough that what came before is over and there is a normal time.
WARM_UP, CALM, SYMPTOMS, LATEST = 60.0, 150.0, 20.0, 90.0


@dataclass(frozen=True)
class Told:
    """One fault made once, and for each part of the data the services that were named, the most likely first."""

    fault: str
    seed: int
    said: Mapping[str, Sequence[str]]
    changes: Sequence[str]

    def right(self, part: str) -> bool:
        """Whether the true service is named first."""
        return list(self.said.get(part, ()))[:1] == [TRUE[self.fault]]


def run(seeds: int, seed: int, beside: int, keep: Path | None) -> list[Told]:
    """Make each fault once for each seed, in random order and at random moments, and diagnose its incident.

    The case folders stay in ``keep``, where that is given, for :func:`again`.
    """
    return demo.each_fault(TRUE, seeds, seed, WARM_UP, partial(_made, keep), beside)


def again(kept: Path) -> list[Told]:
    """Judge the cases of an earlier run once more."""
    found = []
    for place in sorted(kept.iterdir()):
        fault, _, seed = place.name.rpartition("-")
        if fault in TRUE:
            found.append(_judged(place, fault, int(seed)))
    return found


def figures(found: Sequence[Told]) -> list[Figure]:
    """The share of faults whose service is named first, for each part of the data."""
    rights: dict[str, list[bool]] = defaultdict(list)
    for one in found:
        for part in GOALS:
            rights[part].append(one.right(part))
    return [
        at_least(f"true service first, {part} data, of {len(each)}", sum(each) / len(each), "", GOALS[part])
        for part, each in rights.items()
    ]


def _made(keep: Path | None, home: Path, fault: str, seed: int, more: float) -> Told:
    time.sleep(CALM + more)  # real time: what came before has to be over, and there has to be a normal time
    before = {row["id"] for row in demo.incidents(home)}
    demo.command(home, "break", fault)
    number = _incident(home, before)
    place = (keep or home.parent) / f"{fault}-{seed}"
    if number is None:
        place.mkdir(parents=True)
    else:
        time.sleep(SYMPTOMS)  # real time: symptoms have to show
        demo.tell(home, "diagnose", str(number), "--write", str(place))
    demo.command(home, "heal")
    for row in demo.incidents(home):
        if row["state"] != "resolved":
            demo.tell(home, "resolve", str(row["id"]), "--cause", "Measured")
    return _judged(place, fault, seed)


def _judged(place: Path, fault: str, seed: int) -> Told:
    # Where no incident opened, nothing was written, and nothing can be said.
    if not any(place.iterdir()):
        return Told(fault, seed, {}, ())
    case = folder.read(place)
    said = {part: [one.name for one in diagnose(_part(case, part)).services] for part in GOALS}
    return Told(fault, seed, said, [one.name for one in diagnose(case).changes])


def _part(case: Case, part: str) -> Case:
    if part == "logs":
        return replace(case, metrics=None, alert=replace(case.alert, metric=""))
    return replace(case, logs=None) if part == "metrics" else case


def _incident(home: Path, before: set[int]) -> int | None:
    """The incident that opened since, or nothing where none does."""
    deadline = time.monotonic() + LATEST
    while time.monotonic() < deadline:
        new = [row["id"] for row in demo.incidents(home) if row["id"] not in before]
        if new:
            return int(min(new))
        time.sleep(1.0)  # real time: the demo lives in it
    return None
