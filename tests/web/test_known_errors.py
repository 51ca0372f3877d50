"""The screens, routes and commands of known errors."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.web import seed

from mainstay.catalog.known import services
from mainstay.catalog.models import KnownError
from mainstay.core import tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import AuditEntry
from mainstay.faces.web import markdown
from mainstay.respond.incidents.models import Incident, KnownErrorMatch

FORM = {
    "name": "The ledger is locked",
    "workaround": "1. Call finance.",
    "services": "settlement, payments",
    "rules": "settlement-late",
    "matchers": 'env!="test"\nzone=~"a|b"',
    "words": "ledger lock",
    "condition": "settlement-late < 200",
    "fix": "none",
}


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_the_list_is_filtered_by_its_address_and_asks_its_owner(ana: Client) -> None:
    text = text_of(ana, "/known-errors")
    for told in ("KE-31", "KE-12", "KE-40", "You are asked about", "Nobody has said for 200 days", "1 of 1"):
        assert told in text
    assert "KE-31" not in text_of(ana, "/known-errors?service=settlement")
    assert "KE-12" not in text_of(ana, "/known-errors?state=ask")
    narrow = text_of(ana, "/known-errors?state=ask&owner=payments&service=settlement&text=ledger")
    assert "KE-40" in narrow
    assert "KE-12" not in narrow
    assert "No known error is like that" in text_of(ana, "/known-errors?text=nosuchthing")


def test_one_says_how_it_is_recognised_why_and_where_it_matched(ana: Client) -> None:
    text = text_of(ana, "/known-errors/KE-31")
    for told in ("payment-error-ratio", "One of these rules or alerts fires", "helped 1 of 1 times (100 %)", "INC-"):
        assert told in text
    text = text_of(ana, "/known-errors/KE-40")
    for told in (
        "env!=&quot;test&quot;",
        "waiting for the ledger lock &lt;*&gt;",
        "<strong>finance</strong>",
        "A guess:",
    ):
        assert told in text
    assert "<h3>First</h3>" in text


def test_what_people_write_is_no_script(ana: Client) -> None:
    for path in ("/known-errors/KE-40", f"/i/{Incident.objects.order_by('-pk')[1].pk}"):
        text = text_of(ana, path)
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert(1)" not in text
        assert 'href="javascript:' not in text
        assert "<img src=x" not in text
    assert "<img" not in markdown.render("![x](https://elsewhere.example/pixel.png)")


def test_it_is_asked_answered_retired_and_taken_back(ana: Client, sign_in: Callable[[str], Client]) -> None:
    assert "Is it still true?" in text_of(ana, "/known-errors/KE-40")
    ana.post("/known-errors/KE-40/verify")
    row = KnownError.objects.get(key="KE-40")
    assert (row.asked_at, row.verified_by) == (None, "Ana Ruiz")
    ana.post("/known-errors/KE-40/retire")
    assert "Nothing is recognised by it" in text_of(ana, "/known-errors/KE-40")
    assert "KE-40" not in text_of(ana, "/known-errors?text=report")
    ana.post("/known-errors/KE-40/revive")
    assert KnownError.objects.get(key="KE-40").retired_at is None
    assert "applied from demo.yaml" in ana.post("/known-errors/KE-31/retire", follow=True).content.decode()
    assert ana.post("/known-errors/KE-40/explode").status_code == 404
    assert sign_in("vic").post("/known-errors/KE-40/retire").status_code == 403
    actions = list(
        AuditEntry.objects.filter(target="known error KE-40").order_by("seq").values_list("action", flat=True)
    )
    assert actions == [f"known_error.{deed}" for deed in ("create", "verify", "retire", "revive")]


def test_it_is_written_on_a_screen_and_then_matches(ana: Client) -> None:
    answer = ana.post("/known-errors/edit", {**FORM, "condition": "settlement-late"})
    assert answer.status_code == 400
    assert "is no condition; write" in answer.content.decode()
    assert "Call finance" in answer.content.decode()
    assert ana.post("/known-errors/edit", FORM)["Location"] == "/known-errors/KE-41"
    assert 'zone=~"a|b"' in services.match_of(KnownError.objects.get(key="KE-41"))["matchers"]
    edited = text_of(ana, "/known-errors/edit?key=KE-41")
    assert "payments, settlement" in edited
    seed.post(
        [seed.rule_signal("settlement-late", value=100, labels={"zone": "b"}, annotations={"x": "lock of the ledger"})]
    )
    match = KnownErrorMatch.objects.get(known_error__key="KE-41")
    assert "settlement-late < 200 (it is 100)" in match.why


def test_a_solved_incident_becomes_a_known_error_by_one_click(ana: Client) -> None:
    incident = Incident.objects.get(service__key="wiki")
    page = text_of(ana, f"/i/{incident.pk}")
    assert f"/known-errors/edit?incident={incident.pk}" in page
    ana.post(f"/i/{incident.pk}/resolve", {"cause": "The disk of the wiki was full."})
    form = text_of(ana, f"/known-errors/edit?incident={incident.pk}")
    assert "The disk of the wiki was full." in form
    assert "WikiDown" in form
    sent = {**FORM, "services": "wiki", "rules": "WikiDown", "matchers": "", "words": "", "condition": ""}
    ana.post("/known-errors/edit", {**sent, "incident": incident.pk})
    incident.refresh_from_db()
    assert incident.known_error is not None
    assert incident.known_error.from_incident == incident.pk
    assert "Make this a known error" not in text_of(ana, f"/i/{incident.pk}")


def test_it_worked_or_did_not_is_said_on_the_incident(ana: Client, sign_in: Callable[[str], Client]) -> None:
    number = Incident.objects.latest("pk").pk
    page = text_of(ana, f"/i/{number}")
    assert "It worked" in page
    assert "Matched by service payments, rule payment-error-ratio" in page
    sent = {"key": "KE-31", "verdict": "failed"}
    assert sign_in("vic").post(f"/i/{number}/known-error", sent).status_code == 403
    ana.post(f"/i/{number}/known-error", sent)
    assert "helped 1 of 2 times" in text_of(ana, f"/i/{number}/known")
    guessed = Incident.objects.order_by("-pk")[1].pk
    assert "A guess, nothing more: KE-40" in text_of(ana, f"/i/{guessed}")
    ana.post(f"/i/{guessed}/known-error", {"key": "KE-40", "verdict": "rejected"})
    assert "It is not" in text_of(ana, f"/i/{guessed}")


def ask(client: Client, method: str, path: str, body: Any = None) -> Any:
    secret = tokens.create_token(LOCAL, f"{method} {path} {body}"[:80], "write")
    headers = {"Authorization": f"Bearer {secret}", "host": "localhost"}
    if method == "GET":
        return client.get(f"/api/v1/{path}", headers=headers).json()
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers).json()


def test_programs_read_match_and_judge(shop: None, client: Client) -> None:
    rows = ask(client, "GET", "known-errors?service=payments")["known_errors"]
    assert [(row["key"], row["met"], row["worked"]) for row in rows] == [("KE-31", 2, 1)]
    one = ask(client, "GET", "known-errors/KE-40")
    assert one["match"]["words"] == ["ledger"]
    assert one["asked"]
    labels = {"alertname": "Late", "service": "settlement"}
    alert = {"labels": labels, "annotations": {"summary": "waits for the ledger lock"}}
    found = ask(client, "POST", "known-errors/match", alert)["matches"]
    assert [(row["known_error"], row["kind"]) for row in found][:2] == [("KE-12", "exact"), ("KE-40", "with log")]
    assert found[0]["why"] == "service settlement, text “ledger”"
    assert ask(client, "POST", "known-errors/match", {"labels": {"a": 1}})["field"] == "labels"
    number = Incident.objects.latest("pk").pk
    told = ask(client, "POST", f"incidents/{number}/known-errors", {"key": "KE-31", "verdict": "worked"})
    assert told == {"key": "KE-31", "verdict": "worked"}


def test_commands_list_show_and_match(
    shop: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mainstay.faces.cli import known

    known.list_(service="settlement", as_json=True)
    assert [row["key"] for row in json.loads(capsys.readouterr().out)] == ["KE-12", "KE-40"]
    known.show("KE-31")
    assert "rule payment-error-ratio" in capsys.readouterr().out
    file = tmp_path / "alert.json"
    labels = {"alertname": "Late", "service": "settlement"}
    file.write_text(json.dumps({"alerts": [{"labels": labels, "annotations": {"x": "the ledger is locked"}}]}))
    known.match(file)
    assert "service settlement, text “ledger”" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO('{"labels": {"alertname": "Else"}}'))
    with pytest.raises(SystemExit) as ended:
        known.match(Path("-"))
    assert ended.value.code == 3
