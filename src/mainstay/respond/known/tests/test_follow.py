"""What log lines and likeness tell of an incident after it has opened: a real engine, real tables, time moved."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests import engine

from mainstay.catalog.known import services as catalog
from mainstay.catalog.known.services import MATCH
from mainstay.core import access, clock, inbox
from mainstay.core.access import LOCAL
from mainstay.core.ids import fingerprint
from mainstay.core.models import Person
from mainstay.observe.logs import registry, services
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.known import draft, guess
from mainstay.respond.known.follow import Follow

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.usefixtures("company")]


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture(autouse=True)
def _empty() -> None:
    registry.forget()
    guess.forget()
    engine.empty()


def keep(key: str, name: str = "", workaround: str = "Do it.", **match: object) -> None:
    entry = {"key": key, "name": name, "services": ["pay"], "workaround": workaround, "match": {**MATCH, **match}}
    catalog.save(LOCAL, entry)


def write(*bodies: str, level: str = "error", ago: float = 5) -> None:
    moment = int((clock.now() - timedelta(seconds=ago)).timestamp() * 1e6)
    origin = [Origin("pay", "p", "test")]
    count = len(bodies)
    services.accept(Lines(origin, [0] * count, list(bodies), [moment] * count, [level] * count, whole=True))
    engine.settle()


def fire(name: str = "Slow", text: str = "it is slow", **labels: str) -> Incident:
    labels = {"alertname": name, "service": "pay", **labels}
    signal = {
        "source": "test",
        "fingerprint": fingerprint(labels),
        "labels": labels,
        "annotations": {"summary": text},
        "state": "firing",
        "starts_at": clock.now().isoformat(),
        "ends_at": None,
    }
    inbox.put("alert", [signal])
    alerts.drain()
    return Incident.objects.latest("pk")


def told(incident: Incident) -> list[tuple[str, str, str]]:
    return [(one.kind, one.known_error.key, one.why) for one in known.matches(LOCAL, incident)]


def test_a_log_template_is_asked_for_after_the_incident_has_opened() -> None:
    keep("KE-7", rules=["Slow"], log="provider timeout after 2000 ms")
    keep("KE-8", rules=["Slow"], log="provider timeout after 35 ms")
    keep("KE-9", rules=["Other"], log="provider timeout after <*> ms")
    keep("KE-10", log="provider timeout after")
    write(*(f"provider timeout after {ms} ms" for ms in (2000, 2001, 2003, 2000, 2400)))
    incident, follow = fire(), Follow()
    assert told(incident) == []
    with clock.moved(timedelta(seconds=3)):
        follow.run_due()
    shown = told(incident)
    assert [(kind, key) for kind, key, _ in shown] == [("exact", "KE-7"), ("exact", "KE-10")]
    assert shown[0][2] == "service pay, rule Slow, log “provider timeout after 2000 ms”"
    assert shown[1][2].startswith("service pay, log “provider timeout after <*> ms")
    incident.refresh_from_db()
    assert incident.known_error is not None
    assert incident.known_error.key == "KE-7"
    assert "Known error KE-7 matches: service pay, rule Slow, log" in "\n".join(map(str, incident.timeline.all()))
    with clock.moved(timedelta(seconds=7)):
        follow.run_due()
    assert told(incident) == shown


def test_lines_that_come_late_are_found_by_a_later_look_and_old_ones_never() -> None:
    keep("KE-7", log="the ledger is locked")
    write("the ledger is locked", ago=3600)
    incident, follow = fire(), Follow()
    with clock.moved(timedelta(seconds=3)):
        follow.run_due()
        assert told(incident) == []
        write("the ledger is locked", ago=1)
        follow.run_due()
        assert told(incident) == []
    with clock.moved(timedelta(seconds=7)):
        follow.run_due()
    assert [key for _, key, _ in told(incident)] == ["KE-7"]


def test_similar_ones_are_guesses_below_and_never_on_a_page() -> None:
    keep("KE-20", "The ledger lock is held by the month-end report", "End the report that holds the ledger lock.")
    keep("KE-21", "Certificates end", "Renew the certificate of the storefront.")
    keep("KE-22", rules=["Stuck"])
    write(*(f"settlement waits for the ledger lock held by report {pid}" for pid in (41, 42, 43)))
    incident, follow = fire("Stuck", "Settlement waits for the ledger lock"), Follow()
    with clock.moved(timedelta(seconds=13)):
        follow.run_due()
    shown = told(incident)
    assert [(kind, key) for kind, key, _ in shown] == [("exact", "KE-22"), ("guess", "KE-20")]
    assert "ledger" in shown[1][2]
    incident.refresh_from_db()
    assert incident.known_error is not None
    assert incident.known_error.key == "KE-22"


def test_a_known_error_is_drafted_from_an_incident() -> None:
    write("cannot write receipt: disk is full", "cannot write receipt: disk is full")
    fire("Other", zone="a", tier="gold")
    incidents.resolve(LOCAL, Incident.objects.get().pk, "Unrelated.")
    incident = fire("Full", zone="b", tier="gold", instance="10.0.0.7:9100")
    ana = access.of_person(Person.objects.get(name="Ana"))
    incidents.comment(ana, incident.pk, "Moved old receipts away.")
    incidents.resolve(ana, incident.pk, "The disk for receipts was full.\nNobody deletes them.")
    found = draft.of_incident(ana, incident.pk)
    assert found.entry["name"] == "The disk for receipts was full."
    assert found.entry["services"] == ["pay"]
    assert found.entry["match"]["rules"] == ["Full"]
    assert found.entry["match"]["labels"] == {"zone": "b"}
    assert found.entry["match"]["log"] == "cannot write receipt: disk is full"
    assert "Moved old receipts away." in found.entry["workaround"]
    saved = catalog.save(ana, found.entry, from_incident=incident.pk)
    assert (saved.key, saved.from_incident) == ("KE-2", incident.pk)
    again = fire("Full", zone="b", instance="10.0.0.9:9100")
    with clock.moved(timedelta(seconds=3)):
        Follow().run_due()
    assert [key for _, key, _ in told(again)] == ["KE-2"]
