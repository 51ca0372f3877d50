"""Whether the line that tells a fault is among the first differences, over the faults of the demo shop."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mainstay.faces.bench.installation import InstallationError, free_port

# Fault of the shop -> the services whose logs a person would look at, and what the line that tells it says.
# A memory leak is left out: it writes no line.
TELLING: Mapping[str, tuple[tuple[str, ...], str]] = {
    "slow-database": (("orders", "stock", "payments"), r"slow query"),
    "payment-timeouts": (("payments",), r"provider timeout after"),
    "bad-release": (("stock",), r"TypeError|unhandled"),
    "poison-message": (("orders", "stock", "payments"), r"cannot read fulfilment message"),
    "wrong-rows": (("orders", "stock", "payments"), r"orders and payments disagree"),
    "full-disk": (("payments",), r"cannot write receipt"),
    "config-change": (("payments",), r"provider timeout after"),
    "certificate-expiry": (("storefront", "orders", "stock"), r"certificate .* loaded|expires"),
    "batch-stuck": (("settlement",), r"waiting for the ledger lock"),
}
WARM_UP, CALM, SYMPTOMS, LATEST = 60.0, 25.0, 10.0, 45.0
FIRST = 3
_MAINSTAY = (sys.executable, "-m", "mainstay")


@dataclass(frozen=True)
class Told:
    """One fault made once: the place of the telling line among the differences (from 1), 0 where it is not there."""

    fault: str
    seed: int
    place: int
    first: str

    @property
    def reached(self) -> bool:
        """Whether it is in the first three."""
        return 1 <= self.place <= FIRST


@contextmanager
def _demo() -> Iterator[Path]:
    """The demo, running in a directory of its own."""
    home = Path(tempfile.mkdtemp(prefix="mainstay-bench-demo-"))
    log = home / "out"
    command = [*_MAINSTAY, "demo", "up", "--dir", str(home / "demo"), "--port", str(free_port())]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        _until(lambda: "/welcome#" in log.read_text(encoding="utf-8"), 90, process, log)
        yield home / "demo"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _until(done: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if process.poll() is not None or time.monotonic() > deadline:
            raise InstallationError(f"the demo does not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.1)


def run(seeds: int, seed: int) -> list[Told]:
    """Make each fault once for each seed, in random order and at random moments, and look at what changed."""
    found: list[Told] = []
    with _demo() as home:
        time.sleep(WARM_UP)
        for one in range(seed, seed + seeds):
            chance = random.Random(one)  # noqa: S311 - for moments, not for secrets
            order = chance.sample(sorted(TELLING), len(TELLING))
            found += [_made(home, fault, one, chance.uniform(0, 6)) for fault in order]
    return found


def _made(home: Path, fault: str, seed: int, more: float) -> Told:
    time.sleep(CALM + more)
    began = datetime.now(UTC)
    _demo_command(home, "break", fault)
    services, telling = TELLING[fault]
    deadline = time.monotonic() + LATEST
    time.sleep(SYMPTOMS + more)
    place, first = 0, ""
    # A person looks when the page has come: as soon as there is something to see, or at the latest after a while.
    while not place and time.monotonic() < deadline:
        changes = _changes(home, services, began)
        first = changes[0]["template"] if changes else ""
        shown = [one["template"] + " " + one["example"] for one in changes]
        place = next((rank for rank, text in enumerate(shown, 1) if re.search(telling, text)), 0)
        time.sleep(1.0)
    _demo_command(home, "heal")
    return Told(fault, seed, place, first)


def _demo_command(home: Path, *words: str) -> None:
    subprocess.run([*_MAINSTAY, "demo", *words, "--dir", str(home)], check=True, capture_output=True)


def _changes(home: Path, services: tuple[str, ...], began: datetime) -> list[dict[str, str]]:
    """What changed since the fault was made, against the time just before."""
    span = f"{began:%Y-%m-%dT%H:%M:%SZ} to {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    env = {**os.environ, "MAINSTAY_DATA": str(home / "mainstay")}
    command = [*_MAINSTAY, "logs", "changed", *services, "--range", span, "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallationError(done.stderr)
    return list(json.loads(done.stdout))
