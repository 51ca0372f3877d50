"""A release that does harm: the pipeline tells of it, its alerts fail it, somebody rolls it back."""

import json

import pytest

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]
ALERT = ("Stock answers with errors", "stock")


def firing(running: Running) -> set[tuple[str, str]]:
    return {(row["name"], row["service"]) for row in running.listed("alerts") if row["state"] == "firing"}


def test_a_bad_release_fails_and_is_rolled_back(running: Running) -> None:
    until("the alerts before to end", lambda: not {ALERT, ("ReleaseFailed", "stock")} & firing(running), 90)
    told = running.command("release", "--bad")
    number = told.rpartition("/")[2].strip()
    until("the alert", lambda: ALERT in firing(running), 60)
    judged = json.loads(running.ask("release", "verify", number, "--json", quiet=True))
    assert (judged["state"], judged["verdict"]) == ("failed", "failed")
    assert "fires since the release" in judged["reason"]
    until("the alert of the release", lambda: ("ReleaseFailed", "stock") in firing(running), 30)
    running.command("heal", "bad-release")
    running.ask("release", "roll-back", number, "--reason", "The discount has no last day.")
    until("the alerts to end", lambda: not {ALERT, ("ReleaseFailed", "stock")} & firing(running), 90)
