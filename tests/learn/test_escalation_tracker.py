"""A case as an issue of a real tracker, and what comes back of it; programs and the command line."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from typer.testing import CliRunner

from mainstay.core import clock, secrets, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import ApiToken
from mainstay.faces.bench.escalation_reader import CaseFile
from mainstay.faces.cli.main import app
from mainstay.learn.escalation import loop, services
from mainstay.learn.escalation.models import Escalation
from mainstay.respond.incidents.models import Incident
from tests.learn import fake_tracker
from tests.learn.test_escalation import built, held, incident, running
from tests.learn.test_trackers import HOOK, configure, post, posted, rounds

__all__ = ["incident", "running"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]


@pytest.fixture
def there(company: None) -> Iterator[fake_tracker.Tracker]:
    secrets.put("tracker-token", fake_tracker.TOKEN)
    secrets.put("tracker-hook", HOOK)
    with fake_tracker.running(fake_tracker.gitlab) as tracker, clock.moved(timedelta()):
        configure(
            f"{{key: devs, kind: gitlab, address: '{tracker.address}', project: acme/shop, secret: tracker-token, "
            "hook_secret: tracker-hook, states: {doing: working, needs-info: working}, teams: [devs]}"
        )
        yield tracker
    secrets.remove("tracker-token")
    secrets.remove("tracker-hook")


def state_of(row: Escalation) -> str:
    loop.run_due()
    row.refresh_from_db()
    return row.state


def test_an_issue_with_the_file_and_what_comes_back(
    incident: Incident, there: fake_tracker.Tracker, client: Client
) -> None:
    row = services.hand_over(LOCAL, built(incident).pk, "devs", "Please")
    rounds()
    issue = there.issue(1)
    assert issue.title == f"INC-{incident.pk}: Front is slow"
    assert "What broke" in issue.body
    assert f"/escalations/{row.pk}" in issue.body
    assert any(f"{row}-INC-{incident.pk}.zip" in str(one) for one in issue.comments)
    post(client, *posted("gitlab", there, "Needs information: which version?"))
    assert (state_of(row), held(incident)) == ("asked", "")
    assert "which version" in str(row.notes.last())
    services.answer(LOCAL, row.pk, "4.2")
    rounds()
    assert any("4.2" in str(one) for one in issue.comments)
    services.say(LOCAL, row.pk, "accepted")
    there.issue(1).status, there.issue(1).changed = "closed", there.tick()
    assert post(client, *posted("gitlab", there)).status_code == 200
    assert (state_of(row), held(incident)) == ("fixed", "")


def test_programs(incident: Incident, client: Client) -> None:
    secret = tokens.create_token(LOCAL, "ci", ApiToken.Scope.WRITE)
    headers = {"Authorization": f"Bearer {secret}", "Host": "localhost"}

    def call(path: str, body: object = None) -> dict[str, object]:
        place = f"/api/v1/{path}"
        if body is None:
            answer = client.get(place, headers=headers)
        else:
            answer = client.post(place, json.dumps(body), content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.content
        return answer.json() if answer["Content-Type"] == "application/json" else {"file": answer.content}

    number = call(f"incidents/INC-{incident.pk}/escalate", {})["number"]
    loop.run_due()
    assert call(f"escalations/{number}")["state"] == "ready"
    content = call(f"escalations/{number}/file")["file"]
    assert isinstance(content, bytes)
    assert CaseFile(content).broken() == []
    assert call(f"escalations/{number}/hand-over", {"to": "devs", "note": "n"})["state"] == "sent"
    assert call(f"escalations/{number}/say", {"state": "asked", "text": "?"})["state"] == "asked"
    assert call(f"escalations/{number}/answer", {"text": "!"})["state"] == "sent"
    cases = call(f"escalations?incident=INC-{incident.pk}")["cases"]
    assert isinstance(cases, list)
    assert [one["team"] for one in cases] == ["devs"]


def test_the_command_line(incident: Incident, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return str(done.output)

    file = tmp_path / "case.zip"
    told = run("escalate", f"INC-{incident.pk}", "--to", "devs", "--note", "n", "--zip", str(file))
    assert "no log lines of front" in told
    assert CaseFile(file.read_bytes()).broken() == []
    number = str(Escalation.objects.get().pk)
    assert "needs information" in run("escalation", "said", number, "asked", "--text", "Which?")
    run("escalation", "answer", number, "4.2")
    assert json.loads(run("escalation", "show", number, "--json"))["state"] == "sent"
    assert "devs" in run("escalation", "list")
    run("escalation", "fetch", number, str(tmp_path / "again.zip"))
    assert (tmp_path / "again.zip").read_bytes() == file.read_bytes()
