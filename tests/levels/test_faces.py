"""Clocks of incidents on the screens, through the API and from the command line."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from typer.testing import CliRunner

from mainstay.catalog.calendar import gate
from mainstay.catalog.models import Budget, Objective, Tally
from mainstay.change.maintenance import services as maintenance
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import access, clock, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import Person
from mainstay.faces.cli.main import app
from mainstay.respond.incidents.models import Incident
from mainstay.respond.tests.test_flow import signal
from tests.levels.test_clocks import AGREED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]


@pytest.fixture
def incident() -> Incident:
    config.apply(LOCAL, read.read([("levels.yaml", AGREED)]))
    signal()
    return Incident.objects.get()


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(Person.objects.get(name="Ben"))
    return client


def test_the_screens_say_what_is_left_and_why(client: Client, incident: Incident) -> None:
    page = client.get(f"/i/{incident.pk}").content.decode()
    assert "59 min left" in page
    assert "P1 of Gold: restore within 1 h." in page
    assert "9 min left" in client.get("/").content.decode()
    assert "taken in 10 min, restored in 1 h 00 min" in client.get("/levels").content.decode()
    assert "running: P1 of Gold: restore within 1 h" in client.get(f"/i/{incident.pk}.md").content.decode()


def test_a_wait_is_said_and_ended_on_the_page(client: Client, incident: Incident) -> None:
    early = client.post(f"/i/{incident.pk}/hold", {"why": "customer", "note": "Their firewall"}, follow=True)
    assert "Take it before you wait for others" in early.content.decode()
    client.post(f"/i/{incident.pk}/acknowledge")
    without = client.post(f"/i/{incident.pk}/hold", {"why": "customer", "note": " "})
    assert (without.status_code, "write what is waited for" in without.content.decode().lower()) == (400, True)
    client.post(f"/i/{incident.pk}/hold", {"why": "customer", "note": "Their firewall"})
    assert "stopped now: waiting for the customer" in client.get(f"/i/{incident.pk}").content.decode()
    client.post(f"/i/{incident.pk}/resume")
    assert "stopped now" not in client.get(f"/i/{incident.pk}").content.decode()


def test_the_page_of_planned_work_says_whose_clock_it_stops(client: Client, incident: Incident) -> None:
    now = clock.now()
    wanted = maintenance.Wanted("Disks", "New disks", frozenset({"pay"}), now, now + timedelta(hours=1))
    work = maintenance.plan(access.of_person(Person.objects.get(name="Ben")), wanted)
    page = client.get(f"/maintenance/{work.pk}").content.decode()
    assert "Stops the clock of" in page
    assert "(Gold), from its beginning to its agreed end" in page


def test_the_api_gives_the_clocks_and_holds_them(client: Client, incident: Incident) -> None:
    secret = tokens.create_token(LOCAL, "ci", "write")
    headers = {"Authorization": f"Bearer {secret}"}
    found = client.get(f"/api/v1/incidents/{incident.pk}", headers=headers).json()["clocks"]
    assert (found["agreement"], found["restore"]["state"], found["restore"]["limit_seconds"]) == (
        "gold",
        "running",
        3600,
    )
    assert client.get("/api/v1/incidents", headers=headers).json()["incidents"][0]["clock"] == "acknowledge: running"
    client.post(f"/api/v1/incidents/{incident.pk}/acknowledge", "{}", "application/json", headers=headers)
    path = f"/api/v1/incidents/{incident.pk}"
    body = json.dumps({"why": "customer", "note": "Their firewall"})
    assert client.post(f"{path}/hold", body, "application/json", headers=headers).json() == {"held": True}
    assert client.get(path, headers=headers).json()["clocks"]["waits_for"] == "customer"
    assert client.post(f"{path}/resume", "{}", "application/json", headers=headers).json() == {"held": False}
    found = client.get("/api/v1/agreements", headers=headers).json()
    assert [one["key"] for one in found["agreements"]] == ["gold"]


def test_the_command_line(incident: Incident, run: Callable[..., str]) -> None:
    assert "gold" in run("sla", "list")
    assert json.loads(run("sla", "show", f"INC-{incident.pk}", "--json"))["acknowledge"]["state"] == "running"
    assert json.loads(run("sla", "kept", "--json"))[0]["met"] == 0
    run("ack", f"{incident.pk}")
    assert "waits" in run("sla", "hold", f"{incident.pk}", "--why", "third_party", "--note", "A part")
    assert "no more" in run("sla", "resume", f"{incident.pk}")


OBJECTIVE = """
objectives:
  - {key: pay-ok, name: Payments go through, service: pay, ratio: r, target: 0.99, window: month, gate: {below: 0.1}}
