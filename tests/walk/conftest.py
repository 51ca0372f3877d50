"""The demo, running: the shop, Mainstay, the agent and the mailbox."""

import email
import email.policy
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from mainstay.faces.bench.installation import free_port
from mainstay.faces.demo import run as demo
from tests.parts import need, until
from tests.web.serve import FLAGS


@dataclass
class Running:
    """The demo as a person has it: its directory, its address, its commands."""

    home: Path
    url: str
    link: str
    token: str

    def command(self, *words: str) -> str:
        """Run ``mainstay demo …``."""
        command = [sys.executable, "-m", "mainstay", "demo", *words, "--dir", str(self.home)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, *words: str, quiet: bool = False) -> str:
        """Run a command of Mainstay on the demo's installation; with ``quiet`` its exit code may be any."""
        where = demo.places(self.home, 0, 0)
        return demo.mainstay(where, *words, quiet=quiet)

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """Alerts or incidents, by the API: what is looked at again and again must not cost a process each time."""
        found: list[dict[str, Any]] = self.get(f"{kind}?limit=200")[kind]
        return found

    def get(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the API answers; with a body it is a POST."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data=sent, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def resolve_all(self) -> None:
        """End what earlier walks left open, which a new alert of the same services would join."""
        for row in self.listed("incidents"):
            if row["state"] != "resolved":
                self.ask("resolve", row["ref"], "--cause", "An earlier walk")

    def mails(self) -> list[EmailMessage]:
        """What is in the mailbox, oldest first."""
        paths = sorted((self.home / "mail").glob("*.eml"))
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]


def _free_base() -> int:
    """A port with the ten after it free."""
    import socket

    for base in range(30_000 + os.getpid() % 200 * 20, 60_000, 20):
        try:
            for offset in (*range(6), 10):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise AssertionError("no free ports")


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("demo")
    port, log = free_port(), home.parent / "demo.out"
    command = [sys.executable, "-m", "mainstay", "demo", "up", "--dir", str(home), "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--shop-port", str(_free_base())],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        found = until("the sign-in link", lambda: re.search(r"http://\S+/welcome#\S+", log.read_text()), 120)
        token = demo.mainstay(demo.places(home, 0, 0), "token", "create", "--name", "walk", "--scope", "write")
        yield Running(home, f"http://127.0.0.1:{port}", found.group(), token)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, log.read_text()


# For a module alone: while Playwright runs, no other event loop can begin in this process.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = need("chromium")
    with sync_playwright() as play:
        one = play.chromium.launch(executable_path=path, args=list(FLAGS))
        yield one
        one.close()
