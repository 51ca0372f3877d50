"""Reports of real rows: figures with what is behind them, mailed once when their time is over, on every face."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from typer.testing import CliRunner

from mainstay.catalog.models import Service
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import ApiToken, Person
from mainstay.core.problems import ProblemError
from mainstay.faces.cli.main import app
from mainstay.learn.problems.models import Action, Occurrence, Problem
from mainstay.learn.reports import loop, services
from mainstay.learn.reports.models import ReportPlan, SentReport
from mainstay.learn.reports.services import Wanted
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.alerts.models import Alert
from mainstay.respond.clocks.models import Reading
from mainstay.respond.comms.models import Notice
from mainstay.respond.incidents.models import Incident
from mainstay.respond.oncall.models import Escalation
from mainstay.respond.paging.models import Page
from mainstay.respond.timeline.models import TimelineEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
# A Wednesday in the week from 2 March 2026.
WEDNESDAY = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
PLAN = """
reports:
  - {key: money-week, name: Week of Money, kind: week, team: money, timezone: Europe/Berlin, mails: [boss@x.example]}
"""


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("PayDown", 12)]
    monkeypatch.setattr("mainstay.learn.reports.reading.telemetry.rows", lambda *_: rows)


def happened(key: str, at: datetime, *, priority: int = 1, taken: int | None = 4, users: bool = False) -> Incident:
    made = Incident.objects.create(
        title=f"{key} is down",
        service=Service.objects.get(key=key),
        priority=priority,
        impact="high",
        urgency="high",
        state="resolved",
        opened_at=at,
        started_at=at - timedelta(minutes=1),
        acknowledged_at=at + timedelta(minutes=taken) if taken else None,
        restored_at=at + timedelta(minutes=30),
        resolved_at=at + timedelta(minutes=40),
    )
    TimelineEntry.objects.bulk_create(
        TimelineEntry(incident=made, at=at, kind="alert", actor="Mainstay", text="fires") for _ in range(2)
    )
    about: dict[str, Any] = {"source": "rule", "state": "resolved", "received_at": at, "incident": made}
    for place, labels in enumerate(({"reported_by": "users"}, {"severity": "page"})[:: 1 if users else -1]):
        starts = at + timedelta(seconds=place)
        Alert.objects.create(fingerprint=f"{made.pk}-{place}", name="Down", labels=labels, starts_at=starts, **about)
    Reading.objects.create(incident=made, goal="restore", agreement="gold", priority=1, outcome="breached")
    escalation = Escalation.objects.create(
        incident=made, snapshot={}, state="stopped", next_at=at, started_at=at, reason="r"
    )
    ana = Person.objects.get(email="ana@x.example")
    Page.objects.create(
        escalation=escalation, incident=made, person=ana, step=0, reason="first", key=f"k{made.pk}", created_at=at
    )
    return made


@pytest.fixture
def week() -> list[Incident]:
    """Two incidents of pay, one of which users noticed, one of lonely, which has no team; and one the week before."""
    made = [
        happened("pay", WEDNESDAY),
        happened("pay", WEDNESDAY + timedelta(hours=10), priority=3, taken=None, users=True),
        happened("lonely", WEDNESDAY),
        happened("pay", WEDNESDAY - timedelta(days=7)),
    ]
    pay = Service.objects.get(key="pay")
    problem = Problem.objects.create(title="It comes again", service=pay, made_at=WEDNESDAY, made_by="Ana", reason="r")
    Occurrence.objects.create(problem=problem, incident=made[0], at=WEDNESDAY, who="Ana", why="alike")
    for title, state, ended in (("Late", "open", None), ("Done", "done", WEDNESDAY)):
        Action.objects.create(
            problem=problem,
            title=title,
            kind="prevent",
            due=WEDNESDAY.date(),
            state=state,
            ended_at=ended,
            made_at=WEDNESDAY,
            made_by="Ana",
        )
    return made


def values(report: services.Report) -> dict[str, float | None]:
    return {one.key: one.value for section in report.sections for one in section.every}


def test_a_week_of_a_team_beside_the_one_before(week: list[Incident]) -> None:
    report = services.report(LOCAL, Wanted("week", "money", WEDNESDAY, "Europe/Berlin"))
    assert (report.period.start, report.title) == (datetime(2026, 3, 1, 23, tzinfo=UTC), "Money, week 10 of 2026")
    found = values(report)
    assert (found["incidents"], report.figure("incidents").before) == (2, 1)
    assert report.figure("incidents").rows == (week[0].pk, week[1].pk)
    assert (found["p1"], found["p3"], found["noticed"]) == (1, 1, 0.5)
    assert (found["mtta50"], found["mttr50"], found["idle"]) == (240, 1860, 0.5)
    assert (found["restore-breached"], found["alerts-each"]) == (2, 2)
    # Ana lives in Berlin: half past eleven is night, half past nine in the morning is not. Pages are hers whatever
    # the service.
    assert (found["pages:Ana"], found["nights:Ana"], found["hours:Ana"]) == (3, 2, 2)
    assert found["flap:PayDown"] == 12
    assert (found["problems"], found["solved"], found["unsolved"], found["again"]) == (1, 0, 1, 0.5)
    assert (found["overdue"], report.figure("overdue").before, found["actions-done"]) == (1, 0, 1)
    everything = services.report(LOCAL, Wanted("week", at=WEDNESDAY))
    assert values(everything)["incidents"] == 3


def test_shifts_and_months_and_what_cannot_be(week: list[Incident]) -> None:
    shift = services.report(LOCAL, Wanted("shift", at=WEDNESDAY, zone="Europe/Berlin"))
    assert (shift.period.length, values(shift)["incidents"]) == (timedelta(hours=8), 2)
    assert values(services.report(LOCAL, Wanted("month", at=WEDNESDAY)))["incidents"] == 3
    for wanted, field in (
        (Wanted("year"), "kind"),
        (Wanted("week", "nobody"), "team"),
        (Wanted("week", zone="Mars"), "zone"),
        (Wanted("shift", shifts=("25:00",)), "shifts"),
    ):
        with pytest.raises(ProblemError) as refused:
            services.report(LOCAL, wanted)
        assert refused.value.field == field


def test_one_query_a_section_however_much_happened(week: list[Incident]) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as seen:
            services.report(LOCAL, Wanted("week", "money", WEDNESDAY))
        counts.append(len(seen))
        for minute in range(20):
            happened("pay", WEDNESDAY + timedelta(minutes=minute))
    assert counts[0] == counts[1] <= 14


def test_without_telemetry_the_rest_is_told(week: list[Incident], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise TelemetryError("away")

    monkeypatch.setattr("mainstay.learn.reports.reading.telemetry.rows", fails)
    report = services.report(LOCAL, Wanted("week", at=WEDNESDAY))
    assert "does not answer" in next(one.note for one in report.sections if one.key == "noise")


def test_it_is_mailed_once_when_the_week_is_over(week: list[Incident]) -> None:
    with clock.moved(WEDNESDAY - clock.now()):
        config.apply(LOCAL, read.read([("reports.yaml", PLAN)]))
        assert loop.run_due() == 0
    with clock.moved(datetime(2026, 3, 8, 23, 1, tzinfo=UTC) - clock.now()):
        assert loop.run_due() == 1
        assert loop.run_due() == 0
    assert {one.address for one in Notice.objects.all()} == {"ana@x.example", "boss@x.example"}
    mail = Notice.objects.first()
    assert mail is not None
    assert mail.subject == "Report: Money, week 10 of 2026"
    assert "2 incidents, 1 of them P1, after 1 in the time before: too few to compare." in mail.text
    assert "/reports?kind=week&team=money&zone=Europe%2FBerlin&at=2026-03-01T23" in mail.text
    sent = SentReport.objects.get()
    assert (sent.told, sent.name) == (2, "Money, week 10 of 2026")
    # A worker that was away tells the last week alone, and goes on from there.
    with clock.moved(datetime(2026, 3, 25, tzinfo=UTC) - clock.now()):
        assert loop.run_due() == 1
    assert SentReport.objects.latest("pk").start == datetime(2026, 3, 15, 23, tzinfo=UTC)
    assert ReportPlan.objects.get().next_at == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_screens_lead_from_each_number_to_its_rows(week: list[Incident]) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(Person.objects.get(email="vic@x.example"))
    page = client.get("/reports?kind=week&team=money&day=2026-03-04").content.decode()
    assert "Money, week 10 of 2026" in page
    assert "too few to tell" in page
    report = services.report(LOCAL, Wanted("week", at=WEDNESDAY))
    for figure in (one for section in report.sections for one in section.every if one.rows):
        shown = client.get("/reports/rows", {"kind": "week", "at": WEDNESDAY.isoformat(), "figure": figure.key})
        assert shown.status_code == 200
        assert f"{len(figure.rows)} row" in shown.content.decode()
    rows = client.get("/reports/rows", {"kind": "week", "at": WEDNESDAY.isoformat(), "figure": "p3"}).content.decode()
    assert f"INC-{week[1].pk}" in rows
    assert f"INC-{week[0].pk}" not in rows
    assert "March" not in client.get("/reports?kind=month&at=now").content.decode()
    assert client.get("/reports?kind=year").status_code == 400
    assert client.get("/reports?day=tomorrow").status_code == 400
    assert client.get("/reports/rows?figure=none").status_code == 404
    for form, begins in (("pdf", b"%PDF"), ("html", b"<!doctype"), ("md", b"# Report")):
        answer = client.get(f"/reports/report.{form}?kind=week&at={WEDNESDAY:%Y-%m-%dT%H:%M}Z")
        assert answer.content.startswith(begins)
        assert f'filename="report-week-2026-03-02.{form}"' in answer["Content-Disposition"]


def test_programs_and_the_command_line(week: list[Incident], client: Client) -> None:
    secret = tokens.create_token(LOCAL, "bi", ApiToken.Scope.READ)
    headers = {"Authorization": f"Bearer {secret}", "Host": "localhost"}
    given = {"kind": "week", "team": "money", "at": WEDNESDAY.isoformat()}
    found = client.get("/api/v1/reports", given, headers=headers).json()
    assert found["sections"][0]["figures"][0]["rows"] == [week[0].pk, week[1].pk]
    assert client.get("/api/v1/reports", {**given, "format": "pdf"}, headers=headers).content[:4] == b"%PDF"
    done = CliRunner().invoke(
        app, ["report", "week", "--team", "money", "--at", WEDNESDAY.isoformat(), "--format", "json"]
    )
    assert orjson.loads(done.stdout)["title"] == "Money, week 10 of 2026"
