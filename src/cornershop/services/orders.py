"""Orders: takes an order through stock and payments, and queues it for fulfilment. Logs JSON lines."""

import logging
from typing import Any

from prometheus_client import Counter, Gauge

from cornershop import logs
from cornershop.client import CallFailedError, CallTimeoutError, Peer
from cornershop.config import LiveConfig
from cornershop.db import Database
from cornershop.layout import CONFIG_DEFAULTS, Shop, read_json
from cornershop.metrics import expose_config
from cornershop.process import Process
from cornershop.services.fulfilment import QUEUE_SCHEMA, Fulfilment, Reconciliation, message
from cornershop.web import App, AppServer, HttpError, Reply, Request, Route, reply

PLACED = Counter("orders_placed_total", "Orders paid and queued for fulfilment.")
FAILED = Counter("orders_failed_total", "Orders that did not come about, by reason.", ["reason"])
VALUE = Counter("orders_value_cents_total", "Value of the orders placed, in cents.")
QUEUE_DEPTH = Gauge("orders_queue_depth", "Messages waiting for fulfilment.")
QUEUE_OLDEST = Gauge("orders_queue_oldest_seconds", "Age of the oldest waiting message; 0 when none waits.")

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT, customer_id TEXT NOT NULL, status TEXT NOT NULL,
    total_cents INTEGER NOT NULL, lines TEXT NOT NULL, trace_id TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS orders_order ON orders (order_id);
CREATE INDEX IF NOT EXISTS orders_created ON orders (created_at);
"""
FIRST_ORDER = 100_000
REASONS = {402: "declined", 409: "sold_out", 502: "upstream", 504: "timeout"}


class Orders:
    """The handlers."""

    def __init__(self, database: Database, log: logging.Logger, stock: Peer, payments: Peer, queue: Fulfilment) -> None:
        self._db = database
        self._log = log
        self._stock = stock
        self._payments = payments
        self._queue = queue

    def place(self, request: Request) -> Reply:
        """Take one order: reserve, charge, confirm. On failure the reservation is given back."""
        customer, lines = request.body["customer_id"], request.body["lines"]
        order = self._open(customer, message({"lines": lines}))
        try:
            total = self._ask(self._stock, "/reservations", {"order_id": order, "lines": lines})["total_cents"]
            try:
                charge = {"order_id": order, "customer_id": customer, "amount_cents": total}
                self._ask(self._payments, "/charges", charge)
            except HttpError:
                self._ask(self._stock, f"/reservations/{order}/release", {})
                raise
        except HttpError as failure:
            self._fail(order, failure)
            raise
        body = message({"order_id": order, "customer_id": customer, "trace": logs.trace_id.get(), "lines": lines})
        with self._db.transaction("confirm_order") as tx:
            tx.execute("UPDATE orders SET status = 'paid', total_cents = ? WHERE order_id = ?", (total, order))
            tx.execute("INSERT INTO fulfilment_queue (body, created_at) VALUES (?, ?)", (body, logs.iso()))
        self._queue.wake()
        PLACED.inc()
        VALUE.inc(total)
        logs.info(self._log, "order placed", order_id=order, customer_id=customer, total_cents=total)
        return reply({"order_id": order, "total_cents": total, "status": "paid"}, 201)

    def show(self, request: Request) -> Reply:
        """One order."""
        sql = "SELECT order_id, customer_id, status, total_cents, created_at FROM orders WHERE order_id = ?"
        rows = self._db.rows("get_order", sql, (request.parameters["order_id"],))
        if not rows:
            raise HttpError(404, "no such order")
        return reply(dict(rows[0]))

    def _open(self, customer: str, lines: str) -> str:
        with self._db.transaction("insert_order") as tx:
            row = (customer, lines, logs.trace_id.get(), logs.iso())
            sql = (
                "INSERT INTO orders (customer_id, status, total_cents, lines, trace_id, created_at) "
                "VALUES (?, 'pending', 0, ?, ?, ?)"
            )
            number = tx.execute(sql, row).lastrowid or 0
            order = f"O-{FIRST_ORDER + number}"
            tx.execute("UPDATE orders SET order_id = ? WHERE id = ?", (order, number))
        return order

    def _fail(self, order: str, failure: HttpError) -> None:
        reason = REASONS.get(failure.status, "upstream")
        FAILED.labels(reason=reason).inc()
        level = logging.ERROR if failure.status >= 500 else logging.INFO
        with self._db.transaction("fail_order") as tx:
            tx.execute("UPDATE orders SET status = ? WHERE order_id = ?", (f"failed:{reason}", order))
        logs.write(self._log, level, "order failed", order_id=order, status=failure.status, reason=str(failure))

    def _ask(self, peer: Peer, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The other service's answer, or the failure to hand on to the customer."""
        try:
            answer = peer.post(path, body)
        except CallTimeoutError as failure:
            logs.error(self._log, "no answer in time", upstream=peer.name, path=path)
            raise HttpError(504, str(failure)) from failure
        except CallFailedError as failure:
            logs.error(self._log, "upstream not available", upstream=peer.name, path=path, error=str(failure))
            raise HttpError(502, str(failure)) from failure
        if answer.status < 400:
            return answer.body
        reason = f"{peer.name}: {answer.body.get('error', 'no reason given')}"
        raise HttpError(502 if answer.status in (500, 502, 503) else answer.status, reason)

    def prune(self) -> None:
        """Forget rows older than a day, so that a demo left running does not fill the disk."""
        with self._db.transaction("prune") as tx:
            tx.execute("DELETE FROM orders WHERE created_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')")


def run(shop: Shop) -> None:
    """Serve until SIGTERM."""
    log = logs.open_log("orders", shop.log("orders"), "json")
    process = Process(log)
    config = LiveConfig(shop.config_path("orders"), CONFIG_DEFAULTS["orders"])
    version = str(read_json(shop.config_path("releases"))["orders"])
    expose_config(config, version)
    for reason in REASONS.values():
        FAILED.labels(reason=reason)
    database = Database(shop.database("orders"), SCHEMA + QUEUE_SCHEMA, log)
    queue = Fulfilment(database, config, log)
    QUEUE_DEPTH.set_function(queue.depth)
    QUEUE_OLDEST.set_function(queue.oldest_seconds)
    reconciliation = Reconciliation(shop.database("orders"), shop.database("payments"), log)
    process.every(0.0, lambda: queue.work_off(process.stop))
    process.every(3.0, reconciliation.run)
    stock = Peer("stock", shop.port("stock"), 6.0, "orders")
    payments = Peer("payments", shop.port("payments"), 6.0, "orders")
    orders = Orders(database, log, stock, payments, queue)
    process.every(600.0, orders.prune)
    routes = [Route("POST", "/orders", orders.place), Route("GET", "/orders/{order_id}", orders.show)]
    logs.info(log, "orders started", version=version)
    process.serve(AppServer(App("orders", version, log, routes), shop.port("orders")))
