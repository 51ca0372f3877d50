"""Incidents that come again: compared, proposed as a problem, worked on, verified, and opened again by what came."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction

from mainstay.change.releases import services as releases
from mainstay.change.releases.services import Wanted as Release
from mainstay.core import audit, clock, inbox, settings
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.ids import fingerprint
from mainstay.core.problems import ProblemError
from mainstay.learn.problems import alike, reading, services
from mainstay.learn.problems.loop import Problems
from mainstay.learn.problems.models import Portrait, Problem
from mainstay.learn.problems.services import Fix, Wanted
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
State = Problem.State


@pytest.fixture(autouse=True)
def _time() -> Iterator[None]:
    with clock.moved(timedelta()):
        yield


@pytest.fixture
def worker() -> Problems:
    return Problems()


def signal(name: str, service: str, state: str, pod: str) -> None:
    labels = {"alertname": name, "service": service, "pod": pod}
    now = clock.now().isoformat()
    told = {
        "source": "test",
        "fingerprint": fingerprint(labels),
        "labels": labels,
        "annotations": {"summary": f"{name} in {service}", "description": "provider timeout after 2000 ms"},
        "state": state,
        "starts_at": now,
        "ends_at": None if state == "firing" else now,
    }
    inbox.put("alert", [told])
    alerts.drain()


def happen(worker: Problems, name: str = "PaymentTimeouts", service: str = "pay", pod: str = "a") -> Incident:
    """An incident from its alert to its cause, an hour in all, and a day of peace."""
    signal(name, service, "firing", pod)
    incident = Incident.objects.latest("pk")
    clock.advance(timedelta(minutes=10))
    worker.run_due()
    incidents.acknowledge(LOCAL, incident.pk)
    clock.advance(timedelta(minutes=20))
    signal(name, service, "resolved", pod)
    incidents.resolve(LOCAL, incident.pk, "The provider was slow, its timeout was raised.")
    clock.advance(timedelta(minutes=30))
    worker.run_due()
    clock.advance(timedelta(days=1))
    incident.refresh_from_db()
    return incident


def test_three_of_a_kind_are_proposed_with_what_they_share(worker: Problems) -> None:
    first = [happen(worker, pod="a"), happen(worker, pod="b")]
    happen(worker, "DiskFull", "lonely")
    assert not Problem.objects.exists()
    third = happen(worker, pod="c")
    problem = Problem.objects.get()
    assert problem.state == State.PROPOSED
    assert problem.reason.startswith("3 times in 30 days: ")
    assert set(problem.occurrences.values_list("incident", flat=True)) == {*(one.pk for one in first), third.pk}
    assert {"name": "alertname", "value": "PaymentTimeouts"} in problem.common
    assert {"name": "pod", "values": [["a", 1], ["b", 1], ["c", 1]]} in problem.differing
    assert "Belongs to PRB-" in "\n".join(str(one) for one in third.timeline.all())
    assert audit.verify().intact


def test_an_incident_is_shown_what_it_is_like_and_what_helped(worker: Problems) -> None:
    first, second = happen(worker, pod="a"), happen(worker, pod="b")
    (found,) = alike.of_incident(LOCAL, second.pk)
    assert found.incident == first
    assert found.incident.cause.startswith("The provider was slow")
    assert "the same alert at the same place" in found.same
    assert "Pay" in found.common
    assert "alert=PaymentTimeouts" in found.common
    assert found.differing == ("pod a, now b",)
    assert alike.of_incident(LOCAL, first.pk) == []


def test_a_new_worker_knows_what_the_last_one_knew(worker: Problems) -> None:
    happen(worker), happen(worker)
    happen(Problems())
    assert Problem.objects.get().state == State.PROPOSED
    # The cause that was found afterwards is part of what is compared.
    assert len(Portrait.objects.latest("pk").likes) == 2


def test_what_comes_with_another_problem_each_time_says_so(worker: Problems) -> None:
    for _ in range(3):
        signal("CheckoutFails", "lonely", "firing", "a")
        happen(worker)
        signal("CheckoutFails", "lonely", "resolved", "a")
        incidents.resolve(LOCAL, Incident.objects.filter(service__key="lonely").latest("pk").pk, "The payments.")
        worker.run_due()
    first, second = Problem.objects.order_by("pk")
    assert "each time with" not in first.reason
    assert second.reason.endswith(f"; each time with {first}")


def test_a_dismissed_proposal_does_not_come_back_for_the_same(worker: Problems) -> None:
    for _ in range(3):
        happen(worker)
    problem = Problem.objects.get()
    with pytest.raises(ProblemError, match="write why"):
        services.dismiss(LOCAL, problem.pk, " ")
    services.dismiss(LOCAL, problem.pk, "The provider tests on Mondays.")
    happen(worker), happen(worker)
    assert Problem.objects.count() == 1
    happen(worker)
    assert Problem.objects.count() == 2


def test_a_problem_is_worked_on_fixed_by_a_release_and_solved(worker: Problems) -> None:
    rows = [happen(worker) for _ in range(3)]
    problem = services.take(LOCAL, Problem.objects.get().pk)
    services.name_cause(LOCAL, problem.pk, "Its timeout is shorter than the provider's.", "KE-1")
    services.plan_fix(LOCAL, problem.pk, Fix(version="4.2", days=7))
    release = releases.start(LOCAL, Release("pay", "4.2"))
    worker.run_due()
    assert services.get(LOCAL, problem.pk).state == State.FIX_PLANNED
    releases.finish(LOCAL, release.pk)
    worker.run_due()
    problem = services.get(LOCAL, problem.pk)
    assert (problem.state, problem.fix_release) == (State.VERIFYING, release)
    assert problem.known_error is not None
    clock.advance(timedelta(days=8))
    worker.run_due()
    problem = services.get(LOCAL, problem.pk)
    assert (problem.state, problem.reason) == (State.SOLVED, "no recurrence for 7 days after 4.2")
    again = happen(worker)
    problem = services.get(LOCAL, problem.pk)
    assert problem.state == State.OPEN
    assert f"{again} came" in problem.reason
    assert problem.occurrences.count() == len(rows) + 1
    assert Problem.objects.count() == 1


def test_a_release_that_was_rolled_back_fixes_nothing(worker: Problems) -> None:
    problem = services.create(LOCAL, Wanted("Timeouts", [happen(worker).pk], cause="Too short."))
    services.plan_fix(LOCAL, problem.pk, Fix(version="4.2"))
    release = releases.start(LOCAL, Release("pay", "4.2"))
    releases.finish(LOCAL, release.pk)
    releases.roll_back(LOCAL, release.pk, "It was slower.")
    worker.run_due()
    assert services.get(LOCAL, problem.pk).state == State.FIX_PLANNED
    services.verify(LOCAL, problem.pk)
    assert services.get(LOCAL, problem.pk).state == State.VERIFYING


def test_problems_are_made_by_hand_from_what_there_is(worker: Problems) -> None:
    incident = happen(worker)
    by_incident = services.create(LOCAL, Wanted(incidents=[incident.pk]))
    assert (by_incident.title, by_incident.state) == (incident.title, State.OPEN)
    by_error = services.create(LOCAL, Wanted(known_error="KE-1"))
    assert (by_error.title, by_error.workaround) == ("Provider is down", by_error.known_error.workaround)  # type: ignore[union-attr]
    release = releases.start(LOCAL, Release("pay", "4.1"))
    by_release = services.create(LOCAL, Wanted(release=release.pk))
    assert (by_release.state, by_release.service) == (State.CAUSE_KNOWN, release.service)
    for wanted, field in (
        (Wanted(), "title"),
        (Wanted("x", known_error="no"), "known_error"),
        (Wanted(release=99), "release"),
    ):
        with pytest.raises(ProblemError) as caught, transaction.atomic():
            services.create(LOCAL, wanted)
        assert caught.value.field == field


def test_what_problems_cost_is_that_of_their_incidents(worker: Problems) -> None:
    dear = services.create(LOCAL, Wanted("Dear", [happen(worker).pk, happen(worker).pk]))
    cheap = services.create(LOCAL, Wanted("Cheap", [happen(worker, "DiskFull", "lonely").pk]))
    first, second = reading.ranked(LOCAL, [cheap, dear])
    assert (first.problem, second.problem) == (dear, cheap)
    # 30 minutes twice, 1000 an hour, and 20 minutes of people each time.
    assert first.share.cost.money == 1000
    assert (first.share.cost.minutes_down, first.share.cost.minutes_of_people, first.share.cost.incidents) == (
        60,
        40,
        2,
    )
    assert first.share.cost.pages >= 2
    assert (first.up_to, second.up_to) == (100, 100)
    assert reading.impact(reading.happened(LOCAL, dear))[0]["name"] == "Checkout"
    clock.advance(timedelta(days=40))
    assert reading.costs_of([dear.pk], 30)[dear.pk].incidents == 0


def test_recurrences_can_be_switched_off_and_readers_may_not_act(
    worker: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = settings.current()
    off = settings.Loaded({**loaded.values, "problem_recurrences": 0}, loaded.origins)
    monkeypatch.setattr("mainstay.learn.problems.loop.current", lambda: off)
    for _ in range(3):
        happen(worker)
    assert not Problem.objects.exists()
    with pytest.raises(AccessError):
        services.create(Actor("vic", Right.READ), Wanted("x"))
