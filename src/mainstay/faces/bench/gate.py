"""How long the gate takes to answer over a busy calendar, on SQLite."""

import random
import time
from datetime import timedelta
from typing import Any

from mainstay.core import clock
from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.installation import own_database, percentile

GOAL_MS = 20.0
SERVICES = 120
# Rules as teams write them, the old and the rare ones too.
RULES = (
    "",
    "FREQ=WEEKLY;BYDAY=SU",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;COUNT=500",
    "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20",
    "FREQ=HOURLY;INTERVAL=6",
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


def fill(entries: int, chance: random.Random) -> None:
    """Services with their calls, and a calendar of so many entries."""
    from mainstay.catalog.calendar import services as calendar
    from mainstay.catalog.calendar.entries import REACHES, Raw
    from mainstay.catalog.models import Dependency, Service
    from mainstay.core.access import LOCAL

    made = [Service(key=f"s{one}", name=f"s{one}", only_in_windows=one % 4 == 0) for one in range(SERVICES)]
    Service.objects.bulk_create(made)
    pairs = {(chance.randrange(SERVICES), chance.randrange(SERVICES)) for _ in range(3 * SERVICES)}
    Dependency.objects.bulk_create(Dependency(caller=made[a], callee=made[b]) for a, b in pairs if a != b)
    for number in range(entries):
        began = clock.now() + timedelta(days=chance.randint(-3650, 200))
        values: dict[str, Any] = {
            # Most freezes lie ahead or behind, so that both answers are measured.
            "kind": chance.choice(("window", "window", "window", "freeze", "event")),
            "timezone": chance.choice(ZONES),
            "start": f"{began:%Y-%m-%dT%H:%M}",
            "lasts": chance.choice((3600, 7200, 14_400)),
            "rrule": chance.choice(RULES),
            "reach": chance.choice(REACHES),
            "services": frozenset(f"s{chance.randrange(SERVICES)}" for _ in range(chance.choice((0, 1, 2, 5)))),
        }
        calendar.save(LOCAL, Raw(key=f"e{number}", name=f"Entry {number}", **values))


def ask(asks: int, chance: random.Random, kind: str) -> tuple[list[float], int]:
    """Ask about random services at moments of the coming weeks: milliseconds of each, and how many said yes."""
    from mainstay.catalog.calendar import gate
    from mainstay.core.access import LOCAL

    took, yes = [], 0
    moments = sorted(clock.now() + timedelta(minutes=chance.randint(0, 60 * 24 * 60)) for _ in range(asks))
    for number, now in enumerate(moments):
        asked = [f"s{chance.randrange(SERVICES)}" for _ in range(1 + number % 3)]
        began = time.perf_counter()
        answer = gate.may_change(LOCAL, asked, now, kind=kind)
        took.append((time.perf_counter() - began) * 1000)
        yes += answer.allowed
    return took, yes


def run(entries: int, asks: int, seed: int) -> list[Figure]:
    """Ask about random services at random moments of the coming weeks, one after the other."""
    chance = random.Random(seed)  # noqa: S311 - for a calendar, not for secrets
    with own_database():
        fill(entries, chance)
        took, yes = ask(asks, chance, "correction")
    return [
        at_most(f"gate over {entries} entries", percentile(took, 0.99), "ms p99", GOAL_MS),
        Figure("gate, median", round(percentile(took, 0.5), 3), "ms p50"),
        Figure("gate, first question of a process", round(took[0], 3), "ms"),
        Figure("gate, share of yes", round(yes / asks, 2), ""),
    ]
