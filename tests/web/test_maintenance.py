"""Planned work on its screens, through the API and from the command line."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mainstay.change.maintenance import loop
from mainstay.change.maintenance.models import Plan, Work
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock, tokens
from mainstay.core.access import LOCAL
from mainstay.respond.comms.models import Notice
from mainstay.respond.incidents.models import Incident

pytestmark = pytest.mark.usefixtures("shop")


def form(hours: float = 0, **more: Any) -> dict[str, Any]:
    starts = timezone.localtime(clock.now(), timezone.get_default_timezone()) + timedelta(hours=hours)
    return {
        "title": "New disks",
        "reason": "Payments may be away.",
        "services": ["settlement"],
        "reach": "dependents",
        "starts_at": f"{starts:%Y-%m-%dT%H:%M}",
        "ends_at": f"{starts + timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "quiet": "on",
        "announced": "on",
        **more,
    }


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_it_is_planned_after_a_look_at_what_it_meets_and_worked_off(sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    zone = ben.get("/me").wsgi_request.user.timezone  # type: ignore[union-attr]
    with timezone.override(zone or "UTC"):
        starts = timezone.localtime(clock.now())
    wanted = form(starts_at=f"{starts:%Y-%m-%dT%H:%M}", ends_at=f"{starts + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    before = Work.objects.count()
    seen = ben.post("/maintenance/new", {**wanted, "do": "preview"}).content.decode()
    assert "New disks for the settlement works on" in seen
    assert "Newsroom" in seen
    assert Work.objects.count() == before
    answer = ben.post("/maintenance/new", {**wanted, "do": "save"})
    work = Work.objects.latest("pk")
    assert answer["Location"] == f"/maintenance/{work.pk}"
    assert abs(work.starts_at - clock.now()) < timedelta(minutes=2)
    assert ben.post(f"/maintenance/{work.pk}/begin").status_code == 302
    refused = ben.post(f"/maintenance/{work.pk}/end", {"outcome": " "})
    assert (refused.status_code, "for whoever takes over" in refused.content.decode()) == (400, True)
    assert ben.post(f"/maintenance/{work.pk}/end", {"outcome": "The disks are in."}).status_code == 302
    page = text_of(ben, f"/maintenance/{work.pk}")
    for told in ("The disks are in.", "Begun by Ben", "newsroom@example.com", "Done"):
        assert told in page
    assert Notice.objects.filter(about=str(work)).count() == 3


def test_what_is_wrong_is_named_and_what_was_written_stays(sign_in: Callable[[str], Client]) -> None:
    answer = sign_in("ben").post("/maintenance/new", form(ends_at="2020-01-01T00:00", title="To keep", do="save"))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "It ends before it begins" in page
    assert "To keep" in page


def test_a_viewer_reads_and_changes_nothing(sign_in: Callable[[str], Client]) -> None:
    viewer = sign_in("vic")
    work = Work.objects.filter(state="planned")[0]
    page = text_of(viewer, f"/maintenance/{work.pk}")
    assert "Call it off" not in page
    assert viewer.post(f"/maintenance/{work.pk}/cancel", {"reason": "no"}).status_code == 403
    assert viewer.get("/maintenance/new").status_code == 403


def test_programs_plan_and_act(client: Client) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}

    def post(path: str, body: object) -> tuple[int, dict[str, Any]]:
        answer = client.post(f"/api/v1/maintenance/{path}", body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()

    now = clock.now()
    body = {"title": "Patch", "reason": "Security", "services": ["wiki"], "starts_at": now.isoformat()}
    body["ends_at"] = (now + timedelta(hours=1)).isoformat()
    _, made = post("plan", body)
    assert made["conflicts"] == []
    assert post("plan", {**body, "ends_at": "tomorrow"})[1]["field"] == "ends_at"
    path = f"{made['number']}"
    assert post(f"{path}/begin", {})[1]["state"] == "running"
    later = (now + timedelta(hours=2)).isoformat()
    assert post(f"{path}/extend", {"ends_at": later})[1]["state"] == "running"
    assert post(f"{path}/begin", {})[0] == 409
    assert post(f"{path}/dance", {})[1]["field"] == "action"
    ended = post(f"{path}/end", {"outcome": "Patched."})[1]
    assert (ended["state"], ended["outcome"]) == ("done", "Patched.")
    listed = client.get("/api/v1/maintenance?all=true", headers=headers).json()["maintenance"]
    assert made["number"] in [one["number"] for one in listed]


PLAN = """
calendar:
  - {key: ledger-night, kind: window, services: [settlement], start: 2026-01-04T02:00, lasts: 2h, rrule: FREQ=DAILY}
maintenance:
  - {key: rotate, window: ledger-night, services: [settlement], reason: Keys., owner: ben@example.com, runbook: ""}
"""


def test_a_plan_is_configuration_and_leaves_with_it(ana: Client) -> None:
    config.apply(LOCAL, read.read([("plan.yaml", PLAN)]))
    assert config.plan(read.read([("plan.yaml", PLAN)])) == []
    loop.run_due()
    page = text_of(ana, "/maintenance")
    assert "ledger-night" in page
    works = Work.objects.filter(plan__key="rotate")
    count = works.count()
    assert count >= 2
    config.apply(LOCAL, read.read([("plan.yaml", PLAN.partition("maintenance:")[0])]))
    assert not Plan.objects.exists()
    assert Work.objects.filter(title="rotate", state="cancelled").count() == count


def test_a_plan_that_names_what_is_not_there_is_refused() -> None:
    wrong = PLAN.replace('runbook: ""', "runbook: nowhere")
    with pytest.raises(read.ConfigError, match="there is no book 'nowhere'"):
        config.apply(LOCAL, read.read([("plan.yaml", wrong)]))


def test_an_incident_and_its_service_name_the_work_that_goes_on(ana: Client) -> None:
    incident = Incident.objects.filter(service__key="settlement").first()
    assert incident is not None
    assert "New disks for the settlement" in text_of(ana, f"/i/{incident.pk}")
    assert "New disks for the settlement" in text_of(ana, "/services/settlement")
    assert "New disks for the settlement" not in text_of(ana, "/services/stock")
