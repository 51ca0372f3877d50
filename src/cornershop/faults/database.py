"""Faults whose cause is in a database or a lock: slow-database, poison-message, batch-stuck."""

import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing

from cornershop.db import connect
from cornershop.faults.base import Fault, Scene
from cornershop.layout import Shop, ShopError, write_json
from cornershop.logs import iso

JOB_SECONDS = 5.0
TRUNCATED = '{"order_id":"O-100481","customer_id":"c-20117","trace":"0af7651916cd43dd8448eb211c80319c","lines":[{"sku"'


def _start_job(scene: Scene, name: str) -> None:
    write_json(scene.shop.job(name), {"since": iso()})


def _stop_job(scene: Scene, name: str) -> None:
    scene.shop.job(name).unlink(missing_ok=True)


def slow_database(scene: Scene) -> None:
    """Start the management report, which locks the orders database for most of the time."""
    _start_job(scene, "orders-report")


def heal_slow_database(scene: Scene) -> str:
    """Stop the report."""
    _stop_job(scene, "orders-report")
    return ""


def poison_message(scene: Scene) -> None:
    """Put a message that was cut off on the way into the fulfilment queue."""
    with closing(connect(scene.shop.database("orders"))) as connection:
        connection.execute("INSERT INTO fulfilment_queue (body, created_at) VALUES (?, ?)", (TRUNCATED, iso()))


def heal_poison_message(scene: Scene) -> str:
    """Move unreadable messages to the dead letters, as support would do by SQL."""
    with closing(connect(scene.shop.database("orders"))) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO fulfilment_dead_letters SELECT id, body, attempts, created_at, ? FROM fulfilment_queue "
            "WHERE NOT json_valid(body)",
            (iso(),),
        )
        moved = connection.execute("DELETE FROM fulfilment_queue WHERE NOT json_valid(body)").rowcount
        connection.execute("COMMIT")
    return f"{moved} message(s) are in fulfilment_dead_letters: send the orders concerned to the warehouse by hand"


def has_poison(shop: Shop) -> bool:
    """Whether an unreadable message waits."""
    try:
        with closing(connect(shop.database("orders"), read_only=True)) as connection:
            sql = "SELECT count(*) FROM fulfilment_queue WHERE NOT json_valid(body)"
            return bool(connection.execute(sql).fetchone()[0])
    except sqlite3.OperationalError:
        return False  # There is no database yet.


def batch_stuck(scene: Scene) -> None:
    """Start the ledger export that hangs with the lock, then have a settlement run begin."""
    _start_job(scene, "ledger-export")
    lock = scene.shop.ledger_lock
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline and not (lock.exists() and lock.read_text().startswith("ledger-export")):
        time.sleep(0.1)
    trigger_settlement(scene.shop)


def trigger_settlement(shop: Shop) -> None:
    """Ask for a settlement run now; one that runs already is as good."""
    request = urllib.request.Request(f"{shop.url('settlement')}/run", data=b"{}", method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - an address of ours
            pass
    except urllib.error.HTTPError as failure:
        failure.close()  # 409: one runs already.
    except OSError as failure:
        raise ShopError(f"settlement does not answer: {failure}") from failure


def heal_batch_stuck(scene: Scene) -> str:
    """End the process that holds the lock; the waiting run goes on by itself."""
    _stop_job(scene, "ledger-export")
    return ""


SLOW_DATABASE = Fault(
    name="slow-database",
    summary="A management report holds the write lock of the orders database about nine tenths of the time.",
    service="orders",
    metric="db_query_duration_seconds of writes, http_request_duration_seconds of POST /orders and /checkout",
    log_line="orders: slow query: insert_order took 1132 ms",
    business_effect="Most checkouts take 0.5 to 1.5 s; some customers leave.",
    workaround="End the job orders-report (see shop.json for its pid); run it at night.",
    break_it=slow_database,
    heal=heal_slow_database,
    is_active=lambda shop: shop.job("orders-report").exists(),
)
POISON_MESSAGE = Fault(
    name="poison-message",
    summary="A truncated message stands at the head of the fulfilment queue and is tried again for ever.",
    service="orders",
    metric="orders_queue_depth, orders_queue_oldest_seconds, orders_fulfilment_retries_total",
    log_line="orders: cannot read fulfilment message, will try again",
    business_effect="Paid orders do not reach the warehouse; customers notice tomorrow.",
    workaround="Move the rows of fulfilment_queue that are not valid JSON to fulfilment_dead_letters.",
    break_it=poison_message,
    heal=heal_poison_message,
    is_active=has_poison,
)
BATCH_STUCK = Fault(
    name="batch-stuck",
    summary="Settlement waits for the ledger lock, which a hanging ledger export holds.",
    service="settlement",
    metric="settlement_running_seconds, settlement_last_success_timestamp_seconds, settlement_unsettled_payments",
    log_line="settlement: STEP 1 waiting for the ledger lock held by ledger-export pid 4242, 15 s",
    business_effect="No money is settled; the bank's cut-off may be missed.",
    workaround="End the process that the log names as the holder; the waiting run goes on by itself.",
    break_it=batch_stuck,
    heal=heal_batch_stuck,
    is_active=lambda shop: shop.job("ledger-export").exists(),
)
