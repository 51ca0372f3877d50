"""What orders does after the customer has paid: the fulfilment queue, and reconciling orders with payments."""

import json
import logging
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Gauge

from cornershop import logs
from cornershop.config import LiveConfig
from cornershop.db import Database, Row, connect

FULFILLED = Counter("orders_fulfilled_total", "Messages worked off.")
RETRIES = Counter("orders_fulfilment_retries_total", "Messages that could not be worked off and will be tried again.")
MISMATCHES = Gauge(
    "orders_reconciliation_mismatches", "Paid orders of the last two hours whose payment differs or is missing."
)

QUEUE_SCHEMA = """
CREATE TABLE IF NOT EXISTS fulfilment_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fulfilment_dead_letters (
    id INTEGER PRIMARY KEY, body TEXT NOT NULL, attempts INTEGER NOT NULL, created_at TEXT NOT NULL,
    moved_at TEXT NOT NULL);
"""
# The charge is recorded a moment before the order is confirmed; only rows that had time to settle are compared.
RECONCILE = """
SELECT count(*) FROM orders o LEFT JOIN p.payments p ON p.order_id = o.order_id AND p.outcome = 'captured'
WHERE o.status IN ('paid', 'fulfilled') AND o.created_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 hours')
  AND (p.id IS NULL OR p.amount_cents <> o.total_cents)
"""


def message(body: dict[str, Any]) -> str:
    """The text of a queue message."""
    return json.dumps(body, separators=(",", ":"))


class Fulfilment:
    """The queue and its one consumer, strictly first in, first out."""

    def __init__(self, database: Database, config: LiveConfig, log: logging.Logger) -> None:
        self._db = database
        self._config = config
        self._log = log
        self._wake = threading.Event()

    def wake(self) -> None:
        """Tell the consumer that a message has come."""
        self._wake.set()

    def depth(self) -> float:
        """How many messages wait."""
        return float(self._db.value("queue_depth", "SELECT count(*) FROM fulfilment_queue"))

    def oldest_seconds(self) -> float:
        """How long the oldest message has waited, in seconds."""
        created = self._db.value("queue_oldest", "SELECT min(created_at) FROM fulfilment_queue")
        return max(0.0, time.time() - datetime.fromisoformat(created).timestamp()) if created else 0.0

    def work_off(self, stop: threading.Event) -> None:
        """Work off what waits, then sleep until woken; a message that fails is tried again before any other."""
        head = self._db.rows("queue_head", "SELECT * FROM fulfilment_queue ORDER BY id LIMIT 1")
        if not head:
            self._wake.wait(1.0)
            self._wake.clear()
            return
        try:
            self._fulfil(head[0])
        except (ValueError, KeyError) as failure:
            self._note_failure(head[0], failure)
            stop.wait(self._config["retry_fulfilment_seconds"])

    def _fulfil(self, row: Row) -> None:
        order = json.loads(row["body"])
        logs.trace_id.set(order["trace"])
        with self._db.transaction("fulfil") as tx:
            tx.execute("UPDATE orders SET status = 'fulfilled' WHERE order_id = ?", (order["order_id"],))
            tx.execute("DELETE FROM fulfilment_queue WHERE id = ?", (row["id"],))
        FULFILLED.inc()
        logs.info(self._log, "order handed to the warehouse", order_id=order["order_id"], message_id=row["id"])

    def _note_failure(self, row: Row, failure: Exception) -> None:
        logs.trace_id.set("-")
        RETRIES.inc()
        with self._db.transaction("note_attempt") as tx:
            tx.execute("UPDATE fulfilment_queue SET attempts = attempts + 1 WHERE id = ?", (row["id"],))
        waited = datetime.now(UTC) - datetime.fromisoformat(row["created_at"])
        logs.error(
            self._log,
            "cannot read fulfilment message, will try again",
            message_id=row["id"],
            attempts=row["attempts"] + 1,
            waited_seconds=round(waited.total_seconds()),
            error=f"{type(failure).__name__}: {failure}",
        )


class Reconciliation:
    """Compares the rows of orders with the rows of payments, reading the other service's file only."""

    def __init__(self, orders: Path, payments: Path, log: logging.Logger) -> None:
        self._orders = orders
        self._payments = payments
        self._log = log
        self._last = 0

    def run(self) -> None:
        """Count the mismatches; log when there are more than before."""
        if not self._payments.exists():
            return
        connection = connect(self._orders, read_only=True)
        try:
            connection.execute("ATTACH DATABASE ? AS p", (f"{self._payments.as_uri()}?mode=ro",))
            found = int(connection.execute(RECONCILE).fetchone()[0])
        finally:
            connection.close()
        MISMATCHES.set(found)
        if found > self._last:
            logs.error(self._log, "orders and payments disagree", mismatches=found, before=self._last)
        elif found < self._last:
            logs.info(self._log, "orders and payments disagree less", mismatches=found, before=self._last)
        self._last = found
