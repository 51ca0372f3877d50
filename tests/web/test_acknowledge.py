"""The page behind the link in a mail."""

import base64
import hashlib
import re
import time

import pytest
from django.test import Client
from tests.web import seed

from mainstay.core import clock
from mainstay.observe.changes import services as changes
from mainstay.respond.incidents.models import Incident, State
from mainstay.respond.paging.message import sign
from mainstay.respond.paging.models import Page


@pytest.fixture
def stranger(shop: None) -> Client:
    """A browser that nobody is signed in to, which insists on protection tokens."""
    return Client(enforce_csrf_checks=True, headers={"host": "localhost"})


def newest() -> Page:
    return Page.objects.latest("pk")


def test_it_says_everything_in_one_small_answer(stranger: Client) -> None:
    began = time.monotonic()
    answer = stranger.get(f"/a/{sign(newest())}")
    assert time.monotonic() - began < 1.5
    text = answer.content.decode()
    assert answer.status_code == 200
    assert len(answer.content) < 50_000
    for told in ("Card payments time out", "Checkout is hit", "Payments", "KE-31", "secondary", "Last time", "Why you"):
        assert told in text
    assert not re.search(r"<script|<link rel=\"stylesheet|<img|src=", text)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    style = seed.found("<style>(.*?)</style>", text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer["Content-Security-Policy"]
    assert "script-src 'none'" in answer["Content-Security-Policy"]


def test_opening_it_does_nothing(stranger: Client) -> None:
    stranger.get(f"/a/{sign(newest())}")
    stranger.head(f"/a/{sign(newest())}")
    assert newest().incident.state == State.OPEN


@pytest.mark.parametrize(
    ("deed", "told", "state"),
    [
        ("acknowledge", "You have it", State.ACKNOWLEDGED),
        ("snooze", "Snoozed for 15 minutes", State.ACKNOWLEDGED),
        ("pass", "Passed on", State.OPEN),
    ],
)
def test_a_button_acts_without_sign_in(stranger: Client, deed: str, told: str, state: str) -> None:
    page = newest()
    answer = stranger.post(f"/a/{sign(page)}", {"do": deed})
    assert answer.status_code == 200
    assert told in answer.content.decode()
    incident = Incident.objects.get(pk=page.incident_id)
    assert incident.state == state
    assert "from the link in the page" in incident.timeline.latest("pk").text
    if deed == "acknowledge":
        assert incident.owner == page.person
        assert "Somebody has it already" in stranger.post(f"/a/{sign(page)}").content.decode()


def test_a_forged_an_old_and_a_lost_link_are_refused(stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    page = newest()
    token = sign(page)
    assert stranger.post(f"/a/{token[:-2]}xx").status_code == 403
    assert stranger.get("/a/nonsense").status_code == 403
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 25 * 3600)
    old = stranger.post(f"/a/{token}")
    monkeypatch.undo()
    assert old.status_code == 403
    assert "not valid any more" in old.content.decode()
    assert newest().incident.state == State.OPEN
    Page.objects.all().delete()
    assert stranger.get(f"/a/{token}").status_code == 410


def test_it_does_not_wait_for_a_slow_store(stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> tuple[()]:
        time.sleep(1.5)
        return ()

    monkeypatch.setattr(changes, "recent", slow)
    began = time.monotonic()
    assert stranger.get(f"/a/{sign(newest())}").status_code == 200
    assert time.monotonic() - began < 1.2


def test_it_names_the_last_change(stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = changes.ChangeEvent(clock.now(), "payments", "config", "c1", seed.XSS, "bot", "2.1", "", "")
    monkeypatch.setattr(changes, "recent", lambda *_: (made,))
    text = stranger.get(f"/a/{sign(newest())}").content.decode()
    assert "Changed" in text
    assert "&lt;script&gt;" in text
