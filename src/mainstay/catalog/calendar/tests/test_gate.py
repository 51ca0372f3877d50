"""The gate over the real tables: it fails closed, and an emergency is written down, told and reviewed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mainstay.catalog.calendar import gate, services
from mainstay.catalog.calendar.domain import Answer
from mainstay.catalog.calendar.entries import CalendarError, Raw
from mainstay.catalog.models import CalendarEntry, EmergencyUse, Service, new_revision
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import access, clock
from mainstay.core.models import AuditEntry, FeedItem, Person
from mainstay.core.problems import ProblemError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
VIEWER = access.Actor("Vic", access.Right.READ)
REASON = "customers are charged twice, see INC-5"


def actor(name: str) -> access.Actor:
    return access.of_person(Person.objects.get(name=name))


def entry(**more: Any) -> Raw:
    start = f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    values = {"key": "f", "kind": "freeze", "name": "Freeze", "timezone": "UTC", "start": start, "lasts": 7200, **more}
    return Raw(**values)


def ask(who: access.Actor = VIEWER, *keys: str, emergency: str | None = None) -> Answer:
    return gate.may_change(who, keys or ("pay",), clock.now(), kind="job", emergency=emergency)


def test_a_saved_freeze_holds_until_it_is_over_or_removed() -> None:
    assert ask().allowed
    services.save(access.LOCAL, entry(services=frozenset({"pay"}), reach="dependents"))
    assert not ask().allowed
    assert not ask(VIEWER, "front").allowed
    assert ask(VIEWER, "lonely").allowed
    with clock.moved(timedelta(hours=2)):
        assert ask().allowed
    services.remove(access.LOCAL, "f")
    assert ask().allowed
    assert list(AuditEntry.objects.filter(action__startswith="calendar").values_list("action", flat=True)) == [
        "calendar.create",
        "calendar.remove",
    ]


def test_a_scope_whose_services_are_gone_does_not_become_everything() -> None:
    services.save(access.LOCAL, entry(services=frozenset({"lonely"})))
    Service.objects.get(key="lonely").delete()
    assert ask().allowed


def test_only_maintainers_make_entries_and_what_is_wrong_names_its_field() -> None:
    with pytest.raises(access.AccessError):
        services.save(actor("Ben"), entry())
    with pytest.raises(CalendarError, match="services: there is no service 'nosuch'"):
        services.save(access.LOCAL, entry(services=frozenset({"nosuch"})))


@pytest.mark.parametrize("change", [{"timezone": "Mars/Base"}, {"rrule": "FREQ=NEVER"}, {"start": "?"}, {"kind": "x"}])
def test_a_broken_row_closes_the_gate(change: dict[str, str]) -> None:
    services.save(access.LOCAL, entry(start="2026-01-01T00:00", rrule="FREQ=YEARLY"))
    CalendarEntry.objects.update(**change, revision=new_revision())
    answer = ask()
    assert not answer.allowed
    assert "cannot be understood" in answer.reason
    CalendarEntry.objects.update(enabled=False)
    assert ask().allowed


def test_a_database_that_fails_closes_the_gate_and_leaves_the_transaction_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense FROM nowhere")

    monkeypatch.setattr(gate, "picture", fail)
    answer = ask()
    assert not answer.allowed
    assert "cannot be evaluated" in answer.reason
    assert Service.objects.exists()


def test_an_emergency_is_written_down_told_and_owes_a_review() -> None:
    services.save(access.LOCAL, entry())
    answer = ask(actor("Ben"), emergency=REASON)
    assert (answer.allowed, answer.emergency) == (True, True)
    assert REASON in answer.reason
    use = EmergencyUse.objects.get()
    assert (use.person_name, use.services, use.reviewed_at) == ("Ben", ["pay"], None)
    assert AuditEntry.objects.filter(action="gate.EMERGENCY", target=f"emergency {use.pk}").count() == 1
    told = FeedItem.objects.filter(topic="page")
    assert [one.person and one.person.name for one in told] == ["Ana"]
    assert ask(actor("Ben"), emergency=REASON).allowed
    assert EmergencyUse.objects.count() == 1
    assert not ask(actor("Ben")).allowed
    with pytest.raises(access.AccessError):
        gate.review(actor("Ben"), use.pk, "It was right.")
    gate.review(actor("Ana"), use.pk, "It was right.")
    use.refresh_from_db()
    assert (use.reviewed_name, use.review) == ("Ana", "It was right.")
    with pytest.raises(ProblemError, match="has reviewed"):
        gate.review(actor("Ana"), use.pk, "Again.")


def test_nobody_reviews_their_own_emergency() -> None:
    services.save(access.LOCAL, entry())
    ask(actor("Ana"), emergency=REASON)
    for who in (actor("Ana"), access.LOCAL):
        with pytest.raises(ProblemError, match="Ask a colleague"):
            gate.review(who, EmergencyUse.objects.get().pk, "Fine.")


def test_an_emergency_takes_a_person_with_the_right_and_a_reason() -> None:
    services.save(access.LOCAL, entry())
    program = access.Actor("token ci", access.Right.RESPOND, via="api")
    assert "takes a person" in ask(program, emergency=REASON).reason
    assert "takes a reason" in ask(actor("Ben"), emergency="hm").reason
    with pytest.raises(access.AccessError):
        ask(VIEWER, emergency=REASON)
    assert not EmergencyUse.objects.exists()


def test_an_emergency_ends_and_is_then_a_new_one() -> None:
    services.save(access.LOCAL, entry(lasts=7 * 86_400))
    ask(actor("Ben"), emergency=REASON)
    with clock.moved(timedelta(minutes=61)):
        ask(actor("Ben"), emergency=REASON)
    assert EmergencyUse.objects.count() == 2


def test_answers_are_recorded_by_their_caller() -> None:
    gate.record(VIEWER, ask(), kind="job", services=["pay"], target="job 1")
    found = AuditEntry.objects.get(action="gate.allowed")
    assert (found.target, found.detail["services"]) == ("job 1", ["pay"])


def test_the_number_of_queries_does_not_depend_on_the_number_of_entries() -> None:
    for number in range(40):
        services.save(access.LOCAL, entry(key=f"e{number}", kind="event", services=frozenset({"pay", "front"})))
    for queries in (6, 4):
        # The first question after a change reads what it is about; the next one knows it.
        with CaptureQueriesContext(connection) as seen:
            ask()
        assert len([one for one in seen if "SAVEPOINT" not in one["sql"]]) == queries


FILE = """
services:
  - {key: bank, name: Bank, changes: only_in_windows}