"""


@pytest.fixture
def objective() -> Objective:
    """One of which a tenth of a tenth is left."""
    config.apply(LOCAL, read.read([("slo.yaml", OBJECTIVE)]))
    found = Objective.objects.get()
    now = clock.now()
    measured = {"good": 980, "total": 1000, "known_seconds": 86_400, "window_seconds": 86_400 * 2, "left": 0.01}
    burns = {"5m": [0.0, 1.0], "1h": [2.5, 1.0], "6h": None, "3d": [2.0, 0.3]}
    Budget.objects.update(
        **measured, burns=burns, problem="", computed_at=now, measured_until=now, renews_at=now + timedelta(days=9)
    )
    Tally.objects.create(objective=found, grain=86_400, start=now - timedelta(hours=5), good=980, total=1000, seconds=9)
    return found


def test_the_screens_show_budgets(client: Client, objective: Objective) -> None:
    for path in ("/levels", "/levels/pay-ok", "/services/pay"):
        page = client.get(path).content.decode()
        assert "98 %" in page
        assert "2.5 x" in page
        assert "not known" in page
    assert "release refused while less than 10 % is left" in client.get("/levels/pay-ok").content.decode().replace(
        "job,", ""
    )
    assert "is left, and 10% must be" in client.get("/calendar").content.decode()
    with clock.moved(timedelta(hours=1)):
        page = client.get("/levels/pay-ok").content.decode()
        assert "it was not computed in the last 15 minutes" in page
    assert client.get("/levels/none").status_code == 404


def test_the_gate_says_it_through_the_api_and_an_emergency_passes(client: Client, objective: Objective) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'ci', 'read')}"}
    answer = client.get("/api/v1/gate?service=pay&kind=release", headers=headers).json()
    assert answer["allowed"] is False
    assert "1.0% of the budget of errors of Payments go through is left" in answer["why"]
    assert answer["until"] is not None
    assert client.get("/api/v1/gate?service=pay&kind=correction", headers=headers).json()["allowed"] is True
    person = access.of_person(Person.objects.get(name="Ben"))
    passed = gate.may_change(
        person, ["pay"], clock.now(), kind="release", emergency="The mend of what burns the budget is in it"
    )
    assert (passed.allowed, passed.emergency) == (True, True)


def test_budgets_through_the_api_and_on_the_command_line(
    client: Client, objective: Objective, run: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'ci', 'read')}"}
    (row,) = client.get("/api/v1/objectives", headers=headers).json()["objectives"]
    assert (row["key"], row["state"], row["kept"], row["burn_6h"]) == ("pay-ok", "kept", 0.98, None)
    whole = client.get("/api/v1/objectives/pay-ok", headers=headers).json()
    assert (whole["gate"]["unknown"], len(whole["days"])) == ("closed", 1)
    assert "pay-ok" in run("slo", "list")
    assert json.loads(run("slo", "show", "pay-ok", "--json"))["budget_left"] == 0.01


@pytest.fixture
def run() -> Callable[..., str]:
    def call(*words: str) -> str:
        found = CliRunner().invoke(app, words, catch_exceptions=False)
        assert found.exit_code == 0, found.output
        return found.output

    return call
