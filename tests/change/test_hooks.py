"""What pipelines say by themselves. Every kind of sender is held to the same contract."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.calendar.entries import Raw
from mainstay.change.releases.hooks import KINDS
from mainstay.change.releases.models import Release
from mainstay.core import access, clock, settings, tokens

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
SECRET = "of the webhook"


def github(state: str, ident: int = 7, environment: str = "production") -> dict[str, Any]:
    deployment = {"id": ident, "ref": "v4.1.8", "sha": "ab12", "environment": environment, "creator": {"login": "ana"}}
    status = {"state": state, "log_url": "https://ci.example/7"}
    return {"deployment": deployment, "deployment_status": status, "repository": {"html_url": "https://git.example"}}


def gitlab(state: str, ident: int = 7, environment: str = "production") -> dict[str, Any]:
    return {
        "object_kind": "deployment",
        "status": state,
        "deployment_id": ident,
        "environment": environment,
        "ref": "v4.1.8",
        "short_sha": "ab12",
        "deployable_url": "https://ci.example/7",
        "user": {"username": "ana"},
    }


def jenkins(state: str, ident: int = 7, environment: str = "production") -> dict[str, Any]:
    phase, _, status = state.partition(" ")
    build = {"number": ident, "phase": phase, "status": status or None, "full_url": "https://ci.example/7"}
    return {"name": "deploy", "build": {**build, "parameters": {"VERSION": "v4.1.8"}, "scm": {"commit": "ab12"}}}


def argocd(state: str, ident: int = 7, environment: str = "production") -> dict[str, Any]:
    began = f"2026-03-01T10:00:0{ident}Z"
    told = {"app": "pay", "phase": state, "revision": "ab12", "version": "v4.1.8", "started_at": began}
    return {**told, "link": "https://ci.example/7"}


# Sender -> its payload, and its words for started, finished, failed, and something that says nothing.
SENDERS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, str, str, str]]] = {
    "github": (github, ("in_progress", "success", "failure", "queued")),
    "gitlab": (gitlab, ("running", "success", "failed", "created")),
    "jenkins": (jenkins, ("STARTED", "COMPLETED SUCCESS", "COMPLETED FAILURE", "QUEUED")),
    "argocd": (argocd, ("Running", "Succeeded", "Failed", "Terminating")),
}


def test_every_sender_is_held_to_the_contract() -> None:
    assert KINDS.keys() == SENDERS.keys()


@pytest.fixture
def release_secret() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Loaded({**before.values, "release_hook_secret": SECRET}, before.origins))
    yield
    settings.use(before)


@pytest.fixture
def post(client: Client) -> Callable[..., Any]:
    token = tokens.create_token(access.LOCAL, "ci", "write")

    def send(kind: str, body: Any, *, secret: str = SECRET, bearer: str = token, service: str = "pay") -> Any:
        raw = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {bearer}"}
        if kind == "github":
            signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
            headers = {"X-GitHub-Event": "deployment_status", "X-Hub-Signature-256": f"sha256={signature}"}
        if kind == "gitlab":
            headers = {"X-Gitlab-Token": bearer}
        path = f"/api/v1/releases/hooks/{kind}/{service}"
        return client.post(path, raw, content_type="application/json", headers=headers)

    return send


@pytest.mark.parametrize("kind", sorted(SENDERS))
def test_contract(kind: str, post: Callable[..., Any], release_secret: None) -> None:
    make, (begun, over, failed, nothing) = SENDERS[kind]
    assert post(kind, make(nothing)).json() == {"release": None}
    assert post(kind, make(failed)).json() == {"release": None}
    number = post(kind, make(begun)).json()["release"]
    assert post(kind, make(begun)).json()["release"] == number
    release = Release.objects.get()
    assert (release.state, release.version, release.artefact) == ("started", "v4.1.8", "ab12")
    assert release.link == "https://ci.example/7"
    assert post(kind, make(over)).json()["release"] == number
    assert Release.objects.get().state == "watched"
    assert post(kind, make(begun)).status_code == 200
    assert Release.objects.get().state == "watched"
    post(kind, make(begun, ident=8))
    post(kind, make(failed, ident=8))
    assert Release.objects.latest("pk").state == "broken off"
    assert post(kind, make(over, ident=9)).status_code == 200
    assert Release.objects.latest("pk").state == "watched"
    assert post(kind, make(begun, ident=6), service="none").status_code == 400
    assert post(kind, ["no object"]).status_code == 400


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_other_environments_are_passed_over(kind: str, post: Callable[..., Any], release_secret: None) -> None:
    make, (begun, *_) = SENDERS[kind]
    assert post(kind, make(begun, environment="staging")).json() == {"release": None}


@pytest.mark.parametrize("kind", sorted(SENDERS))
def test_who_does_not_know_the_secret_is_refused(kind: str, post: Callable[..., Any], release_secret: None) -> None:
    make, (begun, *_) = SENDERS[kind]
    assert post(kind, make(begun), secret="guessed", bearer="mst_guessed").status_code == 401
    assert not Release.objects.exists()


def test_github_needs_its_secret_to_be_set(post: Callable[..., Any]) -> None:
    assert post("github", github("in_progress"), secret="").status_code == 403


def test_an_unknown_sender(post: Callable[..., Any]) -> None:
    assert "known senders" in post("travis", {}).json()["detail"]


def test_what_happened_against_the_gate_is_kept_and_said(post: Callable[..., Any]) -> None:
    calendar.save(
        access.LOCAL,
        Raw("ice", "freeze", "Ice", "UTC", f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}", lasts=7200),
    )
    post("jenkins", jenkins("STARTED"))
    assert "although the gate was closed" in Release.objects.get().notes.last().text  # type: ignore[union-attr]
