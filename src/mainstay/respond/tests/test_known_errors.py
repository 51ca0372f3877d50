"""Known errors on incidents: what matches at intake, what people say, the counts, and who is asked."""

from datetime import timedelta

import pytest

from mainstay.catalog.known import services as catalog
from mainstay.catalog.known.models import KnownError
from mainstay.catalog.known.services import MATCH
from mainstay.catalog.known.signature import SignatureError
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import access, clock, inbox
from mainstay.core.access import LOCAL, AccessError, Actor
from mainstay.core.ids import fingerprint
from mainstay.core.models import AuditEntry, Person
from mainstay.core.problems import ProblemError
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.known import asking
from mainstay.respond.paging.message import compose
from mainstay.respond.paging.models import Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]


def actor(name: str) -> Actor:
    return access.of_person(Person.objects.get(name=name))


def keep(key: str, services: tuple[str, ...] = ("pay",), **match: object) -> KnownError:
    entry = {"key": key, "services": list(services), "workaround": f"Do what {key} says."}
    return catalog.save(LOCAL, {**entry, "match": {**MATCH, **match}})


def fire(name: str = "Slow", service: str = "pay", **more: str) -> Incident:
    labels = {"alertname": name, "service": service, "severity": "critical", **more}
    signal = {
        "source": "test",
        "fingerprint": fingerprint(labels),
        "labels": labels,
        "annotations": {"description": "the acquirer does not answer"},
        "state": "firing",
        "value": 0.7,
        "starts_at": clock.now().isoformat(),
        "ends_at": None,
    }
    inbox.put("alert", [signal])
    alerts.drain()
    return Incident.objects.get(alerts__fingerprint=signal["fingerprint"])


def shown(incident: Incident) -> list[str]:
    return [one.known_error.key for one in known.matches(LOCAL, incident)]


def test_the_page_says_what_is_known_and_why() -> None:
    keep("KE-5", matchers=['severity=~"critical|page"'], words=["acquirer"], condition="Slow > 0.5")
    keep("KE-6", words=["acquirer"])
    incident = fire()
    assert shown(incident) == ["KE-5", "KE-6"]
    text = compose(Page.objects.get()).text
    reason = 'service pay, severity=~"critical|page", Slow > 0.5 (it is 0.7), words acquirer'
    assert f"Known error: KE-5: KE-5 (matched by {reason})" in text
    assert "Workaround: Do what KE-5 says." in text
    log = "\n".join(map(str, incident.timeline.order_by("id")))
    assert f"Known error KE-5 matches: {reason}" in log
    assert "Known error KE-6 matches: service pay, words acquirer" in log


def test_an_alert_that_joins_brings_a_better_match() -> None:
    keep("KE-5", rules=["Slow"])
    keep("KE-6", rules=["Full"], labels={"zone": "b"})
    incident = fire()
    assert incident.known_error == KnownError.objects.get(key="KE-5")
    fire("Full", zone="b")
    incident.refresh_from_db()
    assert incident.known_error == KnownError.objects.get(key="KE-6")
    assert shown(incident) == ["KE-6", "KE-5"]


def test_a_signature_that_cannot_be_used_stops_no_other() -> None:
    keep("KE-5", rules=["Slow"])
    KnownError.objects.filter(pk=keep("KE-6", rules=["Slow"]).pk).update(match_matchers=["("])
    catalog.touch()
    assert shown(fire()) == ["KE-5"]
    assert "is no matcher" in catalog.compiled().problems["KE-6"]


def test_no_alert_waits_while_another_thread_reads_the_signatures() -> None:
    keep("KE-5", rules=["Slow"])
    before = catalog.compiled()
    keep("KE-6", rules=["Slow"])
    with catalog._lock:
        assert catalog.compiled() is before
        assert shown(fire()) == ["KE-5"]
    assert shown(fire(zone="b")) == ["KE-5", "KE-6"]


def apply(text: str) -> None:
    config.apply(LOCAL, read.read([("more.yaml", text)]))


def test_a_change_and_a_retirement_reach_what_matches() -> None:
    keep("KE-5", rules=["Slow"])
    assert shown(fire()) == ["KE-5"]
    keep("KE-5", ("front",), rules=["Slow"])
    assert shown(fire(service="front")) == ["KE-5"]
    catalog.retire(LOCAL, "KE-5")
    assert shown(fire(service="lonely")) == []
    keep("KE-6", rules=["Slow"])
    assert shown(fire(zone="2")) == ["KE-5", "KE-6"]


def test_one_whose_service_is_deleted_does_not_become_one_of_everything() -> None:
    apply("services: [{key: fifth, name: Fifth}]")
    keep("KE-5", ("fifth",), rules=["Slow"])
    apply("services: []")
    assert shown(fire()) == []
    assert not KnownError.objects.get(key="KE-5").services.exists()


