"""How long service levels take: a pass over objectives, the clocks of incidents, the gate with budgets; on SQLite."""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mainstay.core import clock
from mainstay.faces.bench import gate
from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.installation import own_database, percentile

if TYPE_CHECKING:
    from mainstay.catalog.models import Objective
    from mainstay.respond.objectives.measure import Minute

PASS_GOAL, CLOCKS_GOAL = 20.0, 20.0
DAYS, ENTRIES, ASKS = 30, 500, 500


def run(objectives: int, incidents: int, seed: int) -> list[Figure]:
    """All of it, one after the other."""
    chance = random.Random(seed)  # noqa: S311 - for figures, not for secrets
    with own_database():
        gate.fill(ENTRIES, chance)
        return [*_objectives(objectives, chance), *_gate(objectives, chance), *_clocks(incidents, chance)]


def _objectives(count: int, chance: random.Random) -> list[Figure]:
    """Fill the days and hours of a month, let a first pass make the rest, and measure the next minute's."""
    from mainstay.catalog.models import Budget, Objective, Service, Tally
    from mainstay.respond.objectives import loop
    from mainstay.respond.objectives.measure import Minute

    services = list(Service.objects.all())
    names = [f"o{one}" for one in range(count)]
    made = Objective.objects.bulk_create(
        Objective(
            key=name,
            name=name,
            service=chance.choice(services),
            good="g",
            total="t",
            target=0.99,
            gate_below=0.1,
            gate_kinds="job,release",
        )
        for name in names
    )
    now = clock.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [(3600, hour - timedelta(hours=one)) for one in range(1, 73)]
    cells = [*((86_400, today - timedelta(days=one)) for one in range(1, DAYS + 1)), *hours]
    Tally.objects.bulk_create(
        (
            Tally(objective=one, grain=grain, start=start, good=990 + chance.random() * 10, total=1000, seconds=grain)
            for one in made
            for grain, start in cells
        ),
        batch_size=5000,
    )
    Budget.objects.bulk_create(Budget(objective=one, measured_until=_whole(now - timedelta(hours=1))) for one in made)

    def answer(objective: "Objective", since: datetime, until: datetime) -> Sequence["Minute"]:
        del objective
        length = int((until - since).total_seconds() // 60)
        return [Minute(since + timedelta(minutes=one), 599.0, 600.0) for one in range(1, length + 1)]

    loop.run_due(answer)
    with clock.moved(timedelta(minutes=1)):
        began = time.perf_counter()
        loop.run_due(answer)
        took = time.perf_counter() - began
    return [at_most(f"pass over {count} objectives, without the telemetry store", took, "s", PASS_GOAL)]


def _whole(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _gate(count: int, chance: random.Random) -> list[Figure]:
    from mainstay.catalog.models import Budget

    # The moments that are asked about lie ahead, where no budget would be known.
    Budget.objects.update(computed_at=clock.now() + timedelta(days=100), left=0.5, problem="")
    took, yes = gate.ask(ASKS, chance, "release")
    return [
        at_most(f"gate with {count} budgets and {ENTRIES} entries", percentile(took, 0.99), "ms p99", gate.GOAL_MS),
        Figure("gate with budgets, median", round(percentile(took, 0.5), 3), "ms p50"),
        Figure("gate with budgets, share of yes", round(yes / ASKS, 2), ""),
    ]


def _clocks(count: int, chance: random.Random) -> list[Figure]:
    from mainstay.catalog.models import Agreement, Service
    from mainstay.core.access import SYSTEM
    from mainstay.respond.clocks import services as clocks
    from mainstay.respond.incidents.models import Incident
    from mainstay.respond.timeline.models import TimelineEntry

    services = list(Service.objects.all())
    weekly = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}]
    targets = [{"priority": one, "acknowledge": 600 * one, "restore": 3600 * one * one} for one in range(1, 5)]
    for number, zone in enumerate(gate.ZONES):
        row = Agreement.objects.create(
            key=f"a{number}",
            name=f"Agreement {number}",
            targets=targets,
            support_hours={"timezone": zone, "weekly": weekly},
            stops_for=["customer"],
            stops_in_maintenance=True,
        )
        row.services.set(services[number :: len(gate.ZONES)])
    now = clock.now()
    values: dict[str, Any] = {"title": "Slow", "impact": "high", "urgency": "high", "state": "acknowledged"}
    opened = [now - timedelta(minutes=chance.randint(1, 20_000)) for _ in range(count)]
    made = Incident.objects.bulk_create(
        (
            Incident(service=chance.choice(services), priority=1 + place % 4, opened_at=at, started_at=at, **values)
            for place, at in enumerate(opened)
        ),
        batch_size=500,
    )
    TimelineEntry.objects.bulk_create((one for incident in made for one in _log(incident, chance)), batch_size=1000)
    found = list(Incident.objects.select_related("service__team").order_by("pk"))
    began = time.perf_counter()
    clocks.of_many(SYSTEM, found, now)
    return [at_most(f"clocks of {count} incidents", time.perf_counter() - began, "s", CLOCKS_GOAL)]


def _log(incident: Any, chance: random.Random) -> list[Any]:
    from mainstay.respond.timeline.models import TimelineEntry

    at, minute = incident.opened_at, timedelta(minutes=1)
    happened = (
        (at, "opened", {"event": "opened", "priority": incident.priority}),
        (at + chance.randint(1, 20) * minute, "acknowledged", {"event": "acknowledged"}),
        (at + chance.randint(20, 60) * minute, "hold", {"event": "held", "why": "customer"}),
        (at + chance.randint(60, 200) * minute, "hold", {"event": "released"}),
    )
    return [
        TimelineEntry(incident=incident, at=moment, kind=kind, actor="Mainstay", text=kind, data=data)
        for moment, kind, data in happened
    ]
