"""Clocks of real incidents: what their log tells, what is said once, what planned work stops, what is kept."""

import re
from datetime import timedelta

import pytest

from mainstay.change.maintenance import services as maintenance
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import access, clock
from mainstay.core.access import LOCAL, SYSTEM, AccessError
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.respond.clocks import loop, services
from mainstay.respond.clocks.domain import Clock, State
from mainstay.respond.clocks.models import Reading
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.paging.models import Page
from mainstay.respond.tests.test_flow import signal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
MIN = timedelta(minutes=1)

AGREED = """
agreements:
  - key: gold
    name: Gold
    services: [pay]
    targets: [{priority: 1, acknowledge: 10m, restore: 1h}, {priority: 3, restore: 8h}]
    stops_for: [customer]
    stops_in_maintenance: true
"""


def agree(text: str = AGREED) -> None:
    config.apply(LOCAL, read.read([("levels.yaml", text)]))


def actor(name: str = "Ben") -> access.Actor:
    return access.of_person(Person.objects.get(name=name))


def broken() -> Incident:
    signal()
    return Incident.objects.get()


def restoring(incident: Incident) -> Clock:
    found = services.of(SYSTEM, Incident.objects.get(pk=incident.pk), clock.now())
    assert found is not None
    return found.restore


def said(incident: Incident) -> list[str]:
    return list(incident.timeline.filter(kind="clock").order_by("pk").values_list("text", flat=True))


def test_files_are_applied_and_given_back_as_they_were() -> None:
    agree()
    assert config.plan(read.read([("levels.yaml", AGREED)])) == []
    assert "stops_in_maintenance: true" in config.export(LOCAL)
    agree("services: []")
    assert services.of(SYSTEM, broken(), clock.now()) is None


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("targets: [{priority: 1, restore: 1h}], services: [nope]", "services: there is no service 'nope'"),
        ("targets: [{priority: 1, restore: 1h}], closed: [nope]", "closed: there is no calendar entry 'nope'"),
        ("targets: [{priority: 1}, {priority: 1}]", "a priority stands twice"),
        ("targets: [{priority: 1, restore: 5s}]", "greater than or equal to 60"),
    ],
)
def test_what_cannot_be_agreed_is_named(entry: str, told: str) -> None:
    with pytest.raises(read.ConfigError, match=told):
        agree(f"agreements:\n  - {{key: gold, {entry}}}\n")


def test_it_warns_once_and_says_a_breach_once_to_whoever_was_paged() -> None:
    agree()
    incident = broken()
    assert loop.run_due() == 0
    with clock.moved(8 * MIN):
        assert (loop.run_due(), loop.run_due()) == (1, 0)
    with clock.moved(11 * MIN):
        assert (loop.run_due(), loop.run_due()) == (1, 0)
    assert [text.partition(":")[0] for text in said(incident)] == [
        "1 min left to acknowledge",
        "Agreed time to acknowledge is over",
    ]
    assert Page.objects.filter(incident=incident, reason__startswith="Agreed time to acknowledge is over").count() == 1
    incidents.acknowledge(actor(), incident.pk)
    with clock.moved(61 * MIN):
        assert restoring(incident).state == State.BREACHED
        assert (loop.run_due(), loop.run_due()) == (1, 0)
        told = Page.objects.get(incident=incident, reason__startswith="Agreed time to restore is over")
        assert told.person.name == "Ben"
    assert set(Reading.objects.values_list("outcome", flat=True)) == {""}


def test_the_outcome_is_written_down_when_it_is_resolved_and_stays() -> None:
    agree()
    incident = broken()
    incidents.acknowledge(actor(), incident.pk)
    with clock.moved(2 * MIN):
        signal(state="resolved")
    with clock.moved(90 * MIN):
        incidents.resolve(actor(), incident.pk, "A cable")
        assert (loop.run_due(), loop.run_due()) == (1, 0)
        agree(AGREED.replace("1h", "1m"))
        assert loop.run_due() == 0
        assert services.counts(actor(), clock.now() - timedelta(days=1)) == {"acknowledge": (1, 0), "restore": (1, 0)}
    kept = Reading.objects.get(goal="restore")
    assert (kept.outcome, kept.agreement, kept.priority, kept.limit_seconds) == ("met", "gold", 1, 3600)
    assert 115 <= kept.spent_seconds <= 125


