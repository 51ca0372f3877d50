"""How long the report of a busy month takes, on SQLite and without telemetry."""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mainstay.core import clock
from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.installation import own_database

if TYPE_CHECKING:
    from mainstay.catalog.models import Service
    from mainstay.core.models import Person
    from mainstay.respond.incidents.models import Incident

GOAL_SECONDS = 2.0
_SERVICES, _PEOPLE, _RELEASES = 60, 25, 400


def run(incidents: int, seed: int) -> list[Figure]:
    """A month of so many incidents beside one of as many, worked out twice; the slower one counts."""
    chance = random.Random(seed)  # noqa: S311 - for figures, not for secrets
    with own_database():
        from mainstay.core.access import LOCAL
        from mainstay.faces.api import reports as faces
        from mainstay.learn.reports import services
        from mainstay.learn.reports.domain.periods import Kind
        from mainstay.learn.reports.services import Wanted

        now = clock.now()
        calendar = services.calendar_of("UTC", ())
        month = calendar.ended(Kind.MONTH, now)
        _fill(chance, incidents, month.start, month.end)
        earlier = calendar.before(month)
        _fill(chance, incidents, earlier.start, earlier.end)
        took, wrote = [], 0.0
        for _ in range(2):
            began = time.perf_counter()
            report = services.report(LOCAL, Wanted("month", at=month.start))
            took.append(time.perf_counter() - began)
        began = time.perf_counter()
        faces.body_of(report, "pdf")
        wrote = time.perf_counter() - began
        counted = int(report.figure("incidents").value or 0)
    return [
        at_most(f"report of a month of {counted:,} incidents beside as many", max(took), "s", GOAL_SECONDS),
        Figure("the same as PDF, besides", round(wrote, 3), "s"),
    ]


def _fill(chance: random.Random, count: int, start: datetime, end: datetime) -> None:
    from mainstay.catalog.models import Service
    from mainstay.change.releases.models import Release
    from mainstay.core.models import Person
    from mainstay.respond.clocks.models import Reading
    from mainstay.respond.incidents.models import Incident
    from mainstay.respond.timeline.models import TimelineEntry

    for number in range(_SERVICES):
        Service.objects.get_or_create(key=f"s{number}", defaults={"name": f"s{number}"})
    for number in range(_PEOPLE):
        about = {"name": f"Person {number}", "timezone": "Europe/Berlin"}
        Person.objects.get_or_create(email=f"p{number}@x.example", defaults=about)
    services, people = list(Service.objects.all()), list(Person.objects.all())
    span = (end - start).total_seconds()
    moments = sorted(start + timedelta(seconds=chance.random() * span) for _ in range(count))
    rows = Incident.objects.bulk_create((_incident(chance, at, services) for at in moments), batch_size=500)
    TimelineEntry.objects.bulk_create(
        (
            TimelineEntry(incident=one, at=one.opened_at, kind="alert", actor="Mainstay", text="it fires")
            for one in rows
            for _ in range(1 + chance.randrange(3))
        ),
        batch_size=500,
    )
    Reading.objects.bulk_create(
        (
            Reading(incident=one, goal=goal, agreement="gold", priority=one.priority, outcome=chance.choice(_OUTCOMES))
            for one in rows
            for goal in ("acknowledge", "restore")
        ),
        batch_size=500,
    )
    _page(chance, rows, people)
    Release.objects.bulk_create(
        Release(
            service=chance.choice(services),
            version=str(number),
            state=chance.choice(("passed", "failed", "inconclusive")),
            created_at=start,
            made_by="bench",
            started_at=start + timedelta(seconds=chance.random() * span),
        )
        for number in range(_RELEASES)
    )


_OUTCOMES = ("met", "met", "met", "breached")


def _incident(chance: random.Random, at: datetime, services: Sequence["Service"]) -> "Incident":
    from mainstay.respond.incidents.models import Incident

    taken = at + timedelta(minutes=chance.expovariate(1 / 6)) if chance.random() < 0.8 else None
    restored = at + timedelta(minutes=chance.expovariate(1 / 40))
    return Incident(
        title="It is slow",
        service=chance.choice(services),
        state="resolved",
        priority=chance.choice((1, 2, 2, 3, 3, 3, 4)),
        impact="high",
        urgency="high",
        opened_at=at,
        started_at=at - timedelta(seconds=chance.random() * 90),
        acknowledged_at=taken,
        restored_at=restored,
        resolved_at=restored,
    )


def _page(chance: random.Random, rows: Sequence["Incident"], people: Sequence["Person"]) -> None:
    from mainstay.core import ids
    from mainstay.respond.oncall.models import Escalation
    from mainstay.respond.paging.models import Page

    made = Escalation.objects.bulk_create(
        (
            Escalation(
                incident=one,
                snapshot={},
                state="stopped",
                next_at=one.opened_at,
                started_at=one.opened_at,
                reason="bench",
            )
            for one in rows
        ),
        batch_size=500,
    )
    Page.objects.bulk_create(
        (
            Page(
                escalation=one,
                incident=one.incident,
                person=chance.choice(people),
                step=1,
                reason="bench",
                key=ids.new_id(),
                created_at=one.incident.opened_at,
            )
            for one in made
        ),
        batch_size=500,
    )
