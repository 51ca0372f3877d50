"""A case from the button to the fix: built by the worker, handed over, answered, and what the clocks make of it."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from mainstay.catalog.models import Agreement, Service, Team
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.models import AuditEntry, Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.faces.bench.escalation_reader import CaseFile
from mainstay.learn.escalation import loop, services
from mainstay.learn.escalation.models import Escalation, EscalationFile
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.clocks import services as clocks
from mainstay.respond.comms.models import Notice
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline import services as timeline
from tests import engine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
LEVELS = """
teams:
  - {key: devs, name: Developers, members: [ben@x.example]}
  - {key: empty, name: Nobody}
agreements:
  - key: gold
    name: Gold
    targets: [{priority: 2, acknowledge: 15m, restore: 4h}]
    stops_for: [developers]
"""


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture
def incident(company: None) -> Incident:
    config.apply(LOCAL, read.read([("levels.yaml", LEVELS)]))
    made = Incident.objects.create(
        title="Front is slow",
        service=Service.objects.get(key="front"),
        priority=2,
        impact="high",
        urgency="high",
        state="open",
        opened_at=clock.now(),
        started_at=clock.now() - timedelta(minutes=5),
    )
    timeline.record(made.pk, "opened", "Opened", event="opened", priority=2)
    incidents.acknowledge(LOCAL, made.pk)
    return made


def built(incident: Incident) -> Escalation:
    row = services.begin(LOCAL, incident.pk)
    assert loop.run_due() == 1
    row.refresh_from_db()
    assert row.state == "ready", row.problem
    return row


def held(incident: Incident) -> str:
    return clocks.held(LOCAL, incident.pk)


def test_with_nothing_known_a_case_says_what_is_missing_and_what_would_help_most(incident: Incident) -> None:
    row = built(incident)
    assert row.summary["lacks"][0] == [
        "no log lines of front",
        "send its log with service=front (mainstay agent), or name the service that it is sent under",
    ]
    case = CaseFile(services.content(LOCAL, row.pk)[1])
    assert case.broken() == []
    assert "Not enough evidence" in case.table("At a glance")[0]["Answer"]
    # What was built is in the audit log, file by file, and each look at it is.
    entry = AuditEntry.objects.get(action="escalation.ready")
    assert (entry.detail["digest"], "index.html" in entry.detail["manifest"]) == (row.digest, True)
    assert AuditEntry.objects.filter(action="escalation.fetch").count() == 1


def test_clocks_stop_while_developers_have_it_and_go_on_when_it_is_ours(incident: Incident) -> None:
    row = built(incident)
    services.hand_over(LOCAL, row.pk, "devs", "Since the deploy; mail root@x.example")
    assert held(incident) == "developers"
    found = clocks.of(LOCAL, incidents.get(LOCAL, incident.pk), clock.now())
    assert found is not None
    assert "stopped now: waiting for the developers" in found.restore.reason
    services.say(LOCAL, row.pk, "accepted")
    assert held(incident) == "developers"
    services.say(LOCAL, row.pk, "asked", "Which version?")
    assert held(incident) == ""
    services.answer(LOCAL, row.pk, "4.2")
    assert held(incident) == "developers"
    services.say(LOCAL, row.pk, "fixed", "4.3")
    assert held(incident) == ""
    told = [one.text for one in timeline.entries(LOCAL, incident.pk) if one.kind == "case"]
    assert [re.sub(r"ESC-\d+", "ESC", one)[:30] for one in told][2:] == [
        "ESC handed over to Developers ",
        "ESC: accepted, says command li",
        "ESC: needs information, says c",
        "ESC answered by command line: ",
        "ESC: fixed, says command line:",
    ]


def test_a_wait_for_somebody_else_stays_and_nothing_is_held_that_nobody_took(incident: Incident) -> None:
    row = built(incident)
    clocks.hold(LOCAL, incident.pk, "customer", "Their word")
    services.hand_over(LOCAL, row.pk, "devs")
    assert held(incident) == "customer"
    services.say(LOCAL, row.pk, "declined", "Works as meant")
    assert held(incident) == "customer"
    other = Incident.objects.get(pk=incident.pk)
    Incident.objects.filter(pk=other.pk).update(state="open")
    services.hand_over(LOCAL, built(other).pk, "devs")
    assert held(incident) == "customer"


def test_the_team_is_mailed_what_is_clean(incident: Incident) -> None:
    row = services.hand_over(LOCAL, built(incident).pk, "devs", "Ask eve@customer.example, password=hunter2hunter2")
    notice = Notice.objects.get(about=str(row))
    assert (notice.address, row.told) == ("ben@x.example", 1)
    assert notice.subject == f"{row} for Developers: INC-{incident.pk} Front is slow"
    for text in (notice.text, row.note):
        assert "hunter2" not in text
        assert "eve@" not in text
    assert f"/escalations/{row.pk}" in notice.text
    assert "Ask " in " ".join(CaseFile(services.content(LOCAL, row.pk)[1]).section("Note").texts)


def test_what_cannot_be_done_says_why(incident: Incident) -> None:
    row = services.begin(LOCAL, incident.pk)
    with pytest.raises(ProblemError, match="being built already"):
        services.begin(LOCAL, incident.pk)
    with pytest.raises(ProblemError, match="still being built"):
        services.hand_over(LOCAL, row.pk, "devs")
    loop.run_due()
    with pytest.raises(ProblemError, match="no team 'nobody'"):
        services.hand_over(LOCAL, row.pk, "nobody")
    with pytest.raises(ProblemError, match="neither a tracker nor a member"):
        services.hand_over(LOCAL, row.pk, "empty")
    with pytest.raises(ProblemError, match="was not handed over"):
        services.say(LOCAL, row.pk, "fixed")
    with pytest.raises(AccessError):
        services.get(Actor("Vic", Right.READ), row.pk)
    Incident.objects.filter(pk=incident.pk).update(service=None)
    with pytest.raises(ProblemError, match="belongs to no service"):
        services.begin(LOCAL, incident.pk)


def test_a_store_that_does_not_answer_is_asked_again_and_given_up(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise TelemetryError("the engine is away")

    monkeypatch.setattr("mainstay.learn.escalation.build.gather", fails)
    row = services.begin(LOCAL, incident.pk)
    for tries in range(1, current().escalation_tries + 1):
        with clock.moved(timedelta(minutes=tries)):
            assert loop.run_due() == 1
    row.refresh_from_db()
    assert (row.state, row.problem, row.tries) == ("broken", "the engine is away", 3)
    # A worker that dies while it builds leaves the row to the next, which does not try for ever.
    services.again(LOCAL, row.pk)

    def dies(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mainstay.learn.escalation.build.gather", dies)
    for tries in range(current().escalation_tries):
        with clock.moved(timedelta(hours=tries)), pytest.raises(MemoryError):
            loop.run_due()
    with clock.moved(timedelta(hours=9)):
        assert loop.run_due() == 1
    row.refresh_from_db()
    assert (row.state, row.problem) == ("broken", "whoever built it was cut off, again and again")
    monkeypatch.undo()
    services.again(LOCAL, row.pk)
    loop.run_due()
    row.refresh_from_db()
    assert row.state == "ready"


def test_files_are_kept_for_their_days(incident: Incident) -> None:
    row = built(incident)
    with clock.moved(timedelta(days=current().escalation_days + 1)):
        assert services.prune() == 1
    assert not EscalationFile.objects.exists()
    with pytest.raises(ProblemError, match="kept for its days"):
        services.content(LOCAL, row.pk)
    with pytest.raises(ProblemError, match="build it anew"):
        services.hand_over(LOCAL, row.pk, "devs")


def test_nothing_goes_out_with_rules_that_cannot_be_read(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    row = built(incident)
    monkeypatch.setitem(current().values, "escalation_redact_expressions", ("(?=ahead)",))
    with pytest.raises(ProblemError, match="escalation_redact_expressions"):
        services.hand_over(LOCAL, row.pk, "devs")
    services.again(LOCAL, row.pk)
    loop.run_due()
    row.refresh_from_db()
    assert row.state == "broken"
    assert "escalation_redact_expressions" in row.problem


def test_people_do_it_on_screens(incident: Incident) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(Person.objects.get(email="ben@x.example"))
    assert "Nobody was asked yet" in client.get(f"/i/{incident.pk}/cases").content.decode()
    place = client.post(f"/i/{incident.pk}/escalate")["Location"]
    assert "Being built" in client.get(place).content.decode()
    loop.run_due()
    page = client.get(place).content.decode()
    assert "What would help most" in page
    shown = client.get(f"{place}/page")
    assert "sandbox" in shown["Content-Security-Policy"]
    assert b"At a glance" in shown.content
    assert client.get(f"{place}.zip").content[:2] == b"PK"
    assert client.post(f"{place}/hand-over", {"to": "empty", "note": "n"}).status_code == 400
    assert client.post(f"{place}/hand-over", {"to": "devs", "note": "n"}).status_code == 302
    assert client.post(f"{place}/say", {"state": "asked"}).status_code == 400
    assert client.post(f"{place}/say", {"state": "asked", "text": "more"}).status_code == 302
    assert "Answer them" in client.get(place).content.decode()
    assert client.post(f"{place}/answer", {"text": "here"}).status_code == 302
    assert "with Developers" in client.get(place).content.decode()
    assert "Developers" in client.get("/escalations").content.decode()
    client.force_login(Person.objects.get(email="vic@x.example"))
    assert client.get(place).status_code == 403
    assert client.get("/escalations").status_code == 403


def test_the_agreement_may_not_stop_for_developers(incident: Incident) -> None:
    Agreement.objects.update(stops_for=[])
    services.hand_over(LOCAL, built(incident).pk, "devs")
    found = clocks.of(LOCAL, incidents.get(LOCAL, incident.pk), clock.now())
    assert found is not None
    assert "waiting for the developers does not stop it" in found.restore.reason
    assert Team.objects.get(key="devs").members.count() == 1
