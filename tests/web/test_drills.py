"""A drill from its start to its debrief: through the worker's loop, screens, the API, the command line and files."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from typer.testing import CliRunner

from cornershop.faults import FAULTS
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock, settings, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.faces.cli.main import app
from mainstay.learn.drills import deeds, loop, services
from mainstay.learn.drills.models import Drill
from mainstay.learn.drills.scenarios import SHOP
from mainstay.observe.changes import services as changes
from mainstay.respond.incidents.models import Incident

pytestmark = pytest.mark.usefixtures("shop")
Deeds = list[tuple[str, tuple[str, ...]]]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deeds]:
    """What was broken and mended, instead of a shop; with the setting that says that there is one."""
    found: Deeds = []
    monkeypatch.setattr(deeds, "carry_out", lambda deed, verb, reason: found.append((verb, deed.faults)))
    before = settings.current()
    settings.use(settings.Loaded({**before.values, "drill_shop": "/srv/shop"}, before.origins))
    yield found
    settings.use(before)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[changes.ChangeEvent]:
    found: list[changes.ChangeEvent] = []
    monkeypatch.setattr(changes, "tell", found.append)
    return found


def an_incident(group: str = "drill") -> Incident:
    from tests.web.seed import post, rule_signal

    post([rule_signal("payment-error-ratio", ago=0, labels={"incident_group": group})])
    return Incident.objects.latest("pk")


def restore(incident: Incident) -> None:
    Incident.objects.filter(pk=incident.pk).update(state="restored", restored_at=clock.now())


def cause_of(incident: Incident, client: Client) -> str:
    return client.get(f"/i/{incident.pk}/diagnosis", headers={"HX-Request": "true"}).content.decode()


def test_the_likely_cause_is_shown_to_who_pays_for_it(sign_in: Callable[[str], Client], done: Deeds) -> None:
    ben = sign_in("ben")
    earlier = an_incident("earlier")
    ben.post("/drills/start", {"scenario": "full-disk"})
    drill = Drill.objects.get()
    assert loop.run_due() == 1
    with clock.moved(timedelta(seconds=20)):
        incident = an_incident()
        assert "Hidden" not in cause_of(earlier, ben)
        assert "Hidden" in cause_of(incident, ben)
        back = {"next": f"/i/{incident.pk}#h-diagnosis"}
        assert ben.post(f"/drills/{drill.pk}/show-cause", back)["Location"] == back["next"]
        assert "Hidden" not in cause_of(incident, ben)
        drill.refresh_from_db()
        assert "the likely cause was looked up" in [one.why for one in services.look_at(drill, clock.now()).losses]


def test_a_drill_goes_from_the_break_to_its_debrief(sign_in: Callable[[str], Client], done: Deeds) -> None:
    ben = sign_in("ben")
    page = ben.post("/drills/start", {"scenario": "full-disk"}, follow=True).content.decode()
    drill = Drill.objects.get()
    assert "It is being broken" in page
    assert loop.run_due() == 1
    assert done == [("break", ("full-disk",))]
    with clock.moved(timedelta(seconds=20)):
        incident = an_incident()
        ben.get(f"/i/{incident.pk}")
        assert "Show it for 10 points" in cause_of(incident, ben)
        assert "Hidden" not in cause_of(incident, sign_in("ana"))
        assert loop.run_due() == 0
    with clock.moved(timedelta(seconds=40)):
        ben.post(f"/i/{incident.pk}/acknowledge")
        ben.post(f"/i/{incident.pk}/note", {"text": "Checkout fails for everybody since 02:10."})
        assert (
            "That is not it"
            in ben.post(f"/drills/{drill.pk}/answer", {"service": "stock"}, follow=True).content.decode()
        )
        assert "name everything" in ben.post(f"/drills/{drill.pk}/mend", follow=True).content.decode().lower()
        assert (
            "That is it"
            in ben.post(f"/drills/{drill.pk}/answer", {"service": "payments"}, follow=True).content.decode()
        )
        assert "Hidden" not in cause_of(incident, ben)
        ben.post(f"/drills/{drill.pk}/mend")
        assert loop.run_due() == 1
        restore(incident)
        assert loop.run_due() == 1
    assert done[1:] == [("heal", ("full-disk",))] * 2
    drill.refresh_from_db()
    assert (drill.state, drill.live, drill.score, drill.why_ended) == ("ended", None, 85, "found and restored")
    stages = {one["name"]: one["seconds"] for one in drill.debrief["stages"]}
    assert 19 <= stages["alert"] <= stages["notice"] < 30 <= stages["acknowledge"]
    assert [one["path"] for one in drill.debrief["looks"]] == [f"/i/{incident.pk}"]
    page = ben.get(f"/drills/{drill.pk}").content.decode()
    assert "The disk filled in one step" in page
    assert f"/i/{incident.pk}" in page
    assert "85" in ben.get("/drills").content.decode()
    assert services.standing(LOCAL)[0]["mastered"] == 1


def test_two_would_hide_in_each_others_alerts(sign_in: Callable[[str], Client], done: Deeds) -> None:
    ben = sign_in("ben")
    ben.post("/drills/start", {"scenario": "full-disk"})
    page = ben.post("/drills/start", {"scenario": "memory-leak"}, follow=True).content.decode()
    assert "A drill goes on already" in page
    assert Drill.objects.count() == 1
    assert sign_in("vic").post("/drills/start", {"scenario": "memory-leak"}).status_code == 403
    del done


def test_a_decoy_is_told_as_a_change_of_some_minutes_ago(done: Deeds, told: list[changes.ChangeEvent]) -> None:
    services.start(LOCAL, "release-under-suspicion")
    loop.run_due()
    assert [(one.service, one.kind) for one in told] == [("payments", "deploy")]
    assert clock.now() - told[0].time > timedelta(minutes=3)
    del done


def test_what_cannot_be_broken_is_said_and_lets_the_next_begin(done: Deeds, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise deeds.DeedError("break full-disk: no shop runs in /srv/shop")

    monkeypatch.setattr(deeds, "carry_out", fails)
    drill = services.start(LOCAL, "full-disk")
    loop.run_due()
    drill.refresh_from_db()
    assert (drill.state, drill.problem, drill.live) == ("failed", "break full-disk: no shop runs in /srv/shop", None)
    services.start(LOCAL, "full-disk")
    del done


def test_it_ends_by_itself_and_says_what_was_left_out(done: Deeds) -> None:
    drill = services.start(LOCAL, "slow-database")
    loop.run_due()
    with clock.moved(timedelta(minutes=61)):
        assert loop.run_due() == 1
    drill.refresh_from_db()
    assert drill.why_ended == "its time is up"
    assert drill.score == 100 - 15 - 30 - 20 - 10
    with pytest.raises(ProblemError, match="has ended"):
        services.answer(LOCAL, drill.pk, "orders")
    assert done[-1] == ("heal", ("slow-database",))


def test_what_is_opened_counts_only_while_a_drill_goes_on(sign_in: Callable[[str], Client], done: Deeds) -> None:
    ben = sign_in("ben")
    ben.post("/drills/start", {"scenario": "full-disk"})
    drill = Drill.objects.get()
    ben.get("/alerts")
    assert drill.looks.count() == 0
    loop.run_due()
    ben.get("/alerts")
    ben.get("/alerts", headers={"HX-Request": "true"})
    sign_in("ana").get("/services")
    assert [one.path for one in drill.looks.all()] == ["/alerts"]
    services.end(LOCAL, drill.pk)
    loop.run_due()
    ben.get("/alerts")
    assert drill.looks.count() == 1
    assert "drill" not in ben.session
    del done


def test_programs_and_the_command_line_have_the_same(client: Client, done: Deeds) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}

    def post(path: str, **body: str) -> dict[str, object]:
        answer: dict[str, object] = client.post(
            f"/api/v1/drills/{path}", body, content_type="application/json", headers=headers
        ).json()
        return answer

    rows = client.get("/api/v1/drills/scenarios", headers=headers).json()["scenarios"]
    assert [one["level"] for one in rows][:3] == ["joiner"] * 3
    assert not any("explanation" in one or "culprits" in one for one in rows)
    assert post("start", scenario="moon")["status"] == 404
    assert post("start", scenario="full-disk", person="nobody@example.com")["field"] == "person"
    number = post("start", scenario="full-disk", person="ben@example.com")["id"]
    loop.run_due()
    assert "first alert" in str(post(f"{number}/hint")["hint"])
    run = CliRunner().invoke
    assert run(app, ["drill", "answer", str(number), "payments"]).output.strip() == "That is it."
    assert "explanation" not in client.get(f"/api/v1/drills/{number}", headers=headers).json()
    assert run(app, ["drill", "end", str(number), "--why", "lunch"]).exit_code == 0
    loop.run_due()
    said = json.loads(run(app, ["drill", "show", str(number), "--json"]).output)
    assert (said["state"], said["hints"] != [], "explanation" in said) == ("ended", True, True)
    people = json.loads(run(app, ["drill", "skills", "--json"]).output)
    assert [one["person"] for one in people] == [str(Person.objects.get(email="ben@example.com"))]
    assert client.get("/api/v1/drills", headers=headers).json()["drills"][0]["scenario"] == "full-disk"
    del done


STAGING = """
runbooks:
  - key: stage-break
    text: |
      ---
      key: stage-break
      title: Break staging
      services: [payments]
      approval: none
      timeout: 1m
      ---
      ```shell id=break
      true
      ```
  - key: stage-mend
    text: |
      ---
      key: stage-mend
      title: Mend staging
      services: [payments]
      approval: none
      timeout: 1m
      ---
      ```shell id=mend
      true
      ```
