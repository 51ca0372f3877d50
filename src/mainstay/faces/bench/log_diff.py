"""Whether the line that tells a fault is among the first differences, over the faults of the demo shop."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mainstay.faces.bench import demo

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


def run(seeds: int, seed: int) -> list[Told]:
    """Make each fault once for each seed, in random order and at random moments, and look at what changed."""
    return demo.each_fault(TELLING, seeds, seed, WARM_UP, _made)


def _made(home: Path, fault: str, seed: int, more: float) -> Told:
    time.sleep(CALM + more)
    began = datetime.now(UTC)
    demo.command(home, "break", fault)
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
    demo.command(home, "heal")
    return Told(fault, seed, place, first)


def _changes(home: Path, services: tuple[str, ...], began: datetime) -> list[dict[str, str]]:
    """What changed since the fault was made, against the time just before."""
    span = f"{began:%Y-%m-%dT%H:%M:%SZ} to {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return list(demo.ask(home, "logs", "changed", *services, "--range", span))
