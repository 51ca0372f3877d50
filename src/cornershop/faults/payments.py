"""Faults around payments: payment-timeouts, wrong-rows, full-disk, config-change."""

import time
from contextlib import closing

from cornershop.db import connect
from cornershop.faults.base import Fault, Scene, config_is, set_config
from cornershop.layout import CONFIG_DEFAULTS, Shop

SETTLE_SECONDS = 1.0
DUMP = "heapdump-payments.hprof"
GOOD_TIMEOUT = CONFIG_DEFAULTS["payments"]["provider_timeout_ms"]
BAD_TIMEOUT = 35
CORRECTION = (
    "UPDATE payments SET amount_cents = requested_cents "
    "WHERE outcome = 'captured' AND amount_cents <> requested_cents"
)  # fmt: skip


def payment_timeouts(scene: Scene) -> None:
    """Have the acquirer take three seconds for most charges."""
    set_config(scene.shop, "provider", answering="degraded")


def heal_payment_timeouts(scene: Scene) -> str:
    """Have the acquirer answer as usual."""
    set_config(scene.shop, "provider", answering="normal")
    return ""


def wrong_rows(scene: Scene) -> None:
    """Have the acquirer leave the cents out of the amounts it confirms, which payments believes."""
    set_config(scene.shop, "provider", amount_format="whole-euros")


def heal_wrong_rows(scene: Scene) -> str:
    """Stop the cause only: rows that are wrong stay wrong until somebody corrects them."""
    set_config(scene.shop, "provider", amount_format="decimal")
    # Charges in hand may still be recorded the wrong way; what is counted and corrected next must include them.
    time.sleep(SETTLE_SECONDS)
    wrong = _count_wrong_rows(scene.shop)
    if not wrong:
        return ""
    return f"{wrong} payment(s) keep a wrong amount; correct them in payments.db (or heal with --repair): {CORRECTION}"


def repair_rows(shop: Shop) -> int:
    """Correct the amounts that are wrong; returns how many."""
    with closing(connect(shop.database("payments"))) as connection:
        return connection.execute(CORRECTION).rowcount


def _count_wrong_rows(shop: Shop) -> int:
    with closing(connect(shop.database("payments"), read_only=True)) as connection:
        sql = "SELECT count(*) FROM payments WHERE outcome = 'captured' AND amount_cents <> requested_cents"
        return int(connection.execute(sql).fetchone()[0])


def full_disk(scene: Scene) -> None:
    """Leave a dump in the receipts directory that uses up its quota."""
    quota = CONFIG_DEFAULTS["payments"]["receipts_quota_mb"] * 1_000_000
    used = sum(path.stat().st_size for path in scene.shop.receipts.iterdir() if path.name != DUMP)
    (scene.shop.receipts / DUMP).write_bytes(b"JAVA PROFILE 1.0.2\0".ljust(max(0, quota - used), b"\1"))


def heal_full_disk(scene: Scene) -> str:
    """Remove the dump."""
    (scene.shop.receipts / DUMP).unlink(missing_ok=True)
    return ""


def config_change(scene: Scene) -> None:
    """Shorten the timeout for the acquirer far too much."""
    _set_timeout(scene, GOOD_TIMEOUT, BAD_TIMEOUT)


def heal_config_change(scene: Scene) -> str:
    """Put the usual timeout back."""
    if config_is(scene.shop, "payments", "provider_timeout_ms", BAD_TIMEOUT):
        _set_timeout(scene, BAD_TIMEOUT, GOOD_TIMEOUT)
    return ""


def _set_timeout(scene: Scene, old: int, new: int) -> None:
    set_config(scene.shop, "payments", provider_timeout_ms=new)
    diff = (
        "--- a/config/payments.json\n+++ b/config/payments.json\n@@ -1,2 +1,2 @@\n {\n"
        f'-  "provider_timeout_ms": {old},\n+  "provider_timeout_ms": {new},\n'
    )
    scene.changes.report("config", "payments", f"provider_timeout_ms {old} -> {new}", by="config-bot", diff=diff)


PAYMENT_TIMEOUTS = Fault(
    name="payment-timeouts",
    summary="The card provider takes over three seconds for seven charges in ten; payments gives up after two.",
    service="payments",
    metric='payments_charges_total{outcome="timeout"}, payments_provider_duration_seconds',
    log_line='payments: msg="provider timeout after 2000 ms"',
    business_effect="Seven checkouts in ten fail with 504: revenue is lost.",
    workaround="Call the acquirer's hotline; tell the business; nothing in the shop itself is broken.",
    break_it=payment_timeouts,
    heal=heal_payment_timeouts,
    is_active=lambda shop: config_is(shop, "provider", "answering", "degraded"),
)
WRONG_ROWS = Fault(
    name="wrong-rows",
    summary="The acquirer confirms amounts without cents, and payments records what it confirms.",
    service="payments",
    metric="orders_reconciliation_mismatches",
    log_line="orders: orders and payments disagree",
    business_effect="Settled totals are too low; bookkeeping and customers' statements are wrong.",
    workaround=f"Have the acquirer put the format right, then correct the rows: {CORRECTION}",
    break_it=wrong_rows,
    heal=heal_wrong_rows,
    is_active=lambda shop: config_is(shop, "provider", "amount_format", "whole-euros"),
)
FULL_DISK = Fault(
    name="full-disk",
    summary="A forgotten heap dump uses up the quota of the receipts directory of payments.",
    service="payments",
    metric='disk_used_bytes / disk_quota_bytes, payments_charges_total{outcome="error"}',
    log_line='payments: msg="cannot write receipt" error="[Errno 28] No space left on device"',
    business_effect="No charge succeeds, so every checkout fails with 502.",
    workaround=f"Remove {DUMP} from data/receipts; no restart is needed.",
    break_it=full_disk,
    heal=heal_full_disk,
    is_active=lambda shop: (shop.receipts / DUMP).exists(),
)
CONFIG_CHANGE = Fault(
    name="config-change",
    summary=f"The timeout for the card provider is changed from {GOOD_TIMEOUT} ms to {BAD_TIMEOUT} ms.",
    service="payments",
    metric='payments_charges_total{outcome="timeout"}, config_value{key="provider_timeout_ms"}, config_hash',
    log_line=f'payments: msg="provider timeout after {BAD_TIMEOUT} ms"',
    business_effect="About half of the checkouts fail with 504, although the provider is well.",
    workaround=f"Set provider_timeout_ms in config/payments.json back to {GOOD_TIMEOUT}; it is live within a second.",
    break_it=config_change,
    heal=heal_config_change,
    is_active=lambda shop: config_is(shop, "payments", "provider_timeout_ms", BAD_TIMEOUT),
)
