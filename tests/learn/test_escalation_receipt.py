"""A stranger answers ten questions from the file of a case alone; nothing secret or personal is in it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainstay.core import clock
from mainstay.core.access import LOCAL, SYSTEM
from mainstay.core.settings import current
from mainstay.faces.bench import escalation_scenes as scenes
from mainstay.faces.bench.escalation_reader import CaseFile
from mainstay.faces.cli import diagnose as command
from mainstay.learn.diagnosis import folder
from mainstay.learn.diagnosis.domain import diagnose
from mainstay.learn.escalation import build
from mainstay.learn.escalation.domain.glance import QUESTIONS
from mainstay.observe.logs import registry
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.restore.sqldesk.models import Connection, Evidence, Read
from tests import engine
from tests.web import serve
from tests.web.screens import problems, problems_by_light_and_dark

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with engine.running():
        yield


def opened(scene: scenes.Scene) -> Incident:
    registry.forget()
    engine.empty()
    made = scenes.open_incident(scene)
    engine.settle()
    return made


@pytest.mark.parametrize("scene", scenes.SCENES, ids=lambda one: one.name)
def test_ten_questions(scene: scenes.Scene, tmp_path: Path) -> None:
    incident = opened(scene)
    made = build.build(SYSTEM, incident.pk)
    case = CaseFile(made.content)
    assert case.broken() == []
    assert case.scripts == 0
    assert scenes.score(case.answers(), scenes.wanted(scene, incident.started_at)) == []
    # The first page answers each as well, and what lies beside it is the documented folder.
    glance = case.table("At a glance")
    assert [row["Question"] for row in glance] == list(QUESTIONS)
    assert all(row["Answer"] for row in glance)
    for name, data in case.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    said = diagnose(folder.read(tmp_path))
    assert said.services[0].name == scene.culprit
    assert [one.name for one in said.changes[:1]] == ([scene.guilty] if scene.guilty else [])
    assert command._of_folder(tmp_path)["services"][0]["name"] == scene.culprit
    # Graphs are read without scripts, in words, and as data.
    assert case.rows("graphs/1.csv")[0].keys() == {"series", "time", "value"}
    assert b"<title>" in case.files["graphs/1.svg"]


def test_its_page_is_accessible_alone_and_on_a_phone(tmp_path: Path) -> None:
    serve.need()
    made = build.build(SYSTEM, opened(scenes.SCENES[0]).pk)
    place = tmp_path / "index.html"
    place.write_bytes(CaseFile(made.content).files["index.html"])
    with serve.browser() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 800})
        page.goto(place.as_uri())
        assert problems_by_light_and_dark(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.set_viewport_size({"width": 1280, "height": 800})
        assert problems(page) == []


SECRETS = {
    "mail": "erika.mustermann@customer.example",
    "card": "4111 1111 1111 1111",
    "iban": "DE89370400440532013000",
    "password": "hunter2-hunter2",
    "token": "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "own": "CUST-99812-X",
}


def test_nothing_secret_or_personal_from_any_source(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = " ".join(
        (
            f"to {SECRETS['mail']} card {SECRETS['card']} iban {SECRETS['iban']}",
            f"password={SECRETS['password']} {SECRETS['token']} {SECRETS['own']}",
        )
    )
    # Lines that were kept before anything was taken out of them.
    monkeypatch.setitem(current().values, "log_redact", ())
    monkeypatch.setitem(current().values, "escalation_redact_expressions", (r"CUST-\d+-X",))
    scene = scenes.SCENES[1]
    planted = scenes.Scene(
        **{
            **{name: getattr(scene, name) for name in scene.__dataclass_fields__},
            "error": f"{scene.error} {everything}",
            "workaround": f"Write {everything}",
            "users": f"'{everything.replace(':', '')}'",
            "changes": tuple(
                scenes.Told(
                    one.key,
                    one.service,
                    one.kind,
                    one.before,
                    everything,
                    f"{one.diff}\n+db_password: {SECRETS['password']} and more",
                    one.version,
                )
                for one in scene.changes
            ),
        }
    )
    incident = opened(planted)
    Incident.objects.filter(pk=incident.pk).update(title=f"Slow {everything}"[:300], cause=everything)
    incidents.comment(LOCAL, incident.pk, everything)
    for alert in incident.alerts.all():
        alert.annotations = {"summary": everything}
        alert.save()
    _pin(incident, everything)
    made = build.with_note(build.build(SYSTEM, incident.pk, everything).content, f"Ask her: {everything}")
    case = CaseFile(made.content)
    assert case.broken() == []
    for name, data in case.files.items():
        text = data.decode()
        found = [kind for kind, secret in SECRETS.items() if secret in text or json.dumps(secret)[1:-1] in text]
        assert found == [], f"{name} holds {found}"
        assert "Musterfrau" not in text
    assert "Ask her" in " ".join(case.section("Note").texts)
    taken = " ".join(case.section("What is missing, cut or taken out").texts)
    assert all(kind in taken for kind in ("email", "card", "iban", "secret", "field"))


def _pin(incident: Incident, everything: str) -> None:
    connection = Connection.objects.create(key="books", name="Books", dialect="sqlite", address="/nowhere/books.db")
    read = Read.objects.create(
        connection=connection,
        incident=incident,
        person_name="Ana",
        token="t1",
        sql=f"SELECT * FROM customers WHERE note = '{everything}'",
        state="done",
        asked_at=clock.now(),
    )
    Evidence.objects.create(
        incident=incident,
        read=read,
        title=f"Customers {everything}"[:200],
        columns=["order_id", "last_name", "note"],
        rows=[["88001", "Musterfrau", everything]],
        cut=False,
        digest="0" * 64,
        pinned_name="Ana",
        pinned_at=clock.now(),
    )
