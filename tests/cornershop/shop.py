"""A real shop on free ports, and eyes to watch it with."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from prometheus_client.parser import text_string_to_metric_families

from cornershop.layout import SERVICES, TLS_OFFSET

SOURCE = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error"}
for name in ("CORNERSHOP_CHANGE_URL", "CORNERSHOP_CHANGE_TOKEN_FILE"):
    ENVIRONMENT.pop(name, None)

Samples = dict[str, list[tuple[str, dict[str, str], float]]]


def free_base_port() -> int:
    """A base port whose whole range is free; workers of a parallel run look in ranges of their own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = 24_000 + worker * 1_000 + os.getpid() % 40 * 20
    for base in range(start, start + 8_000, 20):
        if all(_is_free(base + offset) for offset in (*range(len(SERVICES)), TLS_OFFSET)):
            return base
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def cornershop(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [sys.executable, "-m", "cornershop", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)


def until(what: str, condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Poll until the condition holds and return what it gave; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


class Running:
    """One `cornershop up`."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.base = free_base_port()
        self.began = time.monotonic()
        root.mkdir(parents=True, exist_ok=True)
        self._output: IO[bytes] = (root / "up.out").open("wb")
        command = [sys.executable, "-m", "cornershop", "up", "--dir", str(root), "--base-port", str(self.base)]
        self.process = subprocess.Popen(
            [*command, *arguments], env=ENVIRONMENT, stdout=self._output, stderr=subprocess.STDOUT
        )
        until("shop.json", self._ready)

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.output()
        # After a kill -9 there may be an old one.
        return (self.root / "shop.json").exists() and self.info()["supervisor_pid"] == self.process.pid

    def output(self) -> str:
        """What `up` and its children wrote."""
        return (self.root / "up.out").read_text()

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop it and return the exit status."""
        self.process.send_signal(signum)
        status = self.process.wait(10)
        self._output.close()
        return status

    def info(self) -> dict[str, Any]:
        """shop.json."""
        value: dict[str, Any] = json.loads((self.root / "shop.json").read_text())
        return value

    def pids(self) -> list[int]:
        """Of all children."""
        info = self.info()
        return [at["pid"] for group in ("services", "others", "jobs") for at in info[group].values()]

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command against this shop."""
        return cornershop(name, *arguments, "--dir", str(self.root))

    def log(self, name: str) -> str:
        """The text of a log file."""
        path = self.root / "logs" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def get(self, service: str, path: str) -> bytes:
        """GET from a service."""
        url = f"{self.info()['services'][service]['url']}{path}"
        with urllib.request.urlopen(url, timeout=5) as response:
            body: bytes = response.read()
        return body

    def scrape(self) -> Samples:
        """The samples of all services."""
        samples: Samples = {}
        for service in SERVICES[:-1]:
            families = text_string_to_metric_families(self.get(service, "/metrics").decode())
            samples[service] = [(s.name, s.labels, s.value) for family in families for s in family.samples]
        return samples


def total(samples: Samples, service: str, metric: str, **labels: str) -> float:
    """The sum over the series of a metric whose labels match the given patterns."""
    return sum(
        value
        for name, have, value in samples[service]
        if name == metric and all(re.fullmatch(pattern, have.get(key, "")) for key, pattern in labels.items())
    )


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
