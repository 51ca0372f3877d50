"""Configuration that was changed is seen with its difference; a service is reviewed from what is seen of it."""

import json
from typing import Any

import pytest

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]


def looks(running: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(running.ask("configurations", "show", "shop-files", "--json"))["snapshots"]
    return found


def test_changed_configuration_is_seen_with_what_changed(running: Running) -> None:
    running.command("heal")
    running.ask("configurations", "take", "shop-files", "--why", "before the change")
    before = looks(running)[0]["number"]
    running.command("break", "config-change")
    try:
        running.ask("configurations", "take", "shop-files", "--why", "after the change")
        after = looks(running)[0]["number"]
        patch = running.ask("configurations", "diff", str(before), str(after))
        assert '-  "provider_timeout_ms": 2000' in patch
        assert '+  "provider_timeout_ms": 35' in patch
    finally:
        running.command("heal")


def test_a_service_is_reviewed_from_what_is_seen_of_it(running: Running) -> None:
    review = json.loads(running.ask("supportability", "review", "payments", "--json"))
    states = {one["point"]: one["state"] for one in review["findings"]}
    assert len(states) == 16
    assert 0 < review["score"] < 100
    assert all(one["evidence"] for one in review["findings"])
    assert all(one["advice"] for one in review["findings"] if one["state"] == "failed")
    until("the review on the list", lambda: "payments" in running.ask("supportability", "list"), 10)
