"""Planned work from the plan to the hand-over, over the real tables and rooms, moving time instead of sleeping."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.calendar.entries import Raw
from mainstay.catalog.models import Service
from mainstay.change.maintenance import conflicts, loop, services
from mainstay.change.maintenance.models import Plan, Work
from mainstay.change.maintenance.services import Wanted
from mainstay.core import access, clock
from mainstay.core.models import FeedItem, Person
from mainstay.core.problems import ProblemError
from mainstay.observe.checks.models import Check
from mainstay.respond.alerts import services as alerts
from mainstay.respond.comms import services as comms
from mainstay.respond.comms.models import Notice
from mainstay.respond.incidents.models import Incident
from mainstay.respond.tests.test_flow import signal
from mainstay.restore.runbooks import books
from mainstay.restore.runbooks import services as runs
from mainstay.restore.runbooks.models import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company", "manager")]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
State = Work.State


def actor(name: str = "Ben") -> access.Actor:
    return access.of_person(Person.objects.get(name=name))


@pytest.fixture
def manager(company: None) -> None:
    """Somebody of the business who is told."""
    comms.save(
        access.LOCAL, "boss", name="Boss", mail="boss@x.example", timezone="", services=[], processes=[], source=""
    )


def planned(*keys: str, hours: float = 1, **more: Any) -> Work:
    starts = more.pop("starts", clock.now())
    wanted = Wanted(
        "New disks", "Payments may be away.", frozenset(keys or ("pay",)), starts, starts + hours * HOUR, **more
    )
    return services.plan(actor(), wanted)


def fresh(work: Work) -> Work:
    return services.get(actor(), work.pk)


def subjects() -> list[str]:
    return [one.subject.partition(":")[0] for one in Notice.objects.order_by("pk")]


def freeze(**more: Any) -> None:
    now = clock.now().astimezone(UTC)
    start = f"{now - HOUR:%Y-%m-%dT%H:%M}"
    calendar.save(access.LOCAL, Raw("freeze", "freeze", "Month end", "UTC", start, lasts=3 * 3600, **more))


def check(key: str, state: str = "ok", ran: bool = True) -> None:
    now = clock.now()
    Check.objects.create(
        key=key, name=key, command=["true"], state=state, last_at=now if ran else None, last_text="so", next_at=now
    )


def test_while_it_goes_on_nobody_is_paged_and_everybody_is_told() -> None:
    work = planned(reach="dependents")
    services.begin(actor(), work.pk)
    signal()
    signal(name="Down", service="front")
    assert not Incident.objects.exists()
    services.end(actor(), work.pk, "The disks are in.")
    alerts.open_what_was_held()
    assert Incident.objects.count() == 2
    assert fresh(work).state == State.DONE
    assert subjects() == ["Maintenance", "Maintenance has begun", "Maintenance has ended"]
    text = Notice.objects.order_by("pk")[0].text
    assert "Checkout" in text
    assert "+00:00" in text
    assert [note.text.partition(" ")[0] for note in work.notes.all()] == ["Planned", "Begun", "Ended"]


def test_the_gate_is_asked_and_a_person_can_pass_it_aloud() -> None:
    work = planned()
    freeze()
    with pytest.raises(ProblemError, match="Month end"):
        services.begin(actor(), work.pk)
    assert fresh(work).state == State.PLANNED
    services.begin(actor(), work.pk, emergency="The disk fails right now")
    assert fresh(work).state == State.RUNNING


@pytest.mark.parametrize(("state", "ran", "why"), [("critical", True, "and says: so"), ("ok", False, "has not run")])
def test_its_checks_must_be_well_before(state: str, ran: bool, why: str) -> None:
    check("disk", state, ran)
    work = planned(before=["disk"])
    with pytest.raises(ProblemError, match=why):
        services.begin(actor(), work.pk)
    assert fresh(work).silence is None


def test_its_checks_run_once_more_before_it_counts_as_done() -> None:
    check("disk")
    work = planned(after=["disk"])
    services.begin(actor(), work.pk)
    with clock.moved(10 * MINUTE):
        services.end(actor(), work.pk, "Done.")
        assert fresh(work).state == State.CHECKING
        assert Check.objects.get().next_at <= clock.now()  # type: ignore[operator]
        loop.run_due()
        assert fresh(work).state == State.CHECKING
        Check.objects.update(last_at=clock.now())
        loop.run_due()
    assert (fresh(work).state, "disk well" in fresh(work).outcome) == (State.DONE, True)


@pytest.mark.parametrize("silent", [True, False])
def test_trouble_afterwards_or_silence_is_no_success(silent: bool) -> None:
    check("disk")
    work = planned(after=["disk"])
    services.begin(actor(), work.pk)
    with clock.moved(MINUTE):
        services.end(actor(), work.pk, "Done.")
        if not silent:
            Check.objects.update(last_at=clock.now(), state="critical")
        with clock.moved(11 * MINUTE if silent else timedelta()):
            loop.run_due()
    assert fresh(work).state == State.FAILED
    assert subjects()[-1] == "Maintenance ended with trouble"


def test_late_work_is_noticed_once_and_lapses() -> None:
    work = planned()
    with clock.moved(11 * MINUTE):
        loop.run_due()
        loop.run_due()
    told = [item.data["subject"] for item in FeedItem.objects.filter(topic="page", ref="maintenance")]
    assert [f"MNT-{work.pk} is late" in one for one in told] == [True]
    with clock.moved(HOUR):
        loop.run_due()
    assert fresh(work).state == State.LAPSED


def test_an_overrun_is_heard_and_ends_with_more_time() -> None:
    work = planned()
    services.begin(actor(), work.pk)
    with clock.moved(HOUR + MINUTE):
        loop.run_due()
        alerts.drain()
        incident = Incident.objects.get()
        assert "takes longer than planned" in incident.title
        services.extend(actor(), work.pk, clock.now() + HOUR)
        alerts.drain()
        assert not incident.alerts.filter(state="firing").exists()
        signal()
        assert Incident.objects.count() == 1
    assert "Maintenance takes longer" in subjects()


def test_forgotten_work_ends_by_itself() -> None:
    work = planned()
    services.begin(actor(), work.pk)
    with clock.moved(HOUR + MINUTE):
        loop.run_due()
        alerts.drain()
    with clock.moved(4 * HOUR):
        loop.run_due()
        alerts.drain()
    assert (fresh(work).state, fresh(work).ended_name) == (State.FAILED, "Mainstay")
    assert not Incident.objects.get().alerts.filter(state="firing").exists()


def test_it_is_moved_and_called_off() -> None:
    work = planned(starts=clock.now() + HOUR)
    with pytest.raises(ProblemError, match="planned for later"):
        services.begin(actor(), work.pk)
    services.move(actor(), work.pk, clock.now(), clock.now() + HOUR)
    services.cancel(actor(), work.pk, "The disks did not come")
    with pytest.raises(ProblemError, match="called off"):
        services.begin(actor(), work.pk)
    assert subjects() == ["Maintenance", "Maintenance moved", "Maintenance called off"]


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("services", {"keys": ["nowhere"]}),
        ("ends_at", {"hours": -1}),
        ("ends_at", {"hours": 1000}),
        ("after", {"after": ["x"]}),
    ],
)
def test_what_is_wrong_is_named(field: str, more: dict[str, Any]) -> None:
    keys = more.pop("keys", ["pay"])
    with pytest.raises(ProblemError) as caught:
        planned(*keys, **more)
    assert caught.value.field == field
    assert not Work.objects.exists()


def test_conflicts_with_work_around_it_and_with_the_calendar_are_shown() -> None:
    freeze(services=frozenset({"lonely"}))
    work = planned("front", reach="dependencies")
    now = clock.now()
    met = conflicts.of(actor(), frozenset({"pay"}), "alone", now, now + HOUR)
    assert [one.link for one in met] == [f"/maintenance/{work.pk}"]
    assert conflicts.of(actor(), frozenset({"pay"}), "alone", now, now + HOUR, but=work.pk) == []
    met = conflicts.of(actor(), frozenset({"lonely"}), "alone", now, now + HOUR)
    assert [(one.what, one.closes) for one in met] == [("Month end (freeze)", True)]


BOOK = """---
key: rotate
title: Rotate
---

