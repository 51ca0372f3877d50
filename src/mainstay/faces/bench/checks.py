"""How many script checks one worker keeps up with, how late they are, and what a run costs over the bare program.

The checks are as the worker has them: taken up once a second, in its pool, each run kept with its samples and its state
decided. A check is late by what lies between two of its starts beyond its interval.
"""

import shlex
import statistics
import subprocess
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.installation import own_database, percentile

LATE_SECONDS = 2.0
# How often the worker looks for checks that are due, seconds.
_LOOK = 1.0
_TURNS = 60
_ALL_AT_ONCE = 200


def run(checks: int, interval: float, seconds: float, command: str) -> list[Figure]:
    """The cost of one run, how many a second there are when all are due, and how late they are at their interval."""
    words = shlex.split(command)
    with own_database(check_runs_kept=str(10_000)):
        ours, bare = _in_turns(words)
        rate = _at_once(words)
        late, starts = _at_intervals(words, checks, interval, seconds)
    over = (statistics.median(ours) - statistics.median(bare)) * 1000
    beside = f"bare {statistics.median(bare) * 1000:.1f} ms, as a check {statistics.median(ours) * 1000:.1f} ms"
    return [
        Figure("a run costs more than the bare program, one after the other", round(over, 2), "ms p50", beside=beside),
        Figure("runs a second when all are due", round(rate, 1), "1/s", beside=f"{rate * interval:.0f} of them fit"),
        Figure(f"{checks} checks every {interval:g} s: starts", starts, f"in {seconds:g} s"),
        Figure("late", round(percentile(late, 0.5), 3), "s p50"),
        at_most("late", percentile(late, 0.99), "s p99", LATE_SECONDS, f"looked for every {_LOOK:g} s"),
    ]


def _made(words: Sequence[str], count: int, interval: float) -> list[int]:
    from mainstay.observe.checks import services
    from mainstay.observe.checks.models import Check

    Check.objects.all().delete()
    entry = {
        "name": "",
        "script": "",
        "runbook": "",
        "command": list(words),
        "interval": interval,
        "timeout": None,
        "inputs": {},
        "env": {},
        "secrets": {},
        "labels": {},
        "needed": 1,
        "of": 1,
        "enabled": True,
    }
    return [services.save({**entry, "key": f"check-{number}"}, None, "").pk for number in range(count)]


def _in_turns(words: Sequence[str]) -> tuple[list[float], list[float]]:
    """Seconds of a run as a check and of the bare program, taking turns."""
    from mainstay.core import clock
    from mainstay.observe.checks import services
    from mainstay.observe.checks.models import Check

    number = _made(words, 1, 3600.0)[0]
    check, ours, bare = Check.objects.get(pk=number), [], []
    for _ in range(_TURNS):
        began = time.perf_counter()
        services.keep(number, services.execute(check), clock.now())
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        bare.append(time.perf_counter() - began)
    return ours, bare


def _at_once(words: Sequence[str]) -> float:
    """Runs a second in the worker's pool while there is always one that is due."""
    from mainstay.observe.checks.loop import Checks
    from mainstay.observe.checks.models import CheckRun

    _made(words, _ALL_AT_ONCE, 3600.0)
    loop, began = Checks(), time.perf_counter()
    while CheckRun.objects.count() < _ALL_AT_ONCE:
        loop.run_due()
        time.sleep(0.01)
    took = time.perf_counter() - began
    loop.stop()
    return _ALL_AT_ONCE / took


def _at_intervals(words: Sequence[str], checks: int, interval: float, seconds: float) -> tuple[list[float], int]:
    """How late starts were, and how many there were. First starts are spread over an interval and do not count."""
    from mainstay.core import clock
    from mainstay.observe.checks.loop import Checks
    from mainstay.observe.checks.models import Check, CheckRun

    began = clock.now()
    for place, number in enumerate(_made(words, checks, interval)):
        Check.objects.filter(pk=number).update(next_at=began + timedelta(seconds=place * interval / checks))
    loop, deadline = Checks(), time.monotonic() + interval + seconds
    while (left := deadline - time.monotonic()) > 0:
        loop.run_due()
        time.sleep(min(_LOOK, left))
    loop.wait()
    loop.stop()
    starts: dict[int, list[float]] = {}
    for check, at in CheckRun.objects.order_by("started_at").values_list("check_of", "started_at"):
        starts.setdefault(check, []).append(at.timestamp())
    late = [max(after - before - interval, 0.0) for one in starts.values() for before, after in pairwise(one)]
    if not late:
        raise RuntimeError("no check ran twice: measure for longer than an interval")
    return late, len(late)
