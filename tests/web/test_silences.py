"""Silences on their screen, through the API and from the command line, and what the alerts say of them."""

from collections.abc import Callable

import pytest
from django.test import Client

from mainstay.core import clock, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import AuditEntry
from mainstay.faces.api import silences as plain
from mainstay.respond.silences.models import Silence

pytestmark = pytest.mark.usefixtures("shop")

FORM = {"services": ["stock"], "reach": "dependents", "labels": "severity=critical", "lasts": "2h", "reason": "Disks"}


def test_one_is_made_and_ended_by_its_forms(sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    assert ben.post("/silences", FORM).status_code == 302
    row = Silence.objects.latest("pk")
    assert (row.labels, row.reach, row.made_by) == ({"severity": "critical"}, "dependents", "Ben Okafor")
    page = ben.get("/silences").content.decode()
    assert "severity=critical" in page
    assert "and what needs it" in page
    assert ben.post(f"/silences/{row.pk}/end").status_code == 302
    assert "ended by hand" in ben.get("/silences").content.decode()
    told = AuditEntry.objects.filter(target=str(row)).order_by("pk").values_list("action", flat=True)
    assert list(told) == ["silence.make", "silence.end"]


def test_what_is_wrong_is_named_and_what_was_written_stays(sign_in: Callable[[str], Client]) -> None:
    before = Silence.objects.count()
    answer = sign_in("ben").post("/silences", {**FORM, "labels": "severity", "reason": "A reason to keep"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "as name=value" in page
    assert "A reason to keep" in page
    assert Silence.objects.count() == before


def test_an_alert_says_what_holds_it(ana: Client) -> None:
    assert "held" in ana.get("/alerts?q=CertificateExpiresSoon").content.decode()
    assert 'data-label="alerts held">1<' in ana.get("/silences").content.decode()


def test_a_viewer_sees_them_and_has_no_button(sign_in: Callable[[str], Client]) -> None:
    viewer = sign_in("vic")
    page = viewer.get("/silences").content.decode()
    assert "The certificate is renewed" in page
    assert "Keep quiet" not in page
    assert viewer.post("/silences", FORM).status_code == 403


def test_programs_make_list_and_end_them(client: Client) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}

    def post(path: str, body: object) -> tuple[int, dict[str, object]]:
        answer = client.post(f"/api/v1/silences/{path}", body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()

    body = {"services": ["orders"], "reason": "Deploy", "lasts": "15m"}
    _, made = post("new", body)
    listed = client.get("/api/v1/silences", headers=headers).json()["silences"]
    assert made["number"] in [one["number"] for one in listed]
    for field, value in (("lasts", "long"), ("starts_at", "2026-03-01T02:00"), ("services", ["nowhere"])):
        status, told = post("new", {**body, field: value})
        assert (status, told["field"]) == (400, field)
    assert post(f"{made['number']}/end", {}) == (200, {"ended": True})
    assert post(f"{made['number']}/end", {})[0] == 409


def test_the_command_line_has_the_same_shape() -> None:
    row = plain.made(LOCAL, {"services": ["stock"], "labels": plain.labels_of(["a=b"]), "reason": "x", "lasts": "1h"})
    assert row["labels"] == {"a": "b"}
    assert row["ends_at"] > clock.now()
    assert row in plain.listed(LOCAL, 10)
