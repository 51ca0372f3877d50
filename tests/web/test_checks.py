"""The screens, routes and commands of health checks."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from mainstay.core import clock, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import AuditEntry
from mainstay.observe.checks.models import Check


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_the_list_has_those_in_trouble_first_with_what_they_said(ana: Client) -> None:
    text = text_of(ana, "/checks")
    assert text.index("Disk for receipts") < text.index("Not run yet")
    for told in ("WARNING", "DISK WARNING: 8 % free", "not run yet"):
        assert told in text


def test_one_has_its_script_its_measures_and_its_runs(ana: Client) -> None:
    text = text_of(ana, "/checks/receipts-disk")
    for told in ("#!/bin/sh", "ratio", "8 %", "920 GiB", "warning in 1 of 1 runs", "check_value{check=", "exit code"):
        assert told in text
    assert ana.get("/checks/none").status_code == 404


def test_it_is_run_now_by_a_responder(ana: Client, sign_in: Callable[[str], Client]) -> None:
    assert sign_in("vic").post("/checks/receipts-disk/run").status_code == 403
    answer = ana.post("/checks/receipts-disk/run", follow=True)
    assert "The worker runs receipts-disk now" in answer.content.decode()
    due = Check.objects.get(key="receipts-disk").next_at
    assert due is not None
    assert due <= clock.now()
    assert AuditEntry.objects.filter(action="check.run", target="check receipts-disk").exists()
    Check.objects.update(enabled=False)
    assert "switched off" in ana.post("/checks/receipts-disk/run", follow=True).content.decode()


def test_programs_read_and_run_them(shop: None, client: Client) -> None:
    secret = tokens.create_token(LOCAL, "test", "write")
    headers = {"Authorization": f"Bearer {secret}", "host": "localhost"}
    rows = client.get("/api/v1/checks", headers=headers).json()["checks"]
    assert [(row["key"], row["state"]) for row in rows] == [("later", None), ("receipts-disk", "warning")]
    one = client.get("/api/v1/checks/receipts-disk", headers=headers).json()
    assert [measure["label"] for measure in one["runs"][0]["measures"]] == ["/", "free"]
    told = client.post("/api/v1/checks/receipts-disk/run", "{}", content_type="application/json", headers=headers)
    assert told.json() == {"due": True}


def test_commands_list_show_and_run(shop: None, capsys: pytest.CaptureFixture[str]) -> None:
    from mainstay.faces.cli import checks

    checks.list_(as_json=True)
    assert len(json.loads(capsys.readouterr().out)) == 2
    checks.show("receipts-disk", as_json=True)
    assert json.loads(capsys.readouterr().out)["runs"][0]["code"] == 1
    with pytest.raises(SystemExit) as ended:
        checks.run("receipts-disk", as_json=True)
    assert ended.value.code == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["measures"]["free"], said["output"]) == ("warning", "0.08 ratio", "more")
