"""Payments: charges cards through the acquirer and keeps a row and a receipt of each charge. Logs logfmt."""

import logging
import time

from prometheus_client import Counter, Gauge, Histogram

from cornershop import logs
from cornershop.client import CallFailedError, CallTimeoutError, Peer
from cornershop.config import LiveConfig
from cornershop.db import Database
from cornershop.layout import CONFIG_DEFAULTS, Shop, read_json
from cornershop.metrics import expose_config
from cornershop.process import Process
from cornershop.services.receipts import Receipts
from cornershop.web import App, AppServer, HttpError, Reply, Request, Route, reply

OUTCOMES = ("captured", "declined", "timeout", "error")
CHARGES = Counter("payments_charges_total", "Charges by how they ended.", ["outcome"])
PROVIDER_SECONDS = Histogram(
    "payments_provider_duration_seconds",
    "Time the card provider took, timeouts included.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.9, 2.5, 5.0),
)
DISK_QUOTA = Gauge("disk_quota_bytes", "Space that may be used in the directory.", ["directory"])
DISK_USED = Gauge("disk_used_bytes", "Space that is used in the directory.", ["directory"])

SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT NOT NULL, customer_id TEXT NOT NULL,
    requested_cents INTEGER NOT NULL, amount_cents INTEGER NOT NULL, currency TEXT NOT NULL, outcome TEXT NOT NULL,
    provider_reference TEXT, trace_id TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS payments_order ON payments (order_id);
CREATE INDEX IF NOT EXISTS payments_created ON payments (created_at);
"""


def cents(amount: str) -> int:
    """The acquirer's decimal string in cents: "12.50" is 1250."""
    euros, _, rest = amount.partition(".")
    return int(euros) * 100 + int(rest.ljust(2, "0") or 0)


class Payments:
    """The handlers."""

    def __init__(
        self, database: Database, config: LiveConfig, log: logging.Logger, provider: Peer, receipts: Receipts
    ) -> None:
        self._db = database
        self._config = config
        self._log = log
        self._provider = provider
        self._receipts = receipts

    def charge(self, request: Request) -> Reply:
        """Charge one order. 201 captured, 402 declined, 504 provider timeout, 502 provider away, 500 no receipt."""
        order, customer, amount = (request.body[key] for key in ("order_id", "customer_id", "amount_cents"))
        # No money is taken without a receipt: the receipt is written first.
        try:
            self._receipts.write(f"{logs.iso()} {order} {customer} {amount} EUR {logs.trace_id.get()}\n")
        except OSError as failure:
            CHARGES.labels(outcome="error").inc()
            logs.error(self._log, "cannot write receipt", order=order, error=failure)
            raise HttpError(500, "cannot write receipt") from failure
        outcome, recorded, reference, milliseconds = self._ask_provider(order, amount)
        with self._db.transaction("insert_payment") as tx:
            tx.execute(
                "INSERT INTO payments (order_id, customer_id, requested_cents, amount_cents, currency, outcome, "
                "provider_reference, trace_id, created_at) VALUES (?, ?, ?, ?, 'EUR', ?, ?, ?, ?)",
                (order, customer, amount, recorded, outcome, reference, logs.trace_id.get(), logs.iso()),
            )
        CHARGES.labels(outcome=outcome).inc()
        if outcome == "timeout":
            raise HttpError(504, "card provider timed out")
        if outcome == "error":
            raise HttpError(502, "card provider not available")
        if outcome == "declined":
            logs.info(self._log, "charge declined", order=order, amount_cents=amount, duration_ms=milliseconds)
            raise HttpError(402, "card declined")
        logs.info(
            self._log,
            "charge captured",
            order=order,
            customer=customer,
            amount_cents=recorded,
            ref=reference,
            duration_ms=milliseconds,
        )
        return reply({"order_id": order, "amount_cents": recorded, "reference": reference}, 201)

    def _ask_provider(self, order: str, amount: int) -> tuple[str, int, str | None, int]:
        """Outcome, amount in cents as the acquirer confirmed it, its reference, and how long it took in ms."""
        timeout_ms = self._config["provider_timeout_ms"]
        started = time.perf_counter()
        try:
            answer = self._provider.post(
                "/v1/charges", {"order": order, "amount_cents": amount}, timeout=timeout_ms / 1000
            )
        except CallTimeoutError:
            logs.error(self._log, f"provider timeout after {timeout_ms} ms", order=order, amount_cents=amount)
            return "timeout", 0, None, timeout_ms
        except CallFailedError as failure:
            logs.error(self._log, "provider not available", order=order, error=failure)
            return "error", 0, None, 0
        finally:
            seconds = time.perf_counter() - started
            PROVIDER_SECONDS.observe(seconds)
        milliseconds = round(seconds * 1000)
        if answer.status == 402:
            return "declined", 0, None, milliseconds
        if answer.status != 200:
            logs.error(self._log, f"provider answered {answer.status}", order=order)
            return "error", 0, None, milliseconds
        return "captured", cents(answer.body["amount"]), answer.body["reference"], milliseconds

    def prune(self) -> None:
        """Forget rows older than a day, so that a demo left running does not fill the disk."""
        with self._db.transaction("prune") as tx:
            tx.execute("DELETE FROM payments WHERE created_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')")


def run(shop: Shop) -> None:
    """Serve until SIGTERM."""
    log = logs.open_log("payments", shop.log("payments"), "logfmt")
    process = Process(log)
    config = LiveConfig(shop.config_path("payments"), CONFIG_DEFAULTS["payments"])
    version = str(read_json(shop.config_path("releases"))["payments"])
    expose_config(config, version)
    for outcome in OUTCOMES:
        CHARGES.labels(outcome=outcome)
    receipts = Receipts(shop.receipts, lambda: int(config["receipts_quota_mb"] * 1_000_000))
    DISK_QUOTA.labels(directory="receipts").set_function(lambda: float(receipts.quota()))
    DISK_USED.labels(directory="receipts").set_function(lambda: float(receipts.used()))
    database = Database(shop.database("payments"), SCHEMA, log)
    payments = Payments(database, config, log, Peer("provider", shop.port("provider"), 5.0, "payments"), receipts)
    process.every(600.0, payments.prune)
    app = App("payments", version, log, [Route("POST", "/charges", payments.charge)])
    logs.info(log, "payments started", version=version)
    process.serve(AppServer(app, shop.port("payments")))
