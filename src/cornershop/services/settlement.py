"""Settlement: a batch job on a schedule that sums up payments, and the small scheduler process around it."""

import fcntl
import logging
import threading
import time
from datetime import datetime
from pathlib import Path

from prometheus_client import Counter, Gauge

from cornershop import logs
from cornershop.client import new_trace
from cornershop.config import LiveConfig
from cornershop.db import Database, connect
from cornershop.layout import CONFIG_DEFAULTS, Shop, read_json
from cornershop.metrics import expose_config
from cornershop.process import Process
from cornershop.web import App, AppServer, Reply, Request, Route, reply

LAST_SUCCESS = Gauge("settlement_last_success_timestamp_seconds", "When the last run ended well, in Unix time.")
RUNNING = Gauge("settlement_running_seconds", "How long the run in progress has taken so far; 0 when none runs.")
ROWS = Counter("settlement_rows_total", "Payments settled.")
RUNS = Counter("settlement_runs_total", "Runs by how they ended.", ["outcome"])
UNSETTLED = Gauge("settlement_unsettled_payments", "Captured payments that no run has settled yet.")

SCHEMA = """
CREATE TABLE IF NOT EXISTS settlements (
    run INTEGER PRIMARY KEY AUTOINCREMENT, last_payment_id INTEGER NOT NULL, payments INTEGER NOT NULL,
    total_cents INTEGER NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL);
"""


class LedgerLock:
    """The lock on the ledger: a lock on a file, held by whoever works on the ledger."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+")

    def try_take(self, who: str) -> bool:
        """Take it if it is free, and note in the file who holds it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._file.truncate(0)
        self._file.write(who)
        self._file.flush()
        return True

    def holder(self) -> str:
        """Who wrote its name into the file last."""
        self._file.seek(0)
        return self._file.read().strip() or "somebody"

    def give_back(self) -> None:
        """Free the lock."""
        self._file.truncate(0)
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, which frees the lock too."""
        self._file.close()


class Settlement:
    """The job, run by one thread; a run that is due while one is in progress is skipped."""

    def __init__(self, shop: Shop, database: Database, config: LiveConfig, log: logging.Logger) -> None:
        self._db = database
        self._payments = shop.database("payments")
        self._config = config
        self._log = log
        self._lock = LedgerLock(shop.ledger_lock)
        self._every = shop.plan.settlement_every
        self._now = threading.Event()
        self._started: float | None = None
        self._runs = database.value("count_runs", "SELECT max(run) FROM settlements") or 0
        finished = database.value("last_success", "SELECT max(finished_at) FROM settlements")
        if finished:
            LAST_SUCCESS.set(datetime.fromisoformat(finished).timestamp())

    def running_seconds(self) -> float:
        """How long the run in progress has taken; 0 when none runs."""
        started = self._started
        return 0.0 if started is None else time.monotonic() - started

    def trigger(self, _request: Request) -> Reply:
        """Start a run now, unless one is in progress."""
        busy = self._started is not None
        self._now.set()
        return reply({"started": not busy}, 202 if not busy else 409)

    def loop(self, stop: threading.Event) -> None:
        """Run when due or asked to, until told to stop. The first run comes soon after the start."""
        wait = min(1.0, self._every)
        while not stop.is_set():
            self._now.wait(wait)
            if stop.is_set():
                return
            wait = self._every
            self._started = time.monotonic()
            logs.trace_id.set(new_trace())
            try:
                self._run(stop)
            except Exception as failure:  # noqa: BLE001 - the boundary of a batch run
                RUNS.labels(outcome="failed").inc()
                self._log.error("END rc=1 %r", failure, exc_info=True)
            finally:
                self._started = None
                self._now.clear()

    def _run(self, stop: threading.Event) -> None:
        started = logs.iso()
        self._runs += 1
        self._say(f"START run {self._runs}")
        since = self._db.value("last_settled", "SELECT max(last_payment_id) FROM settlements") or 0
        self._say(f"STEP 1 take the ledger lock, payments after id {since}")
        if not self._take_ledger(stop):
            return
        try:
            count, total, last = self._sum(since)
            self._say(f"STEP 2 read {count} captured payments up to id {last}")
            with self._db.transaction("insert_settlement") as tx:
                row = (last, count, total, started, logs.iso())
                sql = (
                    "INSERT INTO settlements (last_payment_id, payments, total_cents, started_at, finished_at) "
                    "VALUES (?, ?, ?, ?, ?)"
                )
                tx.execute(sql, row)
            self._say("STEP 3 write settlement")
        finally:
            self._lock.give_back()
        ROWS.inc(count)
        RUNS.labels(outcome="ok").inc()
        LAST_SUCCESS.set_to_current_time()
        self._say(f"settled {count} payments, total {total / 100:.2f} {self._config['currency']}")
        self._say(f"END rc=0 after {self.running_seconds():.1f} s")

    def _take_ledger(self, stop: threading.Event) -> bool:
        begun = time.monotonic()
        said = 0.0
        while not self._lock.try_take("settlement"):
            waited = time.monotonic() - begun
            if waited - said >= 5 or not said:
                said = max(waited, 0.001)
                logs.warning(
                    self._log, f"STEP 1 waiting for the ledger lock held by {self._lock.holder()}, {waited:.0f} s"
                )
            if stop.wait(0.5):
                return False
        return True

    def _sum(self, since: int) -> tuple[int, int, int]:
        """How many captured payments there are after an id, their sum in cents, and the last id."""
        connection = connect(self._payments, read_only=True)
        try:
            sql = (
                "SELECT count(*), coalesce(sum(amount_cents), 0), coalesce(max(id), ?) FROM payments "
                "WHERE id > ? AND outcome = 'captured'"
            )
            count, total, last = connection.execute(sql, (since, since)).fetchone()
        finally:
            connection.close()
        return count, total, last

    def unsettled(self) -> float:
        """Captured payments that no run has settled yet."""
        since = self._db.value("last_settled", "SELECT max(last_payment_id) FROM settlements") or 0
        return float(self._sum(since)[0]) if self._payments.exists() else 0.0

    def _say(self, message: str) -> None:
        logs.info(self._log, message)


def run(shop: Shop) -> None:
    """Serve and run the job until SIGTERM."""
    log = logs.open_log("settlement", shop.log("settlement"), "batch")
    process = Process(log)
    config = LiveConfig(shop.config_path("settlement"), CONFIG_DEFAULTS["settlement"])
    version = str(read_json(shop.config_path("releases"))["settlement"])
    expose_config(config, version)
    database = Database(shop.database("settlement"), SCHEMA, log)
    settlement = Settlement(shop, database, config, log)
    for outcome in ("ok", "failed"):
        RUNS.labels(outcome=outcome)
    RUNNING.set_function(settlement.running_seconds)
    UNSETTLED.set_function(settlement.unsettled)
    threading.Thread(target=settlement.loop, args=(process.stop,), daemon=True).start()
    app = App("settlement", version, log, [Route("POST", "/run", settlement.trigger)])
    process.serve(AppServer(app, shop.port("settlement")))
