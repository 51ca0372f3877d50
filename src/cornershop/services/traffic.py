"""The customers: browse and buy at random moments, the same ones for the same seed."""

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cornershop import logs
from cornershop.catalogue import CATALOGUE
from cornershop.client import CallFailedError, CallTimeoutError, Peer, new_trace
from cornershop.layout import Shop
from cornershop.process import Process

# Visits a second at speed 1: 7, of which two are orders.
VISITS = 7.0
SHARES = {"home": 0.2, "product": 0.515, "checkout": 0.285}
WORKERS = 24
# Customers who find everybody else waiting already go away, as real ones do.
PATIENCE = 48
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36",
)


class Customers:
    """Makes the visits up, and makes them."""

    def __init__(self, shop: Shop) -> None:
        self._random = random.Random(shop.plan.seed)  # noqa: S311 - nothing secret
        self._shops = [Peer("storefront", shop.port("storefront"), 15.0, agent) for agent in AGENTS]
        self._skus = [row[0] for row in CATALOGUE]
        self._lock = threading.Lock()
        self.results: dict[str, int] = {}
        self.waiting = 0

    def pause(self, speed: float) -> float:
        """Seconds until the next visit: exponential, as independent customers come."""
        return self._random.expovariate(VISITS * speed)

    def next_visit(self) -> tuple[str, str, dict[str, object], Peer]:
        """What the next customer does: kind, customer id, body of the order, browser."""
        kind = self._random.choices(list(SHARES), weights=list(SHARES.values()))[0]
        customer = f"c-{self._random.randint(20_000, 20_400)}"
        skus = self._random.sample(self._skus, k=self._random.choice((1, 1, 2, 3)))
        lines = [{"sku": sku, "quantity": self._random.choice((1, 1, 1, 2))} for sku in skus]
        return kind, customer, {"customer_id": customer, "lines": lines}, self._random.choice(self._shops)

    def visit(self, kind: str, customer: str, order: dict[str, object], browser: Peer) -> None:
        """Make one visit and count how it ended."""
        logs.trace_id.set(new_trace())
        try:
            if kind == "checkout":
                status = str(browser.post("/checkout", order, X_Customer=customer).status)
            else:
                lines = order["lines"]
                sku = lines[0]["sku"] if isinstance(lines, list) else ""
                status = str(browser.get("/" if kind == "home" else f"/product/{sku}", X_Customer=customer).status)
        except CallTimeoutError:
            status = "no answer"
        except CallFailedError:
            status = "not reached"
        with self._lock:
            self.waiting -= 1
            self.results[f"{kind} {status}"] = self.results.get(f"{kind} {status}", 0) + 1

    def come(self, pool: ThreadPoolExecutor) -> None:
        """Send the next customer in, unless too many wait already."""
        visit = self.next_visit()
        with self._lock:
            if self.waiting >= PATIENCE:
                self.results["went away"] = self.results.get("went away", 0) + 1
                return
            self.waiting += 1
        pool.submit(self.visit, *visit)

    def take_results(self) -> dict[str, int]:
        """How the visits since the last call ended."""
        with self._lock:
            results, self.results = self.results, {}
        return dict(sorted(results.items()))


def run(shop: Shop) -> None:
    """Send customers until SIGTERM."""
    log = logs.open_log("traffic", shop.log("traffic"), "text")
    process = Process(log)
    customers = Customers(shop)
    process.every(30.0, lambda: logs.info(log, f"visits: {customers.take_results()}"))
    threading.Thread(target=_send, args=(shop, process, customers), daemon=True).start()
    process.serve()


def _send(shop: Shop, process: Process, customers: Customers) -> None:
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="customer")
    due = time.monotonic()
    for _ in itertools.count():
        # The clock, and not the last visit's end, says when the next customer comes: a slow shop gets no relief.
        due += customers.pause(shop.plan.speed)
        if process.stop.wait(max(0.0, due - time.monotonic())):
            return
        customers.come(pool)