calendar:
  - key: sunday
    kind: window
    services: [bank]
    start: 2026-01-04T02:00
    timezone: Europe/Berlin
    to: 04:00
    rrule: FREQ=WEEKLY
  - {key: year-end, kind: freeze, start: 2026-12-20, lasts: 14d, rrule: FREQ=YEARLY, changes: [release, job]}
"""


def test_entries_come_from_files_and_go_out_as_the_same() -> None:
    def apply(text: str) -> list[str]:
        return [str(one) for one in config.apply(access.LOCAL, read.read([("cal.yaml", text)]))]

    assert apply(FILE) == ["+ services bank", "+ calendar sunday", "+ calendar year-end"]
    assert apply(FILE) == []
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert "the next, sunday, begins Sun 8 Mar 2026 02:00" in gate.may_change(VIEWER, ["bank"], now, kind="job").reason
    assert yaml.safe_load(config.export(access.LOCAL))["calendar"][0] == {
        "key": "sunday",
        "name": "sunday",
        "kind": "window",
        "services": ["bank"],
        "start": "2026-01-04T02:00",
        "timezone": "Europe/Berlin",
        "to": "04:00",
        "rrule": "FREQ=WEEKLY",
    }
    with pytest.raises(ProblemError, match="change it there"):
        services.save(access.LOCAL, entry(key="sunday"))
    with pytest.raises(ProblemError, match="take it out there"):
        services.remove(access.LOCAL, "sunday")
    assert apply("services: [{key: bank}]")[-2:] == ["- calendar sunday", "- calendar year-end"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{key: a, kind: freeze, start: 2026-01-01T00:00}", "lasts: write either lasts"),
        ("{key: a, kind: freeze, start: soon, lasts: 1h}", "a.yaml:2: calendar[0].start: 'soon' is no civil time"),
        ("{key: a, kind: freeze, start: 2026-01-01, lasts: 1h, rrule: FREQ=SECONDLY}", "rrule: FREQ=SECONDLY is too"),
        ("{key: a, kind: freeze, start: 2026-01-01, lasts: 1h, timezone: X/Y}", "timezone: 'X/Y' is not a time zone"),
        ("{key: a, kind: freeze, start: 2026-01-01, lasts: 1h, services: [zz]}", "there is no service 'zz'"),
    ],
)
def test_mistakes_in_files_name_their_field(line: str, said: str) -> None:
    with pytest.raises(read.ConfigError) as caught:
        config.apply(access.LOCAL, read.read([("a.yaml", f"calendar:\n  - {line}")]))
    assert said in caught.value.problems[0]
