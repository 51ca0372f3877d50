"""Every fault of the shop is seen where a support engineer would look: an alert on the right service, with its rule."""

import json

import pytest

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]

# Faults that do not hide each other are made together: fault, and where it is seen -> (rule's name, service).
TOGETHER: list[dict[str, tuple[str, str]]] = [
    {
        "memory-leak": ("Storefront uses much memory", "storefront"),
        "certificate-expiry": ("TLS certificate ends soon", "storefront"),
        "batch-stuck": ("Settlement does not finish", "settlement"),
        "poison-message": ("Fulfilment queue does not move", "orders"),
        "bad-release": ("Stock answers with errors", "stock"),
        "bad-release in the logs": ("Stock logs a TypeError", "stock"),
        "wrong-rows": ("Orders and payments disagree", "orders"),
    },
    {"slow-database": ("Orders database is slow", "orders")},
    {"full-disk": ("Receipts disk is nearly full", "payments")},
    {"config-change": ("The provider timeout is set too low", "payments")},
]


# Alerts that log lines make -> the exception that their example has.
TELLING = {("Stock logs a TypeError", "stock"): "TypeError"}


def names_of(faults: dict[str, tuple[str, str]]) -> set[str]:
    """The faults themselves, each once."""
    return {one.partition(" ")[0] for one in faults}


def firing(running: Running) -> set[tuple[str, str]]:
    return {(row["name"], row["service"]) for row in running.listed("alerts") if row["state"] == "firing"}


@pytest.mark.parametrize("faults", TOGETHER, ids="+".join)
def test_each_fault_is_seen_and_its_end_too(running: Running, faults: dict[str, tuple[str, str]]) -> None:
    for fault in names_of(faults):
        running.command("break", fault)
    wanted = set(faults.values())
    until(f"alerts for {wanted}", lambda: wanted <= firing(running), 90)
    for name in wanted & TELLING.keys():
        number = next(row["id"] for row in running.listed("alerts") if row["name"] == name[0])
        notes = json.loads(running.ask("alerts", "show", str(number), "--json"))["annotations"]
        assert (notes["query"], TELLING[name] in notes["example"]) == (f"service:stock exception:{TELLING[name]}", True)
    running.command("heal")
    # A rule over log lines looks back as far as its window, which is not waited for here.
    until("the alerts to end", lambda: not (wanted - TELLING.keys()) & firing(running), 90)


def test_the_list_of_faults_says_what_should_be_seen(running: Running) -> None:
    text = running.command("break")
    for faults in TOGETHER:
        for fault in names_of(faults):
            assert fault in text
