"""How production is configured, on its screens, through the API and from the command line."""

from collections.abc import Callable

import pytest
from django.test import Client
from typer.testing import CliRunner

from mainstay.change.configs import services
from mainstay.core import tokens
from mainstay.core.access import LOCAL
from mainstay.faces.cli.main import app

pytestmark = pytest.mark.usefixtures("shop")


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_a_source_shows_what_differs_and_no_secret(sign_in: Callable[[str], Client]) -> None:
    page = text_of(sign_in("ben"), "/configurations/gateway")
    for told in ("-port = 8080", "+port = 9090", "[secret ", "first look, 1 file", "1 changed (gateway.conf)"):
        assert told in page
    assert "hunter2" not in page
    assert "Show what differs" in page


def test_two_sources_are_compared(sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    mine, theirs = (services.latest(services.get(LOCAL, key)) for key in ("gateway", "gateway-two"))
    assert mine is not None
    assert theirs is not None
    page = text_of(ben, f"/configurations/gateway?after={mine.pk}&before={theirs.pk}")
    assert "The other gateway," in page
    assert ben.get("/configurations/gateway?after=999999").status_code == 404


def test_what_cannot_be_seen_says_why(ana: Client) -> None:
    assert "no file fits /nowhere" in text_of(ana, "/configurations/lost")
    assert "no file fits /nowhere" in text_of(ana, "/configurations")
    assert "no file fits" in ana.post("/configurations/lost/take", follow=True).content.decode()
    assert "Nothing has changed." in ana.post("/configurations/gateway-two/take", follow=True).content.decode()


def test_a_viewer_sees_that_it_is_looked_at_and_nothing_of_it(sign_in: Callable[[str], Client]) -> None:
    viewer = sign_in("vic")
    page = text_of(viewer, "/configurations/gateway")
    assert "for responders" in page
    assert "9090" not in page
    assert viewer.post("/configurations/gateway/take").status_code == 403


def test_programs_read_take_and_compare(client: Client) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}
    rows = client.get("/api/v1/configurations", headers=headers).json()["configurations"]
    assert [row["key"] for row in rows] == ["gateway", "gateway-two", "lost"]
    assert rows[0]["drift"]
    looks = client.get("/api/v1/configurations/gateway", headers=headers).json()["snapshots"]
    path = f"/api/v1/configurations/diff?after={looks[0]['number']}&before={looks[1]['number']}"
    found = client.get(path, headers=headers).json()
    assert found["summary"] == "1 changed (gateway.conf)"
    assert "+port = 9090" in found["patch"]
    assert client.get("/api/v1/configurations/diff?after=x", headers=headers).json()["field"] == "after"
    taken = client.post(
        "/api/v1/configurations/gateway/take",
        {"why": "release 4.1.7"},
        content_type="application/json",
        headers=headers,
    )
    assert taken.json()["snapshot"]["why"] == "release 4.1.7"
    lost = client.post("/api/v1/configurations/lost/take", {}, content_type="application/json", headers=headers)
    assert lost.status_code == 502


def test_the_command_line_prints_the_patch() -> None:
    looks = list(services.snapshots(LOCAL, services.get(LOCAL, "gateway")))
    said = CliRunner().invoke(app, ["configurations", "diff", str(looks[1].pk), str(looks[0].pk)])
    assert "+port = 9090" in said.output
    assert "gateway-two" in CliRunner().invoke(app, ["configurations", "list"]).output
