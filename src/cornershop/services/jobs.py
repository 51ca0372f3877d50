"""Other people's jobs that get in the way of the shop: they hold real locks while they run."""

import os
import time

from cornershop import logs
from cornershop.client import new_trace
from cornershop.db import connect
from cornershop.layout import Shop
from cornershop.process import Process
from cornershop.services.settlement import LedgerLock

HOLD_SECONDS = 1.4
PAUSE_SECONDS = 0.2


def run(shop: Shop, name: str) -> None:
    """Run one job until SIGTERM."""
    process = Process(logs.open_log(name, shop.log("jobs"), "batch"))
    logs.trace_id.set(new_trace())
    if name == "orders-report":
        report_on_orders(shop, process)
    else:
        export_ledger(shop, process)


def report_on_orders(shop: Shop, process: Process) -> None:
    """A management report that works inside write transactions on the orders database, one after the other."""
    connection = connect(shop.database("orders"))
    connection.execute("CREATE TABLE IF NOT EXISTS report_turnover (customer_id TEXT PRIMARY KEY, cents INTEGER)")
    while not process.stop.wait(PAUSE_SECONDS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM report_turnover")
        connection.execute(
            "INSERT INTO report_turnover SELECT customer_id, sum(total_cents) FROM orders GROUP BY customer_id"
        )
        # Real reports compute here; on this small table the time is only spent, with the write lock held.
        time.sleep(HOLD_SECONDS)
        connection.execute("COMMIT")
    connection.close()


def export_ledger(shop: Shop, process: Process) -> None:
    """An export of the ledger that hangs with the ledger lock in its hand."""
    lock = LedgerLock(shop.ledger_lock)
    while not lock.try_take(f"ledger-export pid {os.getpid()}"):
        if process.stop.wait(0.1):
            return
    process.stop.wait()
    lock.give_back()
    lock.close()
