"""The demo shop with its Mainstay, started for a measurement in a directory of its own."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import click

from mainstay.faces.bench.installation import InstallationError, free_port

Told = TypeVar("Told")
_MAINSTAY = (sys.executable, "-m", "mainstay")


_FIRST_PORT, _PORTS = 20_000, 20


@contextmanager
def running(place: int = 0) -> Iterator[Path]:
    """The demo, running in a directory of its own; those that run beside each other have another ``place`` each."""
    home = Path(tempfile.mkdtemp(prefix="mainstay-bench-demo-"))
    log = home / "out"
    ports = "--port", str(free_port()), "--shop-port", str(_FIRST_PORT + place % 400 * _PORTS)
    command = [*_MAINSTAY, "demo", "up", "--dir", str(home / "demo"), *ports]
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


def each_fault(
    faults: Iterable[str],
    seeds: int,
    seed: int,
    warm_up: float,
    make: Callable[[Path, str, int, float], Told],
    beside: int = 1,
) -> list[Told]:
    """Make each fault once for each seed, in random order and up to six seconds later than it could.

    Each seed has a fresh demo; as many as ``beside`` says run at the same time.
    """
    named = sorted(faults)

    def in_one(home: Path, one: int) -> list[Told]:
        chance = random.Random(one)  # noqa: S311 - for moments, not for secrets
        found: list[Told] = []
        time.sleep(warm_up)  # real time: the shop has to have sold for a while
        for fault in chance.sample(named, len(named)):
            found.append(make(home, fault, one, chance.uniform(0, 6)))
            # It takes an hour: who waits, or has to break off, sees what there is.
            click.echo(found[-1], err=True)
        return found

    told: list[list[Told]] = []
    every = range(seed, seed + seeds)
    for batch in (every[place : place + beside] for place in range(0, seeds, beside)):
        # Whoever breaks off ends the demos first, so that what waits for them ends, too.
        with ThreadPoolExecutor(beside) as pool, ExitStack() as demos:
            homes = [demos.enter_context(running(one)) for one in batch]
            told += pool.map(in_one, homes, batch)
    return [one for each in told for one in each]


def _until(done: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if process.poll() is not None or time.monotonic() > deadline:
            raise InstallationError(f"the demo does not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.1)  # a process of its own comes up, which nothing here can hasten


def command(home: Path, *words: str) -> None:
    """Run ``mainstay demo`` on it."""
    subprocess.run([*_MAINSTAY, "demo", *words, "--dir", str(home)], check=True, capture_output=True)


def incidents(home: Path) -> list[dict[str, Any]]:
    """The latest incidents of its Mainstay, by the API: a command a second would be most of what the machine does."""
    head = {"Authorization": f"Bearer {_token(home)}"}
    port = json.loads((home / "demo.json").read_text(encoding="utf-8"))["port"]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/incidents?limit=200", headers=head)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - it is our own
        found: list[dict[str, Any]] = json.load(answer)["incidents"]
    return found


@lru_cache
def _token(home: Path) -> str:
    return tell(home, "token", "create", "--name", "bench", "--scope", "read").strip()


def ask(home: Path, *words: str) -> Any:
    """What a command of its Mainstay answers as JSON."""
    return json.loads(tell(home, *words, "--json"))


def tell(home: Path, *words: str) -> str:
    """Run a command of its Mainstay."""
    env = {**os.environ, "MAINSTAY_DATA": str(home / "mainstay")}
    done = subprocess.run([*_MAINSTAY, *words], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallationError(done.stderr)
    return done.stdout
