"""Screens, routes and commands of problems and trackers."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from tests.web import seed_problems
from tests.web.test_queries import count
from typer.testing import CliRunner

from mainstay.core import tokens
from mainstay.core.access import LOCAL
from mainstay.faces.cli.main import app
from mainstay.learn.problems import services
from mainstay.learn.problems.models import Problem
from mainstay.respond.incidents.models import Incident


def numbers() -> list[int]:
    return list(Incident.objects.order_by("pk").values_list("pk", flat=True))


def test_the_list_asks_as_often_for_many(shop: None, sign_in: Callable[[str], Client]) -> None:
    client = sign_in("ana")
    seed_problems.many(3, numbers())
    few = count(client, "/problems")
    actions = count(client, "/actions")
    one = count(client, f"/problems/{Problem.objects.latest('pk').pk}")
    seed_problems.many(30, numbers())
    assert count(client, "/problems") == few <= 18
    assert count(client, "/actions") == actions
    big = services.create(LOCAL, services.Wanted("Big", numbers()))
    assert count(client, f"/problems/{big.pk}") <= one + 1


def test_a_problem_goes_its_way_on_the_screen(ana: Client) -> None:
    incident = numbers()[0]
    made = ana.post("/problems", {"title": "", "incident": f"INC-{incident}"})
    assert made.status_code == 302
    path = made["Location"]
    assert f"INC-{incident}" in ana.get(path).content.decode()
    refused = ana.post(f"{path}/fix", {"version": "4.2"})
    assert refused.status_code == 409
    assert "must be cause known" in refused.content.decode()
    for action, fields in (
        ("cause", {"text": "The heap is small."}),
        ("fix", {"version": "4.2", "days": "7"}),
        ("verify", {}),
        ("reopen", {"text": "It came again."}),
        ("note", {"text": "Seen at night."}),
        ("dismiss", {"text": "It was a test."}),
    ):
        assert ana.post(f"{path}/{action}", fields).status_code == 302, action
    shown = ana.get(path).content.decode()
    assert "The heap is small." in shown
    assert "Seen at night." in shown
    assert "It was a test." in ana.get("/problems").content.decode()
    assert ana.post("/problems", {"title": "x", "release": "REL-99"}).status_code == 400
    assert ana.post(f"{path}/explode").status_code == 404


def test_a_viewer_reads_and_acts_on_nothing(shop: None, sign_in: Callable[[str], Client]) -> None:
    seed_problems.problems()
    vic = sign_in("vic")
    problem = Problem.objects.latest("pk")
    for path in ("/problems", f"/problems/{problem.pk}", "/trackers", f"/i/{numbers()[4]}/alike"):
        answer = vic.get(path)
        assert answer.status_code == 200
        assert 'method="post" action="/problems' not in answer.content.decode()
    assert vic.post(f"/problems/{problem.pk}/take").status_code == 403
    assert vic.post("/trackers/issues/1/retry").status_code in {403, 404}


def test_the_api_and_the_commands_tell_the_same(shop: None, client: Client) -> None:
    incident = numbers()[0]
    token = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'ci', 'write')}"}
    body = json.dumps({"incidents": [incident], "title": "Again"})
    made = client.post("/api/v1/problems/create", body, "application/json", headers=token).json()
    path = f"/api/v1/problems/{made['problem'].removeprefix('PRB-')}"
    cause = json.dumps({"text": "Known now."})
    assert client.post(f"{path}/cause", cause, "application/json", headers=token).json()["state"] == "cause known"
    assert client.post(f"{path}/verify", "{}", "application/json", headers=token).status_code == 409
    listed = client.get("/api/v1/problems", headers=token).json()["problems"]
    assert [one["problem"] for one in listed] == [made["problem"]]
    assert client.get(f"/api/v1/incidents/{incident}/alike", headers=token).json() == {"alike": []}
    seed_problems.trackers()
    issues = client.get("/api/v1/trackers/issues", headers=token).json()["issues"]
    assert client.get(f"/api/v1/trackers/issues/{issues[0]['id']}", headers=token).json()["facts"] == []
    assert client.get("/api/v1/trackers", headers=token).json()["trackers"][0]["key"] == "pay"
    shown = CliRunner().invoke(app, ["problems", "show", made["problem"], "--json"])
    assert json.loads(shown.stdout)["cause"] == "Known now."


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["problems", "list"], "Payments time out"),
        (["problems", "alike", "1"], ""),
        (["trackers", "list"], "PAY"),
        (["trackers", "issues"], "HTTP 401"),
    ],
)
def test_commands_list(shop: None, words: list[str], says: str) -> None:
    seed_problems.problems()
    found = CliRunner().invoke(app, [words[0], words[1], *([str(numbers()[0])] if len(words) > 2 else [])])
    assert found.exit_code == 0, found.output
    assert says in found.output
