"""Supportability on its screens, through the API and from the command line."""

from collections.abc import Callable

import pytest
from django.test import Client
from typer.testing import CliRunner

from mainstay.core import tokens
from mainstay.core.access import LOCAL
from mainstay.faces.cli.main import app

pytestmark = pytest.mark.usefixtures("shop")


def test_the_list_and_one_say_what_is_missing_first(sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    assert "Payments" in ben.get("/supportability").content.decode()
    page = ben.get("/supportability/payments").content.decode()
    assert "OPS-712" in page
    assert page.index("missing") < page.index(">met")
    assert "never reviewed" in ben.get("/supportability/stock").content.decode()
    assert ben.get("/supportability/nowhere").status_code == 404
    document = ben.get("/supportability/payments.md")
    assert document["Content-Type"].startswith("text/markdown")
    assert "**Do:**" in document.content.decode()


def test_a_responder_reviews_and_confirms(sign_in: Callable[[str], Client]) -> None:
    ben, viewer = sign_in("ben"), sign_in("vic")
    assert "of 100" in ben.post("/supportability/stock/review", follow=True).content.decode()
    wrong = ben.post("/supportability/stock/confirm", {"point": "restore", "text": " "}, follow=True)
    assert "Write what was done" in wrong.content.decode()
    done = ben.post("/supportability/stock/confirm", {"point": "restore", "text": "OPS-9"}, follow=True)
    assert "counts in the next review" in done.content.decode()
    assert "Confirm what no machine" not in viewer.get("/supportability/payments").content.decode()
    assert viewer.post("/supportability/stock/review").status_code == 403


def test_programs_and_the_command_line_have_the_same(client: Client) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}
    rows = client.get("/api/v1/supportability", headers=headers).json()["services"]
    assert rows[0]["service"] == "payments"
    one = client.get("/api/v1/supportability/payments", headers=headers).json()
    assert len(one["trend"]) == 2
    assert client.get("/api/v1/supportability/stock", headers=headers).status_code == 404
    made = client.post("/api/v1/supportability/stock/review", {}, content_type="application/json", headers=headers)
    assert made.json()["findings"]
    body = {"point": "moon", "text": "x"}
    wrong = client.post("/api/v1/supportability/stock/confirm", body, content_type="application/json", headers=headers)
    assert wrong.json()["field"] == "point"
    run = CliRunner().invoke
    assert "payments" in run(app, ["supportability", "list"]).output
    assert "**Do:**" in run(app, ["supportability", "show", "payments", "--markdown"]).output
    assert run(app, ["supportability", "confirm", "payments", "capacity", "--text", "400/s"]).exit_code == 0
