"""The remedy of the demo, armed by a command: what broke is mended without anybody, and the incident tells how."""

import json
from typing import Any

import pytest

from tests.parts import until
from tests.walk.conftest import Running
from tests.walk.test_walk_faults import firing

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]
WANTED = ("The provider timeout is set too low", "payments")


def test_an_armed_remedy_mends_what_broke(running: Running) -> None:
    def standing() -> dict[str, Any]:
        found: dict[str, Any] = running.get("remedies")["remedies"][0]
        return found

    assert standing()["enabled"] is False
    # What earlier walks left open on payments has a known error of its own, which the new alert would join.
    running.resolve_all()
    running.command("remedy", "on")
    try:
        running.command("break", "config-change")
        until("the run", lambda: standing()["runs"] == 1, 120)
        number = running.get("runs")["runs"][0]["id"]

        def state() -> str:
            return str(running.get("runs")["runs"][0]["state"])

        until("its end", lambda: state() == "done", 90)
        steps = json.loads(running.ask("runbook", "runs", "--number", str(number), "--json"))
        assert [(one["phase"], one["step"], one["state"]) for one in steps] == [
            ("main", "set", "done"),
            ("main", "live", "done"),
            ("verify", "live", "done"),
        ]
        assert "provider_timeout_ms: 35 -> 2000" in running.ask("runbook", "output", str(number))
        until("the alert to end by itself", lambda: WANTED not in firing(running), 90)
        assert standing()["breaker"] == "closed"
        alert = next(row for row in running.listed("alerts") if row["name"] == WANTED[0])
        told = running.ask("incidents", "show", alert["incident"], "--json")
        assert f"runs by itself, as RUN-{number}" in told
    finally:
        running.command("remedy", "off")
        running.command("heal")
