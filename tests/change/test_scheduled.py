"""Releases that are planned for later: they stand where other plans meet them, and begin through the gate."""

from datetime import timedelta

import pytest
from django.test import Client

from mainstay.change.maintenance import conflicts
from mainstay.change.maintenance import services as maintenance
from mainstay.change.releases import services
from mainstay.change.releases.models import Release
from mainstay.change.releases.services import Wanted
from mainstay.core import access, clock, tokens
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.faces.api import releases

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
HOUR = timedelta(hours=1)


def ben() -> access.Actor:
    return access.of_person(Person.objects.get(name="Ben"))


def planned(hours: float = 3, service: str = "pay", reference: str = "") -> Release:
    return services.schedule(ben(), Wanted(service, "4.1.8", reference=reference), clock.now() + hours * HOUR)


def test_planned_work_and_a_planned_release_meet_each_other() -> None:
    release = planned()
    start = clock.now() + 3 * HOUR
    wanted = maintenance.Wanted("Patch", "Security", frozenset({"pay"}), start - HOUR, start + HOUR)
    work = maintenance.plan(ben(), wanted)
    met = conflicts.of(ben(), frozenset({"pay"}), "alone", start - HOUR, start + HOUR, but=work.pk)
    assert [one.link for one in met] == [f"/releases/{release.pk}"]
    assert [one["link"] for one in releases.met(ben(), release)] == [f"/maintenance/{work.pk}"]
    # Another service, another hour: nothing is met.
    assert conflicts.of(ben(), frozenset({"lonely"}), "alone", start - HOUR, start + HOUR) == []
    assert conflicts.of(ben(), frozenset({"pay"}), "alone", start + 9 * HOUR, start + 10 * HOUR) == []


def test_two_releases_of_a_service_meet_and_one_does_not_meet_itself() -> None:
    one, two = planned(3), planned(3.1)
    assert [met["link"] for met in releases.met(ben(), one)] == [f"/releases/{two.pk}"]
    services.break_off(ben(), two.pk, "Not tonight after all.")
    assert releases.met(ben(), one) == []


def test_work_of_what_a_release_needs_meets_it_by_reach() -> None:
    release = planned(service="front")
    start = clock.now() + 3 * HOUR
    wanted = maintenance.Wanted("Patch", "Security", frozenset({"pay"}), start - HOUR, start + HOUR, reach="dependents")
    maintenance.plan(ben(), wanted)
    assert len(releases.met(ben(), release)) == 1


def test_it_takes_its_service_until_it_was_watched_and_no_longer() -> None:
    release = planned()
    watched = timedelta(minutes=current().release_watch_minutes)
    taken = services.span(release)
    assert taken is not None
    assert taken[1] - taken[0] == watched
    with clock.moved(3 * HOUR):
        services.begin(ben(), release.pk)
        finished = services.finish(ben(), release.pk)
        taken = services.span(finished)
        assert taken is not None
        assert taken[1] - clock.now() <= watched
        assert [one for one, _, _ in services.between(ben(), clock.now(), clock.now() + HOUR)] == [finished]
        services.roll_back(ben(), release.pk, "It was too slow.")
        assert services.between(ben(), clock.now(), clock.now() + HOUR) == []


def test_the_same_reference_moves_it_and_what_has_begun_is_not_moved() -> None:
    first, again = planned(3, reference="CHG-1"), planned(5, reference="CHG-1")
    assert first.pk == again.pk
    assert again.planned_for is not None
    assert first.planned_for is not None
    assert again.planned_for - first.planned_for >= 1.9 * HOUR
    services.begin(ben(), first.pk)
    with pytest.raises(ProblemError, match="already"):
        planned(6, reference="CHG-1")


def test_a_moment_that_is_past_is_refused_by_name() -> None:
    with pytest.raises(ProblemError, match="lies in the past") as wrong:
        planned(-1)
    assert wrong.value.field == "at"
    assert not Release.objects.exists()


def test_programs_schedule_and_begin(client: Client) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(access.LOCAL, 'ci', 'write')}"}

    def post(path: str, body: dict[str, str]) -> tuple[int, dict[str, object]]:
        answer = client.post(f"/api/v1/releases/{path}", body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()

    status, said = post("schedule", {"service": "pay", "version": "4.2", "at": "yesterday"})
    assert (status, said["field"]) == (400, "at")
    status, said = post(
        "schedule", {"service": "pay", "version": "4.2", "at": f"{clock.now() + HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    )
    assert (status, said["state"], said["conflicts"]) == (200, "planned", [])
    status, said = post(f"{str(said['release']).removeprefix('REL-')}/begin", {})
    assert (status, said["state"]) == (200, "started")


def test_people_plan_one_on_the_screen_and_find_it_on_the_calendar(client: Client) -> None:
    client.force_login(Person.objects.get(name="Ben"))
    tomorrow = clock.now() + timedelta(days=1)
    form = {"service": "pay", "version": "4.2", "at": f"{tomorrow:%Y-%m-%dT%H:%M}"}
    wrong = client.post("/releases", {**form, "at": "2001-01-01T10:00"}, headers={"host": "localhost"})
    assert wrong.status_code == 400
    assert "lies in the past" in wrong.content.decode()
    answer = client.post("/releases", form, headers={"host": "localhost"})
    release = Release.objects.get()
    assert answer["Location"] == f"/releases/{release.pk}"
    page = client.get(f"/releases/{release.pk}", headers={"host": "localhost"}).content.decode()
    assert "Planned for" in page
    assert "is planned on its services then" in page
    day = f"{tomorrow:%Y-%m-%d}"
    calendar = client.get(f"/calendar?view=agenda&from={day}", headers={"host": "localhost"}).content.decode()
    assert f"/releases/{release.pk}" in calendar