def test_waiting_stops_the_clock_and_ends_when_the_alert_comes_back() -> None:
    agree()
    incident = broken()
    with pytest.raises(ProblemError, match="Take it before"):
        services.hold(actor(), incident.pk, "customer", "Their firewall")
    incidents.acknowledge(actor(), incident.pk)
    with pytest.raises(AccessError):
        services.hold(actor("Vic"), incident.pk, "customer", "Their firewall")
    with pytest.raises(ProblemError, match="write one of customer, third_party"):
        services.hold(actor(), incident.pk, "weather", "Rain")
    services.hold(actor(), incident.pk, "customer", "Their firewall")
    with clock.moved(50 * MIN):
        found = restoring(incident)
        assert (found.state, found.due) == (State.STOPPED, None)
        services.resume(actor(), incident.pk)
        with pytest.raises(ProblemError, match="waits for nobody"):
            services.resume(actor(), incident.pk)
    with clock.moved(60 * MIN):
        found = restoring(incident)
        assert found.state == State.RUNNING
        assert 10 * MIN <= found.spent <= 11 * MIN
        services.hold(actor(), incident.pk, "customer", "Their firewall")
        signal(state="resolved")
        signal()
        assert restoring(incident).state == State.RUNNING


def test_a_priority_that_is_set_by_hand_counts_from_then_on() -> None:
    agree()
    incident = broken()
    with clock.moved(30 * MIN):
        incidents.set_priority(actor(), incident.pk, 3, "Hardly anybody is hit")
    with clock.moved(120 * MIN):
        found = restoring(incident)
        assert (found.state, found.limit) == (State.RUNNING, 8 * 60 * MIN)
        incidents.set_priority(actor(), incident.pk, 1, "It spreads")
        found = restoring(incident)
        assert (found.state, found.breached_at is not None) == (State.BREACHED, True)


def test_planned_work_stops_it_up_to_its_agreed_end_and_no_longer() -> None:
    agree()
    incident = broken()
    now = clock.now()
    work = maintenance.plan(
        actor(),
        maintenance.Wanted("Disks", "New disks", frozenset({"pay"}), now, now + 30 * MIN, quiet=False, announced=False),
    )
    with clock.moved(10 * MIN):
        maintenance.begin(actor(), work.pk)
        found = restoring(incident)
        assert (found.state, 10 * MIN <= found.spent <= 11 * MIN) == (State.STOPPED, True)
        assert f"stopped now: {work}" in found.reason
    with clock.moved(40 * MIN):
        found = restoring(incident)
        assert found.state == State.RUNNING
        assert 19 * MIN <= found.spent <= 21 * MIN
        maintenance.extend(actor(), work.pk, clock.now() + 30 * MIN)
        assert restoring(incident).state == State.STOPPED
    with clock.moved(50 * MIN):
        maintenance.end(actor(), work.pk, "They spin")
    with clock.moved(60 * MIN):
        found = restoring(incident)
        assert found.state == State.RUNNING
        assert 29 * MIN <= found.spent <= 31 * MIN
        # Real seconds pass between the steps.
        assert re.search(rf"(29|30) min \({work}\)", found.reason)


def test_work_on_what_it_needs_stops_it_as_its_reach_says() -> None:
    agree(AGREED.replace("[pay]", "[front]"))
    signal(service="front")
    incident = Incident.objects.get()
    now = clock.now()
    for reach, state in (("alone", State.RUNNING), ("dependents", State.STOPPED)):
        wanted = maintenance.Wanted(
            "Disks", "x", frozenset({"pay"}), now, now + 30 * MIN, reach, quiet=False, announced=False
        )
        maintenance.begin(actor(), maintenance.plan(actor(), wanted).pk)
        assert restoring(incident).state == state


def test_windows_of_the_calendar_stop_it_where_that_is_agreed() -> None:
    window = (
        "calendar:\n  - {key: always, kind: window, services: [pay], start: 2026-01-01T00:00, lasts: 24h, "
        "rrule: FREQ=DAILY}\n"
    )
    agree(window + AGREED)
    incident = broken()
    assert restoring(incident).state == State.RUNNING
    agree(window + AGREED.replace("stops_in_maintenance", "stops_in_windows"))
    assert restoring(incident).state == State.STOPPED


def test_an_incident_that_is_older_than_the_log_of_events_is_read_from_its_row() -> None:
    agree()
    incident = broken()
    incidents.acknowledge(actor(), incident.pk)
    incident.timeline.update(data={})
    with clock.moved(20 * MIN):
        found = restoring(incident)
        assert (found.state, 20 * MIN <= found.spent <= 21 * MIN) == (State.RUNNING, True)
