"""Alerts under a silence open nothing and page nobody, and are heard again when it is over, whoever ended it."""

from datetime import timedelta

import pytest

from mainstay.core import access, clock
from mainstay.core.access import AccessError
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.respond.alerts import services as alerts
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident
from mainstay.respond.paging.models import Page
from mainstay.respond.silences import services as silences
from mainstay.respond.silences.models import Silence
from mainstay.respond.silences.services import Wanted
from mainstay.respond.tests.test_flow import signal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
HOUR = timedelta(hours=1)


def actor(name: str) -> access.Actor:
    return access.of_person(Person.objects.get(name=name))


def quiet(*services: str, hours: float = 1, **more: object) -> Silence:
    wanted = Wanted("The disk is replaced", clock.now() + hours * HOUR, frozenset(services), **more)  # type: ignore[arg-type]
    return silences.make(actor("Ben"), wanted)


def test_an_alert_under_a_silence_is_kept_and_nobody_is_paged() -> None:
    row = quiet("pay")
    signal()
    alert = Alert.objects.get()
    assert (alert.state, alert.incident, alert.silence) == (Alert.State.FIRING, None, row)
    assert not Incident.objects.exists()
    assert not Page.objects.exists()
    signal(name="Down", service="front")
    assert Incident.objects.get().service.key == "front"  # type: ignore[union-attr]


def test_what_still_fires_when_it_is_over_opens_an_incident_and_pages() -> None:
    quiet("pay")
    signal()
    assert alerts.open_what_was_held() == 0
    with clock.moved(HOUR + timedelta(seconds=1)):
        assert alerts.open_what_was_held() == 1
        assert alerts.open_what_was_held() == 0
    incident = Incident.objects.get()
    assert incident.alerts.get().silence is None
    assert "still fires after the silence that held it" in incident.timeline.order_by("pk")[0].text
    assert Page.objects.filter(incident=incident).exists()


def test_what_ended_meanwhile_opens_nothing() -> None:
    quiet("pay")
    signal()
    signal(state="resolved")
    with clock.moved(2 * HOUR):
        assert alerts.open_what_was_held() == 0
    assert not Incident.objects.exists()


def test_a_person_can_end_it_before_and_another_silence_takes_over() -> None:
    first = quiet("pay", hours=2)
    signal()
    quiet("pay", labels={"severity": "critical"})
    silences.end(actor("Ana"), first.pk)
    alerts.open_what_was_held()
    assert not Incident.objects.exists()
    with clock.moved(HOUR + timedelta(minutes=1)):
        assert alerts.open_what_was_held() == 1
    with pytest.raises(ProblemError, match="does not hold any more"):
        silences.end(actor("Ana"), first.pk)


def test_it_covers_what_it_reaches_and_the_labels_that_it_names() -> None:
    quiet("pay", reach="dependents")  # front calls pay
    signal(service="front")
    quiet(labels={"alertname": "Noise"})
    signal(name="Noise", service="lonely")
    assert not Incident.objects.exists()
    signal(name="Loud", service="lonely")
    assert Incident.objects.count() == 1


def test_one_whose_services_have_left_covers_nothing() -> None:
    row = quiet("lonely", labels={"severity": "critical"})
    row.services.clear()
    signal()
    assert Incident.objects.count() == 1


def test_one_that_is_to_come_does_not_hold_yet() -> None:
    quiet("pay", hours=3, starts_at=clock.now() + HOUR)
    signal(name="Before")
    with clock.moved(2 * HOUR):
        signal(name="Within", service="pay")
    assert Alert.objects.get(name="Within").incident is None
    assert Alert.objects.get(name="Before").incident is not None


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("services", {"services": frozenset()}),
        ("services", {"services": frozenset({"nowhere"})}),
        ("labels", {"services": frozenset(), "labels": {"severity": ""}}),
        ("reach", {"reach": "far"}),
        ("reason", {"reason": " "}),
        ("ends_at", {"hours": -1}),
        ("ends_at", {"hours": 24 * 400}),
    ],
)
def test_what_is_wrong_is_named(field: str, wanted: dict[str, object]) -> None:
    hours = float(str(wanted.pop("hours", 1)))
    given = {"reason": "why", "ends_at": clock.now() + hours * HOUR, "services": frozenset({"pay"}), **wanted}
    with pytest.raises(ProblemError) as caught:
        silences.make(actor("Ben"), Wanted(**given))  # type: ignore[arg-type]
    assert caught.value.field == field
    assert not Silence.objects.exists()


def test_a_viewer_makes_none() -> None:
    with pytest.raises(AccessError):
        silences.make(actor("Vic"), Wanted("why", clock.now() + HOUR, frozenset({"pay"})))