def test_what_people_say_makes_the_counts() -> None:
    pk = keep("KE-5", rules=["Slow"]).pk
    keep("KE-6", words=["acquirer"])
    ben = actor("Ben")
    for number, verdict in enumerate(("worked", "failed", "rejected", "")):
        incident = fire(zone=str(number))
        if verdict:
            known.judge(ben, incident.pk, "KE-5", verdict)
        incident.refresh_from_db()
        assert incident.known_error is not None
        assert incident.known_error.key == ("KE-6" if verdict == "rejected" else "KE-5")
        incidents.resolve(ben, incident.pk, "It was.")
    counts = known.counts_of([pk])[pk]
    assert (counts.met, counts.worked, counts.failed, counts.success) == (3, 1, 1, 50)
    log = "\n".join(map(str, Incident.objects.latest("-pk").timeline.all()))
    assert "The workaround of KE-5 helped" in log
    assert AuditEntry.objects.filter(action="incident.known_error", actor="Ben").count() == 3


def test_a_known_error_that_nothing_found_can_be_named() -> None:
    keep("KE-5", rules=["Elsewhere"])
    incident = fire()
    known.judge(actor("Ben"), incident.pk, "KE-5", "worked")
    incident.refresh_from_db()
    assert incident.known_error_why == "Ben says so"
    for key, verdict in (("KE-99", "worked"), ("KE-5", ""), ("KE-5", "nonsense")):
        with pytest.raises(ProblemError):
            known.judge(actor("Ben"), incident.pk, key, verdict)
    with pytest.raises(AccessError):
        known.judge(actor("Vic"), incident.pk, "KE-5", "worked")


def test_stale_ones_are_asked_about_until_somebody_answers() -> None:
    keep("KE-5", rules=["Slow"])
    assert asking.ask() == 0
    with clock.moved(timedelta(days=181)):
        assert asking.ask() == 2
        assert asking.ask() == 0
        one = KnownError.objects.get(key="KE-5")
        assert one.asked_why == "nobody has said for 181 days that it is true"
        catalog.verify(actor("Ben"), "KE-5")
        assert [row.key for row in catalog.listed(LOCAL, state="ask")] == ["KE-1"]
        assert asking.ask() == 0


def test_a_workaround_that_fails_and_a_fix_that_is_out_are_asked_about() -> None:
    keep("KE-5", rules=["Slow"])
    keep("KE-6", rules=["Other"])
    KnownError.objects.filter(key="KE-6").update(fix="released")
    for number, verdict in enumerate(("failed", "failed", "worked")):
        incident = fire(zone=str(number))
        known.judge(LOCAL, incident.pk, "KE-5", verdict)
        incidents.resolve(LOCAL, incident.pk, "It was.")
    assert asking.ask() == 1
    assert KnownError.objects.get(key="KE-5").asked_why == "its workaround helped 1 of 3 times"
    catalog.verify(LOCAL, "KE-5")
    assert asking.ask() == 0
    with clock.moved(timedelta(days=15)):
        assert asking.ask() == 1
    assert KnownError.objects.get(key="KE-6").asked_why == "its permanent fix is released"


def test_each_is_asked_about_on_the_screen_of_its_owner() -> None:
    keep("KE-5", rules=["Slow"])
    keep("KE-6", rules=["Slow"])
    KnownError.objects.filter(key="KE-5").update(owner=Person.objects.get(name="Ben"))
    KnownError.objects.filter(key="KE-6").update(team=Person.objects.get(name="Ana").teams.get())
    KnownError.objects.update(asked_at=clock.now())
    assert [one.key for one in catalog.to_look_at(actor("Ben"))] == ["KE-5"]
    assert [one.key for one in catalog.to_look_at(actor("Ana"))] == ["KE-1", "KE-6"]


@pytest.mark.parametrize(
    ("field", "entry"),
    [
        ("workaround", {"workaround": " "}),
        ("key", {"key": "no spaces"}),
        ("key", {"key": "edit"}),
        ("services", {"services": ["none"]}),
        ("owner", {"owner": "nobody@x.example"}),
        ("team", {"team": "none"}),
        ("fix", {"fix": "soon"}),
        ("name", {"name": "x" * 161}),
        ("log", {"match": {"log": "x" * 1001}}),
        ("matchers", {"match": {"matchers": ["x"]}}),
    ],
)
def test_what_is_wrong_is_named(field: str, entry: dict[str, object]) -> None:
    with pytest.raises(SignatureError) as refused:
        catalog.save(LOCAL, {"key": "KE-5", "workaround": "Do it.", **entry})
    assert refused.value.field == field


def test_one_of_a_file_is_changed_there_and_a_viewer_changes_none() -> None:
    with pytest.raises(ProblemError, match="applied from company.yaml"):
        catalog.save(LOCAL, {"key": "KE-1", "workaround": "Else."})
    with pytest.raises(ProblemError, match="applied from company.yaml"):
        catalog.retire(LOCAL, "KE-1")
    assert catalog.verify(actor("Ben"), "KE-1").verified_by == "Ben"
    with pytest.raises(AccessError):
        catalog.verify(actor("Vic"), "KE-1")
    with pytest.raises(AccessError):
        catalog.save(actor("Vic"), {"workaround": "Else."})
