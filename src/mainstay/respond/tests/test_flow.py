"""From a signal to a person who has acknowledged it, over the real tables, moving time instead of sleeping."""

from datetime import timedelta

import pytest

from mainstay.core import access, clock, inbox
from mainstay.core.ids import fingerprint
from mainstay.core.models import InboxItem, Person
from mainstay.core.problems import ProblemError
from mainstay.respond.alerts import services as alerts
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident, State
from mainstay.respond.oncall import services as oncall
from mainstay.respond.oncall.models import Escalation
from mainstay.respond.paging import services as paging
from mainstay.respond.paging.channels import mail
from mainstay.respond.paging.message import DeliveryError, Message, compose
from mainstay.respond.paging.models import Attempt, Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]


def signal(name: str = "Slow", service: str = "pay", state: str = "firing", **more: object) -> None:
    labels = {"alertname": name, "service": service, "severity": "critical", **{k: str(v) for k, v in more.items()}}
    now = clock.now().isoformat()
    inbox.put(
        "alert",
        [
            {
                "source": "test",
                "fingerprint": fingerprint(labels),
                "labels": labels,
                "annotations": {"summary": f"{name} in {service}", "description": "provider timeout after 2000 ms"},
                "state": state,
                "starts_at": now,
                "ends_at": None if state == "firing" else now,
            }
        ],
    )
    alerts.drain()


def person(name: str) -> Person:
    return Person.objects.get(name=name)


def actor(name: str) -> access.Actor:
    return access.of_person(person(name))


def log(incident: Incident) -> str:
    return "\n".join(str(entry) for entry in incident.timeline.order_by("id"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Message]]:
    """What would have gone out by mail: (person, message)."""
    found: list[tuple[str, Message]] = []

    def send(message: Message, address: str, key: str) -> str:
        found.append((message.person_email.partition("@")[0], message))
        return "250 taken"

    monkeypatch.setattr(mail, "send", send)
    return found


def deliver() -> None:
    for pk in paging.claim("test", 100):
        paging.deliver(pk)


