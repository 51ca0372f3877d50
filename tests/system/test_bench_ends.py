"""A measurement that is told to end leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts import until

pytestmark = pytest.mark.once


def test_what_a_measurement_started_ends_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mainstay", "bench", "idle", "--seconds", "60"]
    process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL)
    try:
        until("the engine", lambda: list(tmp_path.glob("mainstay-bench-*/data/run/engine.json")), 120)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    finally:
        process.kill()
    assert list(tmp_path.iterdir()) == []
