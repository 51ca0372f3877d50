"""Runbooks through the API and the command line, and what their runs leave in an incident."""

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from typer.testing import CliRunner

from mainstay.core import people, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import Person
from mainstay.core.settings import current
from mainstay.faces.cli.main import app
from mainstay.respond.timeline import services as timeline
from mainstay.restore.runbooks import services
from mainstay.restore.runbooks.models import Run
from tests.runbooks.shelf import again, cell, done, draft, person, said, started, step, text, work, write
from tests.sqldesk.test_examine import incident

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]


def asked(scope: str = "write") -> Client:
    secret = tokens.create_token(LOCAL, f"test-{scope}", scope)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def posted(client: Client, path: str, **body: Any) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def test_a_run_through_the_api() -> None:
    write(step("check id=say", 'echo "hello $INPUT_who"'), step("ask id=why", "Why?"), inputs="[{name: who}]")
    client = asked()
    assert client.get("/api/v1/runbooks").json()["runbooks"][0]["key"] == "fix"
    assert client.get("/api/v1/runbooks/fix").json()["inputs"][0]["name"] == "who"
    refused = posted(client, "runs/propose", runbook="fix", inputs={})
    assert (refused.status_code, refused.json()["field"]) == (400, "inputs.who")
    made = posted(client, "runs/propose", runbook="fix", inputs={"who": "you"}).json()
    services.ask_dry_run(LOCAL, made["id"])
    work()
    assert client.get(f"/api/v1/runs/{made['id']}").json()["dry_run"]["checks"][0]["now"] == "holds"
    assert posted(client, f"runs/{made['id']}/start").json()["state"] == "waiting"
    work()
    shown = client.get(f"/api/v1/runs/{made['id']}").json()
    assert (shown["state"], shown["counts"]) == ("person", {"done": 1, "person": 1})
    waits = next(one for one in shown["steps"] if one["state"] == "person")
    assert posted(client, f"runs/steps/{waits['id']}/answer", what="done", text="because").json()["state"] == "done"
    work()
    assert client.get(f"/api/v1/runs/{made['id']}").json()["state"] == "done"
    output = client.get(f"/api/v1/runs/{made['id']}/output").json()["output"]
    assert output[0]["text"] == "hello you\n"
    assert client.get(f"/api/v1/runs/{made['id']}/output?after={output[0]['id']}").json()["output"] == []
    assert client.get("/api/v1/runs/output?text=HELLO").json()["hits"][0]["run"] == made["id"]
    assert posted(client, "runbooks/lint", text="# no").json()["problems"][0]["line"] == 1
    assert posted(client, "runs/stop-all").json() == {"stopped": 0}
    assert asked("read").get("/api/v1/runs").status_code == 403
    assert posted(client, f"runs/{made['id']}/approve").status_code == 400


def test_a_run_on_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "hello.md"
    file.write_text(
        text(step("shell id=say", 'echo "hello $INPUT_who"'), inputs="[{name: who}]", approval="second person")
    )
    cli = CliRunner()

    def run(*words: str, stdin: str = "") -> str:
        found = cli.invoke(app, ["runbook", *words], input=stdin)
        assert found.exit_code == 0, (found.output, found.exception)
        return str(found.output)

    assert "hint: name a check under verify" in run("lint", str(file))
    assert cli.invoke(app, ["runbook", "lint", str(Path(__file__))]).exit_code == 1
    assert "on the worker, once" in run("run", str(file), "--dry-run", "--input", "who=you")
    run("save", str(file))
    assert "fix" in run("list")
    assert run("show", "fix") == file.read_text()
    assert "waits for approval" in run("run", "fix", "--input", "who=you", "--reason", "It hangs")
    made = Run.objects.get()
    people.set_password(LOCAL, Person.objects.get(email="ben@x.example"), "a long password of ben")
    run("approve", str(made.pk), "--as", "ben@x.example", "--password-stdin", stdin="a long password of ben\n")
    run("start", str(made.pk))
    work()
    assert run("output", str(made.pk)) == "hello you\n"
    assert "hello you" in run("output", "--search", "hello")
    assert "done" in run("runs")
    assert "exit code 0" in run("runs", "--number", str(made.pk), "--json")
    wrapped = tmp_path / "a.sh"
    wrapped.write_text("#!/bin/sh\ntrue\n")
    assert "```shell id=a with=sh" in run("wrap", str(wrapped), "--service", "pay")
    assert "0 runs" in run("stop", "--all")


def test_stopping_and_resuming_on_the_command_line() -> None:
    write(step("manual id=pull", "Pull the plug."), step("shell id=say", "echo done"))
    made = done(draft())
    cli = CliRunner()
    assert cli.invoke(app, ["runbook", "stop", str(made.pk)]).exit_code == 0
    assert again(made).state == Run.State.STOPPED
    assert cli.invoke(app, ["runbook", "resume", str(made.pk)]).exit_code == 0
    work()
    answered = cli.invoke(app, ["runbook", "answer", str(cell(made, "pull").pk), "done"])
    assert answered.exit_code == 0, answered.exception
    work()
    assert (again(made).state, said(made)) == (Run.State.DONE, "done\n")


def test_a_run_is_in_the_timeline_of_its_incident() -> None:
    write(step("shell id=say", "true"), approval="second person")
    at = incident().pk
    run = services.propose(person("ben"), "fix", {}, reason="It hangs", incident=at)
    started(run)
    work()
    told = [one.text for one in timeline.entries(person("ben"), at) if one.kind == "run"]
    assert [one.removeprefix(f"{run} ") for one in told] == [
        "drafted: Fix fix",
        "waits for approval: Fix fix",
        "approved by Cleo",
        "started by Ben",
        "done",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_steps_run_as_the_user_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(current().values, "runbook_user", "nobody")
    write(
        step(
            "shell id=who", 'id -un; id -Gn; test ! -r /etc/shadow; touch here; echo "$HOME" | grep -c mainstay-program'
        ),
        step("python id=also", "import os\nprint(os.getuid())"),
    )
    run = done(draft())
    assert run.state == Run.State.DONE, (run.state_reason, said(run))
    account = pwd.getpwnam("nobody")
    assert said(run, "who").splitlines()[0] == "nobody"
    assert said(run, "also") == f"{account.pw_uid}\n"
    monkeypatch.setitem(current().values, "runbook_user", "no-such-user")
    assert "is no user of this system" in done(draft()).state_reason
