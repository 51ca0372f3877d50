"""Intake over its ASGI application: what is taken, what is refused and how, and that nothing bad stops the good."""

import gzip
import json
from typing import Any

import pytest

from mainstay.core import access, settings, tokens
from mainstay.core.models import InboxItem
from mainstay.observe.intake import app as intake_app
from mainstay.observe.intake.models import IntakeError
from mainstay.observe.intake.tests.sending import Client
from mainstay.observe.telemetry import services as telemetry

# The application commits in threads of its own, so rows must be really there.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("intake")]


ALERT = {"labels": {"alertname": "Slow", "severity": "critical"}, "annotations": {"summary": "slow"}}


def test_alerts_are_in_the_inbox_before_the_answer(client: Client) -> None:
    status, _, _ = client.send("/api/v2/alerts", json.dumps([ALERT]).encode())
    assert status == 200
    item = InboxItem.objects.get()
    assert (item.payload["state"], item.payload["labels"]["alertname"]) == ("firing", "Slow")
    assert item.payload["expires_at"]


@pytest.mark.parametrize(
    ("alert", "field"),
    [
        ({}, "[0].labels"),
        ({"labels": {"a": 1}}, "[0].labels.a"),
        ({"labels": []}, "[0].labels"),
        ({**ALERT, "startsAt": "yesterday"}, "[0].startsAt"),
        ({**ALERT, "startsAt": "2026-01-01T00:00:00"}, "[0].startsAt"),
        ({**ALERT, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}, "[0].endsAt"),
        ("text", "[0]"),
    ],
)
def test_a_bad_alert_is_named_and_kept_and_the_good_one_beside_it_is_taken(
    client: Client, alert: Any, field: str
) -> None:
    status, headers, problem = client.send("/api/v2/alerts", json.dumps([alert, ALERT]).encode())
    assert status == 400
    assert headers["content-type"] == "application/problem+json"
    assert problem["field"] == field
    assert problem["detail"]
    assert InboxItem.objects.count() == 1
    kept = IntakeError.objects.get()
    assert (kept.protocol, kept.field, kept.sender) == ("alertmanager", field, "sender")
    assert "Slow" in kept.body


def test_a_body_that_is_no_json_is_kept_for_the_operator(client: Client) -> None:
    assert client.send("/api/v2/alerts", b"{nonsense\x00")[0] == 400
    assert "nonsense" in IntakeError.objects.get().body


@pytest.mark.parametrize(("token", "status"), [("", 401), ("Bearer wrong", 403), ("Basic abc", 403)])
def test_without_a_token_nothing_is_taken_and_nothing_is_kept(client: Client, token: str, status: int) -> None:
    assert client.send("/api/v2/alerts", json.dumps([ALERT]).encode(), authorization=token)[0] == status
    assert not InboxItem.objects.exists()
    assert not IntakeError.objects.exists()


def test_a_token_that_only_reads_may_not_send(close_threads: None) -> None:
    reader = Client(tokens.create_token(access.LOCAL, "reader", "read"))
    assert reader.send("/api/v2/alerts", b"[]")[0] == 403


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings.current()
    values = {**loaded.values, "intake_max_body_mb": 1, "inbox_max": 1}
    monkeypatch.setattr(intake_app, "current", lambda: settings.Loaded(values, loaded.origins))
    monkeypatch.setattr("mainstay.core.inbox.current", lambda: settings.Loaded(values, loaded.origins))


def test_a_body_over_the_limit_is_413_also_when_it_only_unpacks_to_that(client: Client, small: None) -> None:
    assert client.send("/api/v2/alerts", b" " * 1_000_001)[0] == 413
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    assert client.send("/api/v2/alerts", bomb, content_encoding="gzip")[0] == 413


def test_a_full_inbox_is_429_with_a_time_to_come_back(client: Client, small: None) -> None:
    assert client.send("/api/v2/alerts", json.dumps([ALERT]).encode())[0] == 200
    status, headers, _ = client.send("/api/v2/alerts", json.dumps([ALERT]).encode())
    assert status == 429
    assert int(headers["retry-after"]) > 0


def test_a_full_spool_is_429_with_a_time_to_come_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise telemetry.SpoolFullError("full")

    monkeypatch.setattr(telemetry.spool(), "check_room", full)
    status, headers, _ = client.send("/api/v1/changes", b'{"service": "pay", "summary": "x"}')
    assert (status, bool(headers.get("retry-after"))) == (429, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"summary": "x"}, "service"),
        ({"service": "a"}, "summary"),
        ({"service": "a", "summary": "x", "when": "now"}, "when"),
        ({"service": "a", "summary": "x", "time": 5}, "time"),
        ({"service": "a", "summary": "x", "link": "javascript:alert(1)"}, "link"),
        ([{"service": "a", "summary": "x"}, {"service": "a"}], "[1].summary"),
    ],
)
def test_a_bad_change_names_the_field(client: Client, body: Any, field: str) -> None:
    status, _, problem = client.send("/api/v1/changes", json.dumps(body).encode())
    assert (status, problem["field"]) == (400, field)


def test_a_change_is_on_disk_before_the_answer(client: Client) -> None:
    before = set(telemetry.spool().path.glob("*-changes.batch"))
    status, _, answer = client.send("/api/v1/changes", b'{"service": "pay", "summary": "4.1.7 -> 4.1.8", "id": "d-1"}')
    assert (status, answer) == (202, {"ids": ["d-1"]})
    (fresh,) = set(telemetry.spool().path.glob("*-changes.batch")) - before
    assert b"4.1.7 -> 4.1.8" in fresh.read_bytes()


def test_otlp_that_is_none_is_refused_with_the_reason(client: Client) -> None:
    assert client.send("/v1/metrics", b"\xff\xff\xff", "application/x-protobuf")[0] == 400
    assert client.send("/v1/logs", b"{}", "text/plain")[0] == 415
    assert client.send("/v1/logs", b'{"resourceLogs": 5}')[0] == 400
