"""A stand-in for the card acquirer: an outside company's service that the shop cannot look into."""

import logging
import random
import threading
import time

from cornershop import logs
from cornershop.config import LiveConfig
from cornershop.layout import CONFIG_DEFAULTS, Shop
from cornershop.process import Process
from cornershop.web import App, AppServer, Reply, Request, Route, reply

DECLINE_SHARE = 0.004
DEGRADED_SHARE = 0.7


class Provider:
    """Charges cards: about 38 ms each, one in 250 declined."""

    def __init__(self, config: LiveConfig, log: logging.Logger, seed: int) -> None:
        self._config = config
        self._log = log
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self._lock = threading.Lock()
        self._count = 0

    def charge(self, request: Request) -> Reply:
        """Answer as the acquirer does: the amount comes back as a decimal string in euros."""
        with self._lock:
            seconds = min(self._random.lognormvariate(-3.3, 0.32), 0.12)
            declined = self._random.random() < DECLINE_SHARE
            slow = self._random.random() < DEGRADED_SHARE
            self._count += 1
            reference = f"acq-{self._count:07d}"
        if slow and self._config["answering"] == "degraded":
            seconds += 3.0
        time.sleep(seconds)
        if declined:
            logs.info(self._log, "declined", order=request.body["order"], ref=reference)
            return reply({"result": "declined", "reason": "insufficient_funds"}, 402)
        cents = request.body["amount_cents"]
        whole = self._config["amount_format"] == "whole-euros"
        amount = str(cents // 100) if whole else f"{cents // 100}.{cents % 100:02d}"
        logs.info(self._log, f"captured {amount} EUR", order=request.body["order"], ref=reference)
        return reply({"result": "captured", "reference": reference, "amount": amount, "currency": "EUR"})


def run(shop: Shop) -> None:
    """Serve until SIGTERM."""
    log = logs.open_log("provider", shop.log("provider"), "text")
    process = Process(log)
    config = LiveConfig(shop.config_path("provider"), CONFIG_DEFAULTS["provider"])
    provider = Provider(config, log, shop.plan.seed)
    app = App("provider", "external", log, [Route("POST", "/v1/charges", provider.charge)])
    process.serve(AppServer(app, shop.port("provider")))
