"""Recordings of the demo shop: what its processes say of themselves when well, busier, quieter, restarted and broken.

Each fault is really made in a running shop and its metrics are scraped, with a well stretch recorded before it in the
same shop, so that what the machine does meanwhile is in both.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import polars as pl

from mainstay.faces.bench.installation import InstallationError, free_port
from mainstay.observe.metrics.scrape.exposition import parse

FAULTS = (
    *("slow-database", "payment-timeouts", "memory-leak", "bad-release", "poison-message", "wrong-rows", "full-disk"),
    *("config-change", "certificate-expiry", "batch-stuck"),
)
SERVICES = ("storefront", "orders", "payments", "stock", "settlement")
# What a stretch is called: a fault, or one of these.
WELL, BUSIER, QUIETER, RESTARTED = "well", "busier", "quieter", "restarted"
SPEEDS = {WELL: 1.0, BUSIER: 1.7, QUIETER: 0.6}
_ROUNDS = 3
EVERY = 2.0
_WARM_UP, _SETTLE = 40.0, 12.0
_SHOP = (sys.executable, "-m", "cornershop")
_LEFT_OUT = ("_bucket", "_created", "process_start_time_seconds")


@dataclass
class Shop:
    """One running shop and what was read from it: stretch, scene, seconds since 1970, service, metric, value."""

    home: Path
    port: int
    number: int
    rows: list[tuple[int, str, float, str, str, float]] = field(default_factory=list)
    stretch: int = 0

    def tell(self, *words: str) -> None:
        """Run a command of the shop."""
        command = [*_SHOP, *words, "--dir", str(self.home)]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def record(self, scene: str, seconds: float) -> None:
        """Scrape all services for a while. It sleeps in real time: the shop is alive, and its clock not ours."""
        self.stretch += 1
        began = time.monotonic()
        due = began
        while due - began < seconds:
            for offset, service in enumerate(SERVICES):
                self._scrape(scene, service, self.port + offset)
            due += EVERY
            time.sleep(max(0.0, due - time.monotonic()))

    def _scrape(self, scene: str, service: str, port: int) -> None:
        at = time.time()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                scraped = parse(answer.read().decode())
        except (urllib.error.URLError, TimeoutError):
            return  # a service that does not answer has no samples, which is what a window of it shows
        number = self.number * 1000 + self.stretch
        for series, value in zip(scraped.series, scraped.values.tolist(), strict=True):
            if not series.partition("{")[0].endswith(_LEFT_OUT):
                self.rows.append((number, scene, at, service, series, value))


@contextmanager
def _running(number: int) -> Iterator[Shop]:
    home = Path(tempfile.mkdtemp(prefix="mainstay-bench-shop-"))
    # Eleven ports in a row are needed; far apart, several shops do not meet.
    shop = Shop(home / "shop", 20000 + free_port() % 9000 + number * 20, number)
    command = [*_SHOP, "up", "--dir", str(shop.home), "--base-port", str(shop.port), "--seed", str(11 + number)]
    with (home / "out").open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + 90
        while not (shop.home / "shop.json").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise InstallationError(f"the shop does not open:\n{(home / 'out').read_text()[-2000:]}")
            time.sleep(0.2)  # processes of their own come up, which nothing here can hasten
        yield shop
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _faults(number: int, faults: Sequence[str], seconds: float) -> Shop:
    with _running(number) as shop:
        time.sleep(_WARM_UP)  # real time: the shop has to have sold for a while
        for fault in faults:
            shop.record(WELL, seconds)
            shop.tell("break", fault)
            shop.record(fault, seconds)
            shop.tell("heal")
            time.sleep(_SETTLE)  # and it has to come to itself again
            click.echo(f"recorded: {fault}", err=True)
    return shop


def _traffic(number: int, seconds: float) -> Shop:
    """A shop that is well, busier and quieter in turn, several times, so that chance does not look like harm."""
    with _running(number) as shop:
        time.sleep(_WARM_UP)
        plan = shop.home / "state" / "plan.json"
        was = plan.read_text(encoding="utf-8")
        for _ in range(_ROUNDS):
            for scene, speed in SPEEDS.items():
                plan.write_text(json.dumps({**json.loads(was), "speed": speed}), encoding="utf-8")
                shop.tell("restart", "traffic")
                time.sleep(_SETTLE)
                shop.record(scene, seconds)
        click.echo("recorded: more and less traffic", err=True)
    return shop


def _restarts(number: int, seconds: float) -> Shop:
    """A shop that is well, with services restarted as a good release does."""
    with _running(number) as shop:
        time.sleep(_WARM_UP)
        for service in ("stock", "payments", "storefront", "orders"):
            shop.record(WELL, seconds)
            shop.tell("restart", service)
            shop.record(RESTARTED, seconds / 2)
        click.echo("recorded: restarts", err=True)
    return shop


def record(seconds: float) -> pl.DataFrame:
    """Record all scenes, each for so many seconds. It takes some ten times as long, plus three minutes."""
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(_faults, 1, FAULTS[:5], seconds),
            pool.submit(_faults, 2, FAULTS[5:], seconds),
            pool.submit(_traffic, 3, seconds),
            pool.submit(_restarts, 4, seconds),
        ]
        rows = [row for job in jobs for row in job.result().rows]
    names = ["stretch", "scene", "at", "service", "metric", "value"]
    return pl.DataFrame(rows, schema=names, orient="row")
