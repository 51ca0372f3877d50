"""The calendar on its screens, as iCalendar, through the API and on the command line."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from typer.testing import CliRunner

from mainstay.catalog.calendar import gate, services
from mainstay.catalog.calendar.entries import Raw
from mainstay.catalog.models import CalendarEntry, EmergencyUse, new_revision
from mainstay.change.maintenance import services as maintenance
from mainstay.change.maintenance.services import Wanted
from mainstay.core import access, clock, tokens
from mainstay.core.models import Person
from mainstay.faces.cli.main import app

pytestmark = pytest.mark.usefixtures("shop")
FORM = {
    "key": "cutover",
    "name": "Cut-over",
    "kind": "freeze",
    "services": ["payments"],
    "reach": "alone",
    "start": "2027-03-28T02:00",
    "timezone": "Europe/Madrid",
    "to": "04:00",
    "rrule": "FREQ=WEEKLY",
    "reason": "The new ledger goes live.",
}
REASON = "customers are charged twice, see INC-5"


def freeze(**more: object) -> None:
    start = f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    values = {"key": "now", "kind": "freeze", "name": "Stock-taking", "timezone": "UTC", "start": start, "lasts": 7200}
    services.save(access.LOCAL, Raw(**{**values, **more}))  # type: ignore[arg-type]


def test_an_entry_is_previewed_in_the_zone_of_the_person_and_kept(sign_in: Callable[[str], Client]) -> None:
    mei = sign_in("mei")
    shown = mei.post("/calendar/edit", {**FORM, "do": "preview"}).content.decode()
    # 02:00 in Madrid is skipped on that day; 03:00 there is 06:45 in Kathmandu.
    assert "28 Mar 2027 06:45 +05:45" in shown
    assert "the clocks skip 02:00" in shown
    assert len(re.findall("<li><time", shown.partition('class="coming"')[2].partition("</ol>")[0])) == 5
    assert not CalendarEntry.objects.filter(key="cutover").exists()
    assert mei.post("/calendar/edit", {**FORM, "do": "save"})["Location"] == "/calendar/entries/cutover"
    assert "made by hand" not in mei.get("/calendar/edit?key=cutover").content.decode()
    assert 'value="2027-03-28T02:00"' in mei.get("/calendar/edit?key=cutover").content.decode()
    assert mei.post("/calendar/entries/cutover/remove").status_code == 302
    assert not CalendarEntry.objects.filter(key="cutover").exists()


def test_the_preview_says_what_an_entry_meets(sign_in: Callable[[str], Client]) -> None:
    meeting = {**FORM, "start": f"{clock.now():%Y-%m-%d}T00:00", "to": "", "lasts": "7d", "do": "preview"}
    shown = sign_in("mei").post("/calendar/edit", meeting).content.decode()
    assert "It meets" in shown
    assert "Sunday night" in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rrule": "FREQ=MINUTELY"}, "rrule: FREQ=MINUTELY is too frequent"),
        ({"to": "", "lasts": "soon"}, "lasts: &#x27;soon&#x27; is not a duration"),
        ({"key": ""}, "key: write a short name"),
        ({"key": "month-end", "do": "save"}, "change it there"),
    ],
)
def test_a_mistake_names_its_field_and_keeps_what_was_written(
    sign_in: Callable[[str], Client], change: dict[str, str], said: str
) -> None:
    answer = sign_in("mei").post("/calendar/edit", {**FORM, "do": "preview", **change})
    assert answer.status_code == 400
    shown = answer.content.decode()
    assert said in shown
    assert "The new ledger goes live." in shown
    assert '<option value="payments" selected>' in shown


def test_only_maintainers_make_entries(sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    assert ben.get("/calendar/edit").status_code == 403
    assert ben.post("/calendar/edit", {**FORM, "do": "save"}).status_code == 403
    assert ben.post("/calendar/entries/month-end/remove").status_code == 403
    assert sign_in("mei").post("/calendar/entries/month-end/remove").status_code == 409


def test_the_service_screen_and_the_calendar_say_whether_it_may_be_changed(ana: Client) -> None:
    assert "May be changed now" in ana.get("/services/wiki").content.decode()
    freeze()
    assert "May not be changed now" in ana.get("/services/wiki").content.decode()
    assert "Stock-taking (freeze) holds until" in ana.get("/calendar?service=wiki").content.decode()


def test_an_emergency_waits_on_the_calendar_for_somebody_else(sign_in: Callable[[str], Client]) -> None:
    freeze()
    mei = access.of_person(Person.objects.get(email="mei@example.com"))
    gate.may_change(mei, ["wiki"], clock.now(), kind="correction", emergency=REASON)
    use = EmergencyUse.objects.get()
    path = f"/calendar/emergencies/{use.pk}/review"
    assert path not in sign_in("mei").get("/calendar").content.decode()
    assert sign_in("mei").post(path, {"review": "fine"}).status_code == 403
    ana = sign_in("ana")
    assert path in ana.get("/calendar").content.decode()
    assert ana.post(path, {"review": "It was right."}).status_code == 302
    shown = ana.get("/calendar").content.decode()
    assert path not in shown
    assert "It was right." in shown


def test_a_broken_entry_is_shown_where_it_closes_the_gate(ana: Client) -> None:
    CalendarEntry.objects.filter(key="sale").update(timezone="Mars/Base", revision=new_revision())
    assert "cannot be understood" in ana.get("/calendar").content.decode()
    assert "cannot be understood" in ana.get("/calendar/entries/sale").content.decode()


def test_the_calendar_goes_out_as_icalendar(ana: Client, client: Client) -> None:
    freeze(name="Stock; taking, with a name that is far longer than what fits into a line of seventy-five octets: äöü")
    body = ana.get("/calendar.ics").content.decode()
    assert ana.get("/calendar.ics")["Content-Type"].startswith("text/calendar")
    lines = body.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    whole = body.replace("\r\n ", "")
    assert "SUMMARY:Stock\\; taking\\, with a name" in whole
    assert whole.count("BEGIN:VEVENT") == whole.count("END:VEVENT") > 20
    assert client.get("/calendar.ics", headers={"host": "localhost"}).status_code == 401
    for scope, status in (("read", 200), ("intake", 401)):
        secret = tokens.create_token(access.LOCAL, scope, scope)
        found = client.get("/calendar.ics", headers={"host": "localhost", "authorization": f"Bearer {secret}"})
        assert found.status_code == status


def test_a_week_shows_each_of_its_days_and_the_work_on_them(ana: Client) -> None:
    starts = datetime(2027, 3, 30, 1, tzinfo=UTC)
    wanted = Wanted("New disks", "Slow for a while.", frozenset({"wiki"}), starts, starts + timedelta(hours=2))
    work = maintenance.plan(access.LOCAL, wanted)
    page = ana.get("/calendar?week=2027-W13").content.decode()
    assert "Week 13, from 29 March 2027" in page
    assert f'<a href="/maintenance/{work.pk}">New disks</a>' in page
    assert page.count("<h3>") == 7
    assert "?week=2027-W14" in page
    assert "The coming" in ana.get("/calendar?week=2027-W99").content.decode()
    assert "New disks" in ana.get("/calendar?month=2027-03").content.decode()


def test_work_that_is_planned_goes_out_too(ana: Client) -> None:
    starts = clock.now() + timedelta(days=2)
    wanted = Wanted("New disks", "Slow for a while.", frozenset({"wiki"}), starts, starts + timedelta(hours=2))
    maintenance.plan(access.LOCAL, wanted)
    assert "SUMMARY:New disks (planned work)" in ana.get("/calendar.ics").content.decode()


def test_programs_ask_the_gate(client: Client) -> None:
    secret = tokens.create_token(access.LOCAL, "ci", "read")

    def ask(query: str) -> tuple[int, dict[str, object]]:
        headers = {"host": "localhost", "authorization": f"Bearer {secret}"}
        answer = client.get(f"/api/v1/gate?{query}", headers=headers)
        return answer.status_code, answer.json()

    status, answer = ask("service=settlement&at=2027-01-30T12:00:00Z&kind=release")
    assert (status, answer["allowed"], answer["until"]) == (200, False, "2027-02-02T07:00:00Z")
    assert "Finance closes the books." in str(answer["why"])
    assert [one["key"] for one in answer["entries"]] == ["month-end"]  # type: ignore[attr-defined]
    assert ask("service=settlement&at=2027-01-30T12:00:00Z&kind=runbook")[1]["allowed"] is True
    assert ask("service=settlement&at=2027-01-20T12:00:00%2B01:00&kind=release")[1]["until"] == "2027-01-29T17:00:00Z"
    assert "no service is named" in str(ask("")[1]["why"])
    status, answer = ask("service=wiki&at=tomorrow")
    assert (status, answer["field"]) == (400, "at")


def test_the_command_line_answers_by_its_exit_code() -> None:
    def ask(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["gate", *words])
        return done.exit_code, done.output

    assert ask("--service", "wiki", "--json")[0] == 0
    code, text = ask(
        "--service", "payments", "--service", "settlement", "--at", "2027-01-30T12:00:00Z", "--kind", "release"
    )
    assert code == 4
    assert "Month-end close (freeze) holds until" in text
    assert ask("--service", "nosuch")[0] == 4