@pytest.fixture(autouse=True)
def journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share a data directory and reuse numbers of rows; the journal of one must not speak for another."""
    noted: dict[str, str] = {}
    monkeypatch.setattr("mainstay.respond.paging.journal.note", noted.__setitem__)
    monkeypatch.setattr("mainstay.respond.paging.journal.find", noted.get)


def test_an_alert_opens_an_incident_with_the_priority_of_the_business_and_pages_the_first_person(
    sent: list[tuple[str, Message]],
) -> None:
    signal()
    incident = Incident.objects.get()
    assert incident.priority == 1
    assert incident.reason["impact"] == "Checkout needs pay (front → pay), importance high"
    assert incident.known_error is not None
    deliver()
    assert [name for name, _ in sent] == ["ana"]
    text = sent[0][1].text
    for part in (
        "What: Slow in pay",
        "Where: Pay (owner Money, tier 1)",
        "Since: ",
        "400 customers",
        "1,000 EUR",
        "KE-1",
        "Call the provider.",
    ):
        assert part in text
    assert "Why you: step 1 of Main" in text
    assert "Opened as P1" in log(incident)
    assert "Mail to Ana accepted: 250 taken" in log(incident)


def test_alerts_of_one_service_join_one_incident_and_a_repeat_changes_nothing(sent: list[tuple[str, Message]]) -> None:
    signal("Slow")
    signal("Broken")
    signal("Slow")
    assert Incident.objects.count() == 1
    assert Alert.objects.count() == 2
    assert Page.objects.count() == 1
    assert not InboxItem.objects.exists()


def test_nobody_acknowledges_so_the_next_person_is_paged_after_the_policys_delay(
    sent: list[tuple[str, Message]],
) -> None:
    signal()
    with clock.moved(timedelta(minutes=4, seconds=59)):
        assert oncall.run_due() == 0
    with clock.moved(timedelta(minutes=5, seconds=1)):
        assert oncall.run_due() == 1
        deliver()
        assert [name for name, _ in sent] == ["ana", "ben"]
        assert oncall.run_due() == 0


def test_the_whole_policy_is_repeated_and_then_says_that_nobody_answered(sent: list[tuple[str, Message]]) -> None:
    signal()
    for minutes in (6, 20, 30, 50, 70):
        with clock.moved(timedelta(minutes=minutes)):
            oncall.run_due()
            deliver()
    assert [name for name, _ in sent] == ["ana", "ben", "ana", "ben"]
    assert Escalation.objects.get().state == "exhausted"
    assert "nobody acknowledged" in log(Incident.objects.get())


def test_acknowledging_stops_the_escalation_and_is_said_once(sent: list[tuple[str, Message]]) -> None:
    signal()
    incident = Incident.objects.get()
    assert incidents.acknowledge(actor("Ana"), incident.pk)
    assert not incidents.acknowledge(actor("Ben"), incident.pk)
    with clock.moved(timedelta(hours=1)):
        assert oncall.run_due() == 0
        deliver()
    incident.refresh_from_db()
    assert (incident.state, str(incident.owner)) == (State.ACKNOWLEDGED, "Ana")
    assert sent == []
    assert {attempt.state for attempt in Attempt.objects.all()} == {"dropped"}


def test_when_the_last_alert_ends_the_incident_is_restored_and_a_new_one_opens_it_again(
    sent: list[tuple[str, Message]],
) -> None:
    signal("Slow")
    signal("Broken")
    signal("Slow", state="resolved")
    assert Incident.objects.get().state == State.OPEN
    signal("Broken", state="resolved")
    assert Incident.objects.get().state == State.RESTORED
    with clock.moved(timedelta(minutes=1)):
        signal("Slow")
    assert Incident.objects.get().state == State.OPEN
    assert Escalation.objects.filter(state="running").count() == 1
    assert Page.objects.count() == 2


def test_resolving_needs_a_cause_and_a_later_alert_opens_a_new_incident(sent: list[tuple[str, Message]]) -> None:
    signal()
    signal(state="resolved")
    number = Incident.objects.get().pk
    with pytest.raises(ProblemError, match="cause was"):
        incidents.resolve(actor("Ana"), number, "  ")
    incidents.resolve(actor("Ana"), number, "the provider was down", workaround_helped=True)
    resolved = Incident.objects.get()
    assert resolved.known_error is not None
    counts = known.counts_of([resolved.known_error.pk])[resolved.known_error.pk]
    assert (resolved.state, counts.met, counts.worked) == (State.RESOLVED, 1, 1)
    with clock.moved(timedelta(minutes=5)):
        signal()
    assert Incident.objects.count() == 2


def test_an_alert_that_still_fires_long_after_its_incident_was_resolved_opens_a_new_one() -> None:
    signal()
    incidents.resolve(actor("Ana"), Incident.objects.get().pk, "guessed wrong")
    assert alerts.reopen_still_firing() == 0
    with clock.moved(timedelta(minutes=11)):
        assert alerts.reopen_still_firing() == 1
        assert alerts.reopen_still_firing() == 0
    assert Incident.objects.filter(state=State.OPEN).count() == 1


def test_snoozing_pages_again_when_it_is_not_restored_by_then(sent: list[tuple[str, Message]]) -> None:
    signal()
    number = Incident.objects.get().pk
    incidents.snooze(actor("Ana"), number)
    assert incidents.wake_snoozed() == 0
    with clock.moved(timedelta(minutes=16)):
        assert incidents.wake_snoozed() == 1
        deliver()
    assert Incident.objects.get().state == State.OPEN
    assert [name for name, _ in sent] == ["ana"]


def test_passing_on_pages_the_next_person_now(sent: list[tuple[str, Message]]) -> None:
    signal()
    incidents.pass_on(actor("Ana"), Incident.objects.get().pk)
    oncall.run_due()
    deliver()
    assert sorted(name for name, _ in sent) == ["ana", "ben"]


def test_when_no_delivery_can_succeed_the_next_person_is_paged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(message: Message, address: str, key: str) -> str:
        raise DeliveryError("550 no such mailbox", permanent=True)

    monkeypatch.setattr(mail, "send", refuse)
    person("Ana").contact_methods.filter(channel="web").delete()
    signal()
    deliver()
    assert Attempt.objects.get().state == "failed"
    assert oncall.hasten_hopeless() == 1
    oncall.run_due()
    assert [page.person.name for page in Page.objects.order_by("id")] == ["Ana", "Ben"]


def test_a_passing_failure_is_tried_again_under_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    def fail_twice(message: Message, address: str, key: str) -> str:
        keys.append(key)
        if len(keys) < 3:
            raise DeliveryError("451 try later", permanent=False)
        return "250 taken"

    monkeypatch.setattr(mail, "send", fail_twice)
    signal()
    for seconds in (0, 3, 10, 30):
        with clock.moved(timedelta(seconds=seconds)):
            deliver()
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert Attempt.objects.get(channel="mail").tries == 3


def test_an_expired_lease_is_taken_over_and_a_handed_over_page_is_not_sent_again(
    sent: list[tuple[str, Message]],
) -> None:
    from mainstay.respond.paging import journal

    signal()
    first = paging.claim("worker that dies", 10)
    assert first
    assert paging.claim("other worker", 10) == []
    with clock.moved(timedelta(seconds=31)):
        assert paging.claim("other worker", 10) == first
        attempt = Attempt.objects.get(channel="mail")
        journal.note(attempt.key, "250 taken just before the end")
        paging.deliver(attempt.pk)
    assert sent == []
    attempt.refresh_from_db()
    assert (attempt.state, attempt.answer) == ("sent", "250 taken just before the end")


def test_an_alert_whose_sender_falls_silent_ends_by_itself() -> None:
    labels = {"alertname": "Quiet", "service": "pay"}
    now = clock.now()
    inbox.put(
        "alert",
        [
            {
                "source": "alertmanager",
                "fingerprint": fingerprint(labels),
                "labels": labels,
                "annotations": {},
                "state": "firing",
                "starts_at": now.isoformat(),
                "ends_at": None,
                "expires_at": (now + timedelta(minutes=5)).isoformat(),
            }
        ],
    )
    alerts.drain()
    assert alerts.expire() == 0
    with clock.moved(timedelta(minutes=6)):
        assert alerts.expire() == 1
        alerts.drain()
    assert Alert.objects.get().fell_silent
    assert "fell silent" in log(Incident.objects.get())


def test_the_auditor_begins_an_escalation_that_is_missing_and_finds_what_is_overdue() -> None:
    signal()
    Escalation.objects.all().delete()
    with clock.moved(timedelta(minutes=2)):
        found = incidents.audit_escalations()
        assert any("paging began" in sentence for sentence in found)
        assert Escalation.objects.filter(state="running").exists()
    with clock.moved(timedelta(minutes=30)):
        assert any("overdue" in sentence for sentence in incidents.audit_escalations())


def test_an_urgent_alert_raises_the_priority_and_a_lesser_one_does_not_lower_it() -> None:
    signal("Small", severity="info")
    assert Incident.objects.get().priority == 3
    signal("Big")
    assert Incident.objects.get().priority == 1
    signal("Other", severity="info")
    incident = Incident.objects.get()
    assert incident.priority == 1
    assert "Raised from P3 to P1" in log(incident)


def test_the_matrix_can_be_edited_and_holds_for_new_incidents() -> None:
    incidents.set_matrix(actor("Ana"), {("high", "high"): 2})
    signal()
    assert Incident.objects.get().priority == 2
    with pytest.raises(ProblemError, match="from 1 to 4"):
        incidents.set_matrix(actor("Ana"), {("high", "high"): 9})


@pytest.mark.parametrize("name", ["acknowledge", "snooze", "pass_on"])
def test_a_viewer_may_look_and_not_act(name: str) -> None:
    signal()
    number = Incident.objects.get().pk
    assert incidents.get(actor("Vic"), number)
    with pytest.raises(access.AccessError, match="a responder"):
        getattr(incidents, name)(actor("Vic"), number)


def test_the_export_tells_the_whole_story(sent: list[tuple[str, Message]]) -> None:
    signal()
    deliver()
    number = Incident.objects.get().pk
    incidents.acknowledge(actor("Ana"), number)
    signal(state="resolved")
    incidents.resolve(actor("Ana"), number, "the | provider <b>was</b> down")
    text = incidents.export_markdown(actor("Vic"), number)
    for part in (
        "# INC-",
        "step 1 of Main",
        "mail: accepted by the provider 250 taken",
        "Acknowledged by Ana",
        "Resolved by Ana",
    ):
        assert part in text
    assert "the \\| provider &lt;b>was" in text


def test_links_are_made_for_one_page_and_grow_old() -> None:
    from mainstay.respond.paging.message import sign, unsign

    signal()
    page = Page.objects.first()
    assert page is not None
    token = sign(page)
    assert unsign(token) == page.key
    assert unsign(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert token in compose(page).link


def test_an_incident_that_reached_nobody_is_paged_when_its_priority_is_raised(sent: list[tuple[str, Message]]) -> None:
    person("Ana").contact_methods.update(min_priority=1)
    person("Ben").contact_methods.update(min_priority=1)
    signal("Small", severity="info")
    assert Page.objects.count() == 0
    assert "Nobody in Main could be paged" in log(Incident.objects.get())
    signal("Big")
    deliver()
    assert [name for name, _ in sent] == ["ana"]


def test_an_incident_that_reached_nobody_is_tried_anew_by_the_auditor(sent: list[tuple[str, Message]]) -> None:
    person("Ana").contact_methods.update(min_priority=1)
    person("Ben").contact_methods.update(min_priority=1)
    signal("Small", severity="info")
    for name in ("Ana", "Ben"):
        person(name).contact_methods.update(min_priority=4)
    with clock.moved(timedelta(minutes=2)):
        assert incidents.audit_escalations() == []
    with clock.moved(timedelta(minutes=6)):
        incidents.audit_escalations()
        deliver()
    assert [name for name, _ in sent] == ["ana"]


def test_passing_on_at_the_last_step_says_that_there_is_nobody(sent: list[tuple[str, Message]]) -> None:
    signal()
    number = Incident.objects.get().pk
    for _ in range(3):
        assert incidents.pass_on(actor("Ana"), number)
        oncall.run_due()
    assert not incidents.pass_on(actor("Ana"), number)
    assert Escalation.objects.get().state == "running"


def test_a_journal_that_cannot_be_written_does_not_send_a_page_twice(
    sent: list[tuple[str, Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: str, answer: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mainstay.respond.paging.journal.note", full)
    signal()
    for seconds in (0, 5, 30):
        with clock.moved(timedelta(seconds=seconds)):
            deliver()
    assert [name for name, _ in sent] == ["ana"]
    assert Attempt.objects.get(channel="mail").state == "sent"


def test_an_alert_that_was_heard_of_meanwhile_does_not_fall_silent() -> None:
    labels = {"alertname": "Repeated", "service": "pay"}
    now = clock.now()

    def heard(expires: timedelta) -> None:
        body = {"source": "alertmanager", "fingerprint": fingerprint(labels), "labels": labels, "annotations": {}}
        times = {"starts_at": now.isoformat(), "ends_at": None, "expires_at": (now + expires).isoformat()}
        inbox.put("alert", [{**body, **times, "state": "firing"}])

    heard(timedelta(minutes=5))
    alerts.drain()
    with clock.moved(timedelta(minutes=6)):
        heard(timedelta(minutes=11))
        assert alerts.expire() == 1
        alerts.drain()
    assert Alert.objects.get().state == "firing"
    assert "fell silent" not in log(Incident.objects.get())


def test_a_late_answer_of_a_slow_sender_does_not_bring_back_a_page_that_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signal()

    def slow(message: Message, address: str, key: str) -> str:
        incidents.acknowledge(actor("Ben"), Incident.objects.get().pk)
        raise DeliveryError("451 try later", permanent=False)

    monkeypatch.setattr(mail, "send", slow)
    deliver()
    assert Attempt.objects.get(channel="mail").state == "dropped"
