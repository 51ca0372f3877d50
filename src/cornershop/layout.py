"""Where everything of one running shop lives: ports, files, and the settings it was started with."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# The position in this tuple is the offset from the base port.
SERVICES = ("storefront", "orders", "payments", "stock", "settlement", "provider")
PROCESSES = (*SERVICES, "traffic")
WITH_DATABASE = ("orders", "payments", "stock", "settlement")
TLS_OFFSET = 10
GOOD_VERSION = "4.1.7"
BAD_VERSION = "4.1.8"

# What a freshly made shop is configured with. A service watches its own file, so an edit is live within a second.
CONFIG_DEFAULTS: dict[str, dict[str, Any]] = {
    "storefront": {"keep_visitor_pages": False, "keep_visitor_pages_max_mb": 300},
    "orders": {"retry_fulfilment_seconds": 1.0},
    "payments": {"provider_timeout_ms": 2000, "receipts_quota_mb": 20},
    "stock": {"replenish_below": 50, "replenish_to": 500},
    "settlement": {"currency": "EUR"},
    "provider": {"answering": "normal", "amount_format": "decimal"},
    "releases": dict.fromkeys(SERVICES, GOOD_VERSION),
}


class ShopError(Exception):
    """Something the person at the keyboard can put right; the message says how."""


@dataclass(frozen=True)
class Plan:
    """The settings one `cornershop up` was started with."""

    base_port: int = 18080
    speed: float = 1.0
    settlement_every: float = 60.0
    seed: int = 11


@dataclass(frozen=True)
class Shop:
    """One shop directory and the plan it runs by."""

    root: Path
    plan: Plan = field(default_factory=Plan)

    @classmethod
    def load(cls, root: Path) -> "Shop":
        """The shop in `root` as it was last started; raises ShopError when none ever was."""
        path = root / "state" / "plan.json"
        if not path.exists():
            raise ShopError(f"there is no shop in {root}; start one with: cornershop up --dir {root}")
        return cls(root.resolve(), Plan(**read_json(path)))

    def prepare(self) -> None:
        """Make the directories, the configuration files that are missing, and write the plan down."""
        for name in ("config", "state/jobs", "data/receipts", "logs", "tls"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name, values in CONFIG_DEFAULTS.items():
            if not self.config_path(name).exists():
                write_json(self.config_path(name), values)
        write_json(self.root / "state" / "plan.json", asdict(self.plan))

    def port(self, service: str) -> int:
        """The TCP port of a service on 127.0.0.1."""
        return self.plan.base_port + SERVICES.index(service)

    @property
    def tls_port(self) -> int:
        """The storefront's HTTPS port."""
        return self.plan.base_port + TLS_OFFSET

    def url(self, service: str) -> str:
        """The base address of a service, without a slash at the end."""
        return f"http://127.0.0.1:{self.port(service)}"

    def database(self, service: str) -> Path:
        """The SQLite file of a service."""
        return self.root / "data" / f"{service}.db"

    def log(self, service: str) -> Path:
        """The log file of a service (the access log, for the storefront)."""
        return self.root / "logs" / f"{service}.log"

    def config_path(self, name: str) -> Path:
        """The configuration file of a service, or `releases`."""
        return self.root / "config" / f"{name}.json"

    def job(self, name: str) -> Path:
        """The request file of an extra job: while it exists the supervisor runs that job."""
        return self.root / "state" / "jobs" / f"{name}.json"

    @property
    def receipts(self) -> Path:
        """Where payments writes its receipts."""
        return self.root / "data" / "receipts"

    @property
    def ledger_lock(self) -> Path:
        """The file whose lock guards the ledger."""
        return self.root / "data" / "ledger.lock"

    @property
    def certificate(self) -> Path:
        """The storefront's certificate, with its key in the same PEM file."""
        return self.root / "tls" / "storefront.pem"

    @property
    def shop_json(self) -> Path:
        """Written by the supervisor once all services answer."""
        return self.root / "shop.json"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file."""
    value = json.loads(path.read_text())
    if not isinstance(value, dict):
        raise ShopError(f"{path} must hold a JSON object")
    return value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a file in one step, so that a service reading it never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    temporary.replace(path)
