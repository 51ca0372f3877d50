"""How quickly lines are found, side by side with ripgrep and lnav on the same lines in a file."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from mainstay.core import clock
from mainstay.core import settings as conf
from mainstay.core.access import LOCAL
from mainstay.faces.bench.installation import percentile
from mainstay.faces.bench.log_corpus import corpus
from mainstay.observe.logs import frame
from mainstay.observe.logs.search import services as search
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.times import Range
from mainstay.observe.telemetry import client, schema
from mainstay.observe.telemetry import services as telemetry

PIECE = 50_000
DAY_US = 86_400_000_000
RARE = "benchrareword"


@dataclass(frozen=True)
class Speed:
    """One kind of search: p50 in milliseconds over ``tries``.

    Ids and pieces of words are new in each try.

    ``rg_ms`` and ``lnav_ms`` are what these programs take for the same on a file, None where they are not installed or
    have no such search. lnav is timed with its start, which reads the file.
    """

    name: str
    goal_ms: float
    tries: int
    p50_ms: float
    worst_ms: float
    found: int
    rg_ms: float | None
    lnav_ms: float | None

    @property
    def reached(self) -> bool:
        """Whether the p50 is within the goal."""
        return self.p50_ms <= self.goal_ms


def bench_search(lines: int = 2_000_000, tries: int = 15, seed: int = 1) -> list[Speed]:
    """Make ``lines`` lines of one day, put them into an engine of its own and into a file, and search both."""
    with engine(), tempfile.TemporaryDirectory(prefix="mainstay-bench-logs-") as place:
        file = Path(place) / "day.log"
        within, needles, parts = _fill(lines, seed, file)
        return _measure(within, needles, parts, file, tries)


@contextmanager
def engine() -> Iterator[None]:
    """An engine process of its own, which this process's settings lead to."""
    before = conf.current()
    with tempfile.TemporaryDirectory(prefix="mainstay-bench-logs-") as data:
        conf.use(conf.load({"data": data}))
        client.forget()
        env = {**os.environ, "MAINSTAY_DATA": data}
        process = subprocess.Popen([sys.executable, "-m", "mainstay", "engine"], env=env)
        try:
            deadline = time.monotonic() + 30
            while not (Path(data) / "run" / "engine.json").exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise telemetry.TelemetryError("the engine does not start")
                time.sleep(0.05)
            telemetry.prepare()
            yield
        finally:
            process.terminate()
            process.wait(30)
            conf.use(before)
            client.forget()


def _fill(lines: int, seed: int, file: Path) -> tuple[Range, list[str], list[str]]:
    """Lines into the store and the file: (their range, ids that stand in one line each, pieces of words)."""
    now = clock.now_ms()
    end = now * 1000
    insert = schema.LOG_LINES.insert()
    needles: list[str] = []
    with file.open("w", encoding="utf-8") as out:
        for place in range(0, lines, PIECE):
            count = min(PIECE, lines - place)
            start = end - DAY_US + DAY_US * place // lines
            piece = corpus(count, seed + place, start, end - DAY_US + DAY_US * (place + count) // lines)
            # One line in 20,000 holds the rare word.
            rare = pl.when(pl.int_range(pl.len()) % 20_000 == 777).then(pl.col("body") + f" {RARE}{place // PIECE % 5}")
            piece = piece.with_columns(body=rare.otherwise("body"))
            needles += piece["body"].str.extract(r"reference ([0-9a-f-]{20,})").drop_nulls()[:40].to_list()
            batch = io.BytesIO()
            frame.complete(piece, now, 14).write_ipc_stream(batch)
            client.connect().insert(insert, batch.getvalue(), f"bench-{place}")
            written = pl.concat_str(
                pl.from_epoch("time", "us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
                "level",
                "service",
                "body",
                separator=" ",
            )
            out.write("\n".join(piece.select(written).to_series()) + "\n")
    parts = [needle[3:11] for needle in needles[::3]]
    return times.of(times.from_micros(end - DAY_US), times.from_micros(end + 1)), needles[1::3], parts


def _measure(within: Range, needles: Sequence[str], parts: Sequence[str], file: Path, tries: int) -> list[Speed]:
    rare = [f"{RARE}{place % 5}" for place in range(tries)]
    asked: list[tuple[str, float, Sequence[str], Callable[[str, Range], int], str]] = [
        ("unique id", 30, needles[:tries], _page, "-c"),
        ("rare word", 50, rare, _page, "-c"),
        ("substring", 150, parts[:tries], lambda one, when: _page(f"*{one}*", when), "-c"),
        (
            "common word, newest 200",
            50,
            ["order"] * tries,
            _page,
            "",
        ),
        ("errors per minute", 40, ["level:error"] * tries, lambda one, when: _total(one, when, 1441), ""),
        ("histogram of a word", 150, ["timeout"] * tries, lambda one, when: _total(one, when, 60), "-c"),
    ]
    for query in ("warm-up", "*warm-up*"):
        search.search(LOCAL, query, within)
    found = []
    for name, goal, words, ask, grep in asked:
        took, count = [], 0
        for place, word in enumerate(words):
            # The store remembers what it has answered; no two tries ask for quite the same range.
            shifted = times.of(within.start + timedelta(microseconds=place + 1), within.end)
            began = time.perf_counter()
            count = ask(word, shifted)
            took.append((time.perf_counter() - began) * 1000)
        sample = words[len(words) // 2]
        rg = _timed(["rg", "-i", grep, "-F", sample, str(file)]) if grep else None
        lnav = _timed(["lnav", "-n", "-c", f":filter-in {sample}", str(file)]) if grep else None
        found.append(Speed(name, goal, len(took), percentile(took, 0.5), max(took), count, rg, lnav))
    return found


def _page(query: str, within: Range) -> int:
    return len(search.search(LOCAL, query, within).lines)


def _total(query: str, within: Range, buckets: int) -> int:
    return search.histogram(LOCAL, query, within, buckets).scan.matched


def _timed(command: Sequence[str]) -> float | None:
    """Milliseconds that a program takes, with a warm file cache; None without the program."""
    if not shutil.which(command[0]):
        return None
    took = []
    for _ in range(2):
        began = time.perf_counter()
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=120)
        except subprocess.TimeoutExpired:
            return None
        took.append((time.perf_counter() - began) * 1000)
    return min(took)
