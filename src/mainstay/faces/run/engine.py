"""The engine process: chDB, one address, nothing of Django."""

import json
import os
import socket
import time
from pathlib import Path

import uvicorn

from mainstay.core.settings import current
from mainstay.observe.telemetry.client import engine_password
from mainstay.observe.telemetry.engine.app import Engine
from mainstay.observe.telemetry.engine.store import Store


def main() -> None:
    """Open the store, listen, and write down where."""
    conf = current()
    store = Store(conf.data_dir / "telemetry", conf.engine_database)
    host, _, port = str(conf.engine_listen).rpartition(":")
    listening = socket.create_server((host, int(port)))
    # Accepted sockets inherit this. Without it an answer of two packets waits 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _write_place(conf.data_dir / "run" / "engine.json", host, listening.getsockname()[1])
    config = uvicorn.Config(
        Engine(store, engine_password()),
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listening])
    store.close()


def _write_place(path: Path, host: str, port: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(
        json.dumps({"host": host, "port": port, "pid": os.getpid(), "started": time.time_ns()}), encoding="utf-8"
    )
    fresh.replace(path)
