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
    planned = {row["step"]: row for row in judged["evidence"] if row["step"]}
    assert planned["discount"]["verdict"] == "failed"
    assert "products/SKU-1006: status 500" in planned["discount"]["said"]
    until("the alert of the release", lambda: ("ReleaseFailed", "stock") in firing(running), 30)
    running.command("heal", "bad-release")
    running.ask("release", "roll-back", number, "--reason", "The discount has no last day.")
    until("the alerts to end", lambda: not {ALERT, ("ReleaseFailed", "stock")} & firing(running), 90)


def test_what_must_work_after_a_release_is_carried_out_on_the_running_shop(running: Running) -> None:
    number = json.loads(running.ask("release", "start", "storefront", "4.2.0", "--json"))["release"]
    running.ask("release", "finish", number)

    def evidence() -> dict[str, str]:
        judged = running.get(f"releases/{number.removeprefix('REL-')}/verify", {})
        return {row["step"]: row["verdict"] for row in judged["evidence"] if row["step"]}

    def all_well() -> bool:
        seen = evidence()
        return {seen[one] for one in ("order", "paid", "captured")} == {"passed"}

    # One card in 250 is declined, and payments are too few to say anything at first.
    until("orders that are paid", all_well, 90)
    # What was measured may be from before the release.
    assert evidence()["queue"] == "inconclusive"
    running.ask("release", "roll-back", number, "--reason", "It was for this test.")
    assert "is known" in running.ask("release", "draft-plan", "storefront")
