"""Stock: the products, their prices and how many are left. Logs plain text, with tracebacks."""

import importlib
import logging
import sqlite3
from types import ModuleType

from prometheus_client import Counter, Gauge

from cornershop import logs
from cornershop.catalogue import CATALOGUE
from cornershop.config import LiveConfig
from cornershop.db import Database, Row
from cornershop.layout import CONFIG_DEFAULTS, Shop, read_json
from cornershop.metrics import expose_config
from cornershop.process import Process
from cornershop.web import App, AppServer, HttpError, Reply, Request, Route, reply

RESERVATIONS = Counter("stock_reservations_total", "Reservations asked for.", ["outcome"])
LEFT = Gauge("stock_units_left", "Units on the shelf, over all products.")

SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    sku TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, price_cents INTEGER NOT NULL,
    discount_percent INTEGER NOT NULL, discount_until TEXT, quantity INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS reservations (
    order_id TEXT NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL, created_at TEXT NOT NULL,
    PRIMARY KEY (order_id, sku));
"""


class Stock:
    """The handlers."""

    def __init__(self, database: Database, config: LiveConfig, log: logging.Logger, pricing: ModuleType) -> None:
        self._db = database
        self._config = config
        self._log = log
        self._pricing = pricing

    def products(self, _request: Request) -> Reply:
        """All products, briefly."""
        rows = self._db.rows("list_products", "SELECT * FROM products ORDER BY sku")
        return reply([{"sku": r["sku"], "name": r["name"], "price": self._price(r)} for r in rows])

    def product(self, request: Request) -> Reply:
        """One product in full, with the label of its discount."""
        rows = self._db.rows("get_product", "SELECT * FROM products WHERE sku = ?", (request.parameters["sku"],))
        if not rows:
            raise HttpError(404, "no such product")
        row = rows[0]
        label = self._pricing.discount_label(dict(row))
        return reply({
            "sku": row["sku"], "name": row["name"], "description": row["description"],
            "quantity": row["quantity"], "price": self._price(row), "label": label,
        })  # fmt: skip

    def reserve(self, request: Request) -> Reply:
        """Take the lines of an order off the shelf, all or none; answers the total in cents."""
        order_id, lines = request.body["order_id"], request.body["lines"]
        total = 0
        with self._db.transaction("reserve") as tx:
            for line in lines:
                total += line["quantity"] * self._take(tx, order_id, line["sku"], line["quantity"])
        RESERVATIONS.labels(outcome="reserved").inc()
        logs.info(self._log, f"reserved {len(lines)} lines", order=order_id)
        return reply({"order_id": order_id, "total_cents": total}, 201)

    def _take(self, tx: sqlite3.Connection, order_id: str, sku: str, quantity: int) -> int:
        row = tx.execute("SELECT * FROM products WHERE sku = ?", (sku,)).fetchone()
        if row is None or row["quantity"] < quantity:
            RESERVATIONS.labels(outcome="sold_out").inc()
            logs.warning(self._log, f"cannot reserve {quantity} of {sku}", order=order_id)
            raise HttpError(409, f"{sku} is sold out")
        tx.execute("UPDATE products SET quantity = quantity - ? WHERE sku = ?", (quantity, sku))
        tx.execute("INSERT INTO reservations VALUES (?, ?, ?, ?)", (order_id, sku, quantity, logs.iso()))
        return int(self._pricing.net_cents(dict(row)))

    def release(self, request: Request) -> Reply:
        """Put the reserved lines of an order that failed back on the shelf."""
        order_id = request.parameters["order_id"]
        with self._db.transaction("release") as tx:
            tx.execute(
                "UPDATE products SET quantity = products.quantity + r.quantity FROM reservations r "
                "WHERE r.sku = products.sku AND r.order_id = ?",
                (order_id,),
            )
            tx.execute("DELETE FROM reservations WHERE order_id = ?", (order_id,))
        RESERVATIONS.labels(outcome="released").inc()
        logs.info(self._log, "released reservation", order=order_id)
        return reply({"order_id": order_id})

    def replenish(self) -> None:
        """Fill the shelf where it runs low, and forget old reservations."""
        below, upto = self._config["replenish_below"], self._config["replenish_to"]
        low = self._db.rows("find_low", "SELECT sku, quantity FROM products WHERE quantity < ?", (below,))
        for row in low:
            with self._db.transaction("replenish") as tx:
                tx.execute("UPDATE products SET quantity = ? WHERE sku = ?", (upto, row["sku"]))
            logs.info(self._log, f"replenished {row['sku']} from {row['quantity']} to {upto}")
        with self._db.transaction("prune") as tx:
            tx.execute(
                "DELETE FROM reservations WHERE created_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour')"
            )  # fmt: skip

    def _price(self, row: Row) -> str:
        return f"{self._pricing.net_cents(dict(row)) / 100:.2f} EUR"


def run(shop: Shop) -> None:
    """Serve until SIGTERM."""
    log = logs.open_log("stock", shop.log("stock"), "text")
    process = Process(log)
    config = LiveConfig(shop.config_path("stock"), CONFIG_DEFAULTS["stock"])
    version = str(read_json(shop.config_path("releases"))["stock"])
    expose_config(config, version)
    # What was deployed decides which code runs: each release keeps its own pricing module.
    pricing = importlib.import_module(f"cornershop.releases.stock_{version.replace('.', '_')}")
    database = Database(shop.database("stock"), SCHEMA, log)
    with database.transaction("fill_catalogue") as tx:
        for sku, name, cents, discount, until in CATALOGUE:
            description = f"{name}. Packed by hand, delivered the next day."
            row = (sku, name, description, cents, discount, until, 500)
            tx.execute("INSERT OR IGNORE INTO products VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    LEFT.set_function(lambda: database.value("units_left", "SELECT sum(quantity) FROM products"))
    stock = Stock(database, config, log, pricing)
    process.every(5.0, stock.replenish)
    routes = [
        Route("GET", "/products", stock.products),
        Route("GET", "/products/{sku}", stock.product),
        Route("POST", "/reservations", stock.reserve),
        Route("POST", "/reservations/{order_id}/release", stock.release),
    ]
    logs.info(log, f"stock {version} started")
    process.serve(AppServer(App("stock", version, log, routes), shop.port("stock")))
