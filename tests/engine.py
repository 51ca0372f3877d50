"""A real telemetry engine for tests in this process's data directory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mainstay.core.settings import current
from mainstay.observe.telemetry import client, schema
from mainstay.observe.telemetry import services as telemetry


@contextmanager
def running() -> Iterator[None]:
    """The engine runs in a process of its own, with empty tables; it is gone afterwards."""
    place = current().data_dir / "run" / "engine.json"
    process = subprocess.Popen([sys.executable, "-m", "mainstay", "engine"], env=dict(os.environ))
    try:
        deadline = time.monotonic() + 30
        while not place.exists():
            assert process.poll() is None, "the engine ends at once"
            assert time.monotonic() < deadline, "the engine does not start"
            time.sleep(0.02)
        client.forget()
        telemetry.prepare()
        # What other tests left in the spool goes as well.
        settle()
        empty()
        yield
    finally:
        process.terminate()
        process.wait(15)
        place.unlink(missing_ok=True)
        client.forget()


def empty() -> None:
    """Empty all tables."""
    for table in schema.TABLES:
        client.connect().command(f"TRUNCATE TABLE {table}")


def settle() -> None:
    """Move everything that waits in the spool into the engine."""
    assert telemetry.spool().take_lock()
    while telemetry.drain_once().rows:
        continue