```wait id=look
1s
```
"""


def weekly(**more: Any) -> Plan:
    start = f"{clock.now().astimezone(UTC) + 2 * HOUR:%Y-%m-%dT%H:%M}"
    raw = Raw("nightly", "window", "Nightly", "UTC", start, lasts=3600, rrule="FREQ=DAILY")
    calendar.save(access.LOCAL, raw)
    owner = Person.objects.get(name="Ben")
    plan = Plan.objects.create(key="rotate", name="Rotate", window="nightly", reason="Old logs.", owner=owner, **more)
    plan.services.set(Service.objects.filter(key="pay"))
    return plan


def test_a_plan_brings_one_piece_of_work_for_each_coming_window() -> None:
    weekly()
    loop.run_due()
    loop.run_due()
    assert Work.objects.filter(state=State.PLANNED).count() == 3
    start = f"{clock.now().astimezone(UTC) + 5 * HOUR:%Y-%m-%dT%H:%M}"
    calendar.save(access.LOCAL, Raw("nightly", "window", "Nightly", "UTC", start, lasts=3600, rrule="FREQ=DAILY"))
    loop.run_due()
    assert Work.objects.filter(state=State.CANCELLED).count() == 3
    assert {
        one.starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")[11:]
        for one in Work.objects.filter(state=State.PLANNED)
    } == {start[11:]}


def test_a_plan_with_a_book_begins_and_ends_by_itself() -> None:
    books.save(actor("Ana"), BOOK)
    weekly(runbook="rotate", by_itself=True)
    loop.run_due()
    work = Work.objects.get(starts_at__lt=clock.now() + 3 * HOUR)
    with clock.moved(2 * HOUR + MINUTE):
        loop.run_due()
        assert fresh(work).state == State.RUNNING
        run = fresh(work).run
        assert run is not None
        assert run.state == Run.State.WAITING
        Run.objects.filter(pk=run.pk).update(state=Run.State.DONE)
        loop.run_due()
    assert (fresh(work).state, fresh(work).ended_name) == (State.DONE, "its runbook")


def test_a_book_that_failed_ends_the_work_with_trouble() -> None:
    books.save(actor("Ana"), BOOK)
    run = runs.propose(actor(), "rotate", {})
    work = planned(run=run.pk)
    services.begin(actor(), work.pk)
    with pytest.raises(ProblemError, match="is not over"):
        services.end(actor(), work.pk, "Enough.")
    Run.objects.filter(pk=run.pk).update(state=Run.State.FAILED, state_reason="exit code 1")
    loop.run_due()
    assert (fresh(work).state, "exit code 1" in fresh(work).outcome) == (State.FAILED, True)


def test_what_hinders_a_beginning_is_said_when_it_is_late() -> None:
    work = planned(by_itself=True)
    freeze()
    loop.run_due()
    assert "Month end" in fresh(work).hindrance
    with clock.moved(11 * MINUTE):
        loop.run_due()
    told = FeedItem.objects.filter(topic="page", ref="maintenance").get().data["subject"]
    assert "Month end" in told


def test_a_plan_without_an_owner_says_so() -> None:
    plan = weekly()
    Plan.objects.update(owner=None)
    loop.run_due()
    plan.refresh_from_db()
    assert "name an owner" in plan.problem