drills:
  - key: staging
    name: Staging fails
    story: It fails.
    skills: [logs]
    culprits: [{accepted: [payments], what: "it was switched off"}]
    explanation: Somebody switched it off.
    breaks: {runbook: stage-break}
    mends: {runbook: stage-mend}
"""


def test_a_staging_system_is_broken_by_a_runbook_under_its_guards() -> None:
    from mainstay.restore.runbooks.models import Run

    config.apply(LOCAL, read.read([("drills.yaml", STAGING)]))
    assert list(services.scenarios(LOCAL)) == ["staging"]
    assert config.plan(read.read([("drills.yaml", STAGING)])) == []
    drill = services.start(LOCAL, "staging")
    loop.run_due()
    run = Run.objects.get()
    assert (run.version.book.key, run.automatic) == ("stage-break", "a drill")
    services.end(LOCAL, drill.pk)
    loop.run_due()
    assert Run.objects.latest("pk").version.book.key == "stage-mend"
    wrong = STAGING.replace("skills: [logs]", "skills: [moon]")
    with pytest.raises(ValueError, match="'moon' is not one of"):
        read.read([("drills.yaml", wrong)])


def test_every_fault_is_one_that_the_shop_has() -> None:
    assert {fault for one in SHOP for fault in one.breaks.faults} == set(FAULTS)
