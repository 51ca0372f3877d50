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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from mainstay.faces.bench.installation import InstallationError, free_port

Told = TypeVar("Told")
_MAINSTAY = (sys.executable, "-m", "mainstay")


@contextmanager
def running() -> Iterator[Path]:
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


def each_fault(
    faults: Iterable[str], seeds: int, seed: int, warm_up: float, make: Callable[[Path, str, int, float], Told]
) -> list[Told]:
    """Make each fault of a fresh demo once for each seed, in random order and up to six seconds later than it could."""
    found: list[Told] = []
    named = sorted(faults)
    with running() as home:
        time.sleep(warm_up)  # real time: the shop has to have sold for a while
        for one in range(seed, seed + seeds):
            chance = random.Random(one)  # noqa: S311 - for moments, not for secrets
            for fault in chance.sample(named, len(named)):
                found.append(make(home, fault, one, chance.uniform(0, 6)))
                # It takes an hour: who waits, or has to break off, sees what there is.
                click.echo(found[-1], err=True)
    return found


def _until(done: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if process.poll() is not None or time.monotonic() > deadline:
            raise InstallationError(f"the demo does not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.1)  # a process of its own comes up, which nothing here can hasten


def command(home: Path, *words: str) -> None:
    """Run ``mainstay demo`` on it."""
    subprocess.run([*_MAINSTAY, "demo", *words, "--dir", str(home)], check=True, capture_output=True)


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
