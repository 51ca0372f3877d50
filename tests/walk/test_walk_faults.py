"""Every fault of the shop is seen where a support engineer would look: an alert on the right service, with its rule."""

import json

import pytest

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]

# Faults that do not hide each other are made together: fault -> (rule's name, service).
TOGETHER: list[dict[str, tuple[str, str]]] = [
    {
        "memory-leak": ("Storefront uses much memory", "storefront"),
        "certificate-expiry": ("TLS certificate ends soon", "storefront"),
        "batch-stuck": ("Settlement does not finish", "settlement"),
        "poison-message": ("Fulfilment queue does not move", "orders"),
        "bad-release": ("Stock answers with errors", "stock"),
        "wrong-rows": ("Orders and payments disagree", "orders"),
    },
    {"slow-database": ("Orders database is slow", "orders")},
    {"full-disk": ("Receipts disk is nearly full", "payments")},
    {"config-change": ("The provider timeout is set too low", "payments")},
]


def firing(running: Running) -> set[tuple[str, str]]:
    return {(row["name"], row["service"]) for row in running.listed("alerts") if row["state"] == "firing"}


@pytest.mark.parametrize("faults", TOGETHER, ids="+".join)
def test_each_fault_is_seen_and_its_end_too(running: Running, faults: dict[str, tuple[str, str]]) -> None:
    for fault in faults:
        running.command("break", fault)
    wanted = set(faults.values())
    until(f"alerts for {wanted}", lambda: wanted <= firing(running), 60)
    running.command("heal")
    until("the alerts to end", lambda: not wanted & firing(running), 90)


def test_the_list_of_faults_says_what_should_be_seen(running: Running) -> None:
    text = running.command("break")
    for faults in TOGETHER:
        for fault in faults:
            assert fault in text


def test_a_fault_is_seen_in_the_logs_too_with_its_line(running: Running) -> None:
    wanted = ("Stock logs a TypeError", "stock")
    running.command("break", "bad-release")
    until("the alert from the log", lambda: wanted in firing(running), 90)
    number = next(row["id"] for row in running.listed("alerts") if row["name"] == wanted[0])
    notes = json.loads(running.ask("alerts", "show", str(number), "--json"))["annotations"]
    assert "TypeError" in notes["example"]
    assert notes["query"] == "service:stock exception:TypeError"
    running.command("heal")
    until("the alert to end", lambda: wanted not in firing(running), 180)
