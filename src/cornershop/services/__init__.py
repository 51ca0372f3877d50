"""The processes of the shop, each a module with `run(shop)`."""

import importlib
from pathlib import Path

from cornershop.layout import PROCESSES, Shop, ShopError

JOBS = ("orders-report", "ledger-export")


def run(name: str, root: Path) -> None:
    """Be one process of the shop until SIGTERM. Imports only what that process needs, to stay small."""
    if name in PROCESSES:
        importlib.import_module(f"cornershop.services.{name}").run(Shop.load(root))
    elif name in JOBS:
        importlib.import_module("cornershop.services.jobs").run(Shop.load(root), name)
    else:
        raise ShopError(f"no such process: {name}; there are: {', '.join((*PROCESSES, *JOBS))}")
