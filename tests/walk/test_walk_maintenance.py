"""Work on a service that fails meanwhile: nobody is paged, the business knows, what fires afterwards is heard."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]
DISK = "Receipts disk is nearly full"


def alert(running: Running) -> dict[str, object] | None:
    return next((one for one in running.listed("alerts") if one["name"] == DISK and one["state"] == "firing"), None)


def test_planned_work_keeps_a_failure_quiet_until_it_ends(running: Running) -> None:
    until("the alerts before to end", lambda: alert(running) is None, 90)
    now = datetime.now(UTC)
    span = ("--starts-at", now.isoformat(), "--ends-at", (now + timedelta(hours=1)).isoformat())
    why = ("--reason", "Receipts may be late.", "--service", "payments", "--reach", "dependents")
    work = json.loads(running.ask("maintenance", "plan", "A larger disk for receipts", *span, *why, "--json"))
    number = str(work["number"])
    running.ask("maintenance", "begin", number)
    running.command("break", "full-disk")
    held = until("the alert", lambda: alert(running), 60)
    assert held["incident"] is None
    assert "1" in running.ask("silences", "list", "--json")
    subjects = [str(mail["Subject"]) for mail in running.mails() if "managers" in str(mail["To"])]
    assert any(subject.startswith("Maintenance has begun: Payments") for subject in subjects)
    running.ask("maintenance", "end", number, "--outcome", "The disk came, and is full already.")
    until("its incident", lambda: (alert(running) or {}).get("incident"), 30)
    running.command("heal")
    until("the alert to end", lambda: alert(running) is None, 90)
