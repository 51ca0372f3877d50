"""Each fault shows in the metrics and the logs it promises to show in, and is gone after its healing."""

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cornershop.faults import FAULTS
from tests.cornershop.shop import Running, Samples, cornershop, total, until

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("shop")]


@dataclass(frozen=True)
class Sign:
    """What is to be seen: in two scrapes, and in a log."""

    symptom: Callable[[Samples, Samples], bool]
    log: str
    line: str


def _increase(before: Samples, now: Samples, service: str, metric: str, **labels: str) -> float:
    return total(now, service, metric, **labels) - total(before, service, metric, **labels)


def _share(before: Samples, now: Samples, service: str, metric: str, **labels: str) -> float:
    part = _increase(before, now, service, metric, **labels)
    labels = {key: value for key, value in labels.items() if key == "path"}
    whole = _increase(before, now, service, metric, **labels)
    return part / whole if whole > 0 else 0.0


def _mean(before: Samples, now: Samples, service: str, metric: str, **labels: str) -> float:
    count = _increase(before, now, service, f"{metric}_count", **labels)
    return _increase(before, now, service, f"{metric}_sum", **labels) / count if count > 0 else 0.0


def _charges(outcome: str) -> Callable[[Samples, Samples], bool]:
    return lambda b, n: _share(b, n, "payments", "payments_charges_total", outcome=outcome) > 0.3


SIGNS = {
    "slow-database": Sign(
        lambda b, n: _mean(b, n, "orders", "db_query_duration_seconds", operation="(insert|confirm)_order") > 0.1,
        "orders",
        r'"msg": "slow query: \w+ took \d+ ms".*"duration_ms": \d{3,}',
    ),
    "payment-timeouts": Sign(
        _charges("timeout"), "payments", r'level=error msg="provider timeout after 2000 ms" order=O-\d+'
    ),
    "memory-leak": Sign(
        lambda _, n: total(n, "storefront", "process_resident_memory_bytes") > 100e6, "storefront", " 200 "
    ),
    "bad-release": Sign(
        lambda b, n: _increase(b, n, "stock", "http_requests_total", path=r"/products/\{sku\}", status="500") > 0,
        "stock",
        r"ERROR .* unhandled TypeError in GET /products/SKU-10\d\d\nTraceback [\s\S]*\nTypeError: ",
    ),
    "poison-message": Sign(
        lambda _, n: (
            total(n, "orders", "orders_queue_depth") > 4 and total(n, "orders", "orders_queue_oldest_seconds") > 2
        ),
        "orders",
        r'"msg": "cannot read fulfilment message, will try again".*"attempts": 2.*"error": "JSONDecodeError',
    ),
    "wrong-rows": Sign(
        lambda _, n: total(n, "orders", "orders_reconciliation_mismatches") > 0,
        "orders",
        r'"msg": "orders and payments disagree".*"mismatches": \d+',
    ),
    "full-disk": Sign(_charges("error"), "payments", r'msg="cannot write receipt" .*No space left on device'),
    "config-change": Sign(_charges("timeout"), "payments", r'msg="provider timeout after 35 ms"'),
    "certificate-expiry": Sign(
        lambda _, n: (
            total(n, "storefront", "tls_certificate_expiry_timestamp_seconds")
            - total(n, "storefront", "process_start_time_seconds")
            < 40 * 3600
        ),
        "storefront-error",
        r"\[warn\] .* certificate .* expires .* in 36 h",
    ),
    "batch-stuck": Sign(
        lambda _, n: total(n, "settlement", "settlement_running_seconds") > 3,
        "settlement",
        r"WARNING STEP 1 waiting for the ledger lock held by ledger-export pid \d+, \d+ s",
    ),
}
REPORTED = {"bad-release": "deploy", "config-change": "config", "certificate-expiry": "certificate"}


def test_every_fault_has_a_sign() -> None:
    assert set(SIGNS) == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_shows_and_heals(shop: Running, name: str) -> None:
    sign = SIGNS[name]
    before = shop.scrape()
    skip = len(shop.log(sign.log))
    reported = len(_changes(shop))

    result = shop.command("break", name)
    assert result.returncode == 0, result.stderr
    try:
        until(f"{name} in the metrics", lambda: sign.symptom(before, shop.scrape()), 15)
        until(f"{name} in the log", lambda: re.search(sign.line, shop.log(sign.log)[skip:]), 10)
        status = shop.command("status", "--json")
        assert status.returncode == 1
        assert json.loads(status.stdout)["active_faults"] == [name]
    finally:
        healed = shop.command("heal", name, "--repair")
    assert healed.returncode == 0, healed.stderr

    _until_calm(shop, sign)
    status = shop.command("status")
    assert status.returncode == 0, status.stdout
    events = _changes(shop)[reported:]
    assert [event["kind"] for event in events] == [REPORTED[name]] * 2 if name in REPORTED else not events


def _until_calm(shop: Running, sign: Sign) -> None:
    """Until the symptom is not to be seen over a stretch in which some orders were placed."""
    start = shop.scrape()

    def calm() -> bool:
        nonlocal start
        now = shop.scrape()
        if sign.symptom(start, now):
            start = now
            return False
        return _increase(start, now, "orders", "orders_placed_total") >= 5

    until("calm", calm)


def _changes(shop: Running) -> list[dict[str, str]]:
    path = shop.root / "changes.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_wrong_rows_stay_until_they_are_corrected(shop: Running) -> None:
    assert shop.command("break", "wrong-rows").returncode == 0
    until("mismatches", lambda: total(shop.scrape(), "orders", "orders_reconciliation_mismatches") > 0)
    healed = shop.command("heal", "wrong-rows")
    assert "UPDATE payments SET amount_cents" in healed.stdout
    assert total(shop.scrape(), "orders", "orders_reconciliation_mismatches") > 0
    assert "corrected" in shop.command("heal").stdout
    until("none left", lambda: total(shop.scrape(), "orders", "orders_reconciliation_mismatches") == 0)


def test_killing_the_lock_holder_heals_the_batch(shop: Running) -> None:
    assert shop.command("break", "batch-stuck").returncode == 0
    assert "active already" in shop.command("break", "batch-stuck").stderr
    assert "it: kill " in shop.command("restart", "ledger-export").stderr
    os.kill(shop.info()["jobs"]["ledger-export"]["pid"], signal.SIGKILL)
    until("no fault", lambda: shop.command("status").returncode == 0)


def test_list_of_faults() -> None:
    listed = json.loads(cornershop("faults", "--json").stdout)
    assert [fault["name"] for fault in listed] == list(FAULTS)
    assert all(all(fault.values()) for fault in listed)
    text = cornershop("faults").stdout
    assert all(fault["workaround"] in text for fault in listed)
