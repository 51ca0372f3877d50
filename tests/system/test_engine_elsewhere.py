"""A telemetry store that Mainstay does not run: one setting leads to it, and nothing else is different."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainstay.faces.bench.installation import Installation, MailServer, installation
from tests.parts import until

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("live")]
CONFIGURATION = """
people:
  - {email: ana@bench.example, name: Ana, role: admin, contact: [{channel: mail}]}
escalation_policies:
  - {key: everything, default: true, steps: [{people: [ana@bench.example], wait: 1h}]}
rules:
  - {key: hot, name: Too hot, expr: 'temperature > 40', interval: 1s, annotations: {summary: It is too hot}}
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    """The address of a store in a process of its own, with its own data and password."""
    data = tmp_path / "elsewhere"
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAINSTAY_")}
    command = [sys.executable, "-m", "mainstay", "engine"]
    process = subprocess.Popen(command, env={**own, "MAINSTAY_DATA": str(data)})
    place = data / "run" / "engine.json"
    until("the store", place.exists)
    password = (data / "keys" / "engine").read_text(encoding="ascii")
    yield f"http://mainstay:{password}@127.0.0.1:{json.loads(place.read_text())['port']}"
    process.terminate()
    process.wait(15)


@pytest.fixture
def away(store: str) -> Iterator[tuple[Installation, MailServer]]:
    with installation(CONFIGURATION, {"ENGINE_URL": store, "ENGINE_DATABASE": "shop_watch"}) as (here, server):
        here.up()
        yield here, server


def test_a_sample_pages_and_a_line_is_found(away: tuple[Installation, MailServer]) -> None:
    here, server = away
    until("two processes", lambda: set(here.pids()) == {"web", "worker"})
    point = {"timeUnixNano": str(time.time_ns()), "asDouble": 41.5}
    metric = {"name": "temperature", "gauge": {"dataPoints": [point]}}
    assert here.post("/v1/metrics", {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}) == 200
    until("a page", lambda: [mail for mail in server.mails if "It is too hot" in mail.subject])
    assert here.post("/api/v1/logs?service=pay", [{"level": "error", "message": "order 12 failed"}]) == 202
    found = until("the line", lambda: here.get("/api/v1/logs/search?query=failed")["lines"])
    assert [(one["service"], one["level"], one["body"]) for one in found] == [("pay", "error", "order 12 failed")]
    patterns = until("its pattern", lambda: here.get("/api/v1/logs/patterns")["patterns"])
    assert [one["template"] for one in patterns] == ["order <*> failed"]
