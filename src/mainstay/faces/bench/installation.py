"""A throw-away installation: real processes in a temporary directory, and a mail server that notes when mail came."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from mainstay.core import settings as conf
from mainstay.core.ids import new_id


class InstallationError(Exception):
    """The installation does not come up; the text has its last words."""


@dataclass
class Mail:
    """One mail as the server got it."""

    at: float
    to: str
    message_id: str
    subject: str
    body: str


@dataclass
class MailServer:
    """Takes every mail. ``delay`` seconds pass before it answers."""

    mails: list[Mail] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one mail."""
        del server, session
        text = envelope.content.decode("utf-8", "replace").replace("\r\n", "\n")
        head, _, body = text.partition("\n\n")
        head = head.replace("\n ", " ")
        self.mails.append(
            Mail(time.time(), envelope.rcpt_tos[0], _header(head, "Message-ID"), _header(head, "Subject"), body)
        )
        return "250 taken"


def _header(head: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)$", head, re.MULTILINE | re.IGNORECASE)
    return found.group(1).strip() if found else ""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_database() -> dict[str, str]:
    """A new database on the server that ``BENCH_POSTGRES`` names; without it there is SQLite.

    The database stays there for whoever wants to look; the server is meant to be thrown away.
    """
    server = os.environ.get("BENCH_POSTGRES")
    if not server:
        return {}
    import psycopg

    name = f"bench_{new_id()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return {"DATABASE_URL": f"{server.rpartition('/')[0]}/{name}"}


class Installation:
    """Mainstay in a directory of its own."""

    def __init__(self, home: Path, smtp_port: int, settings: Mapping[str, str] | None = None) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {name: value for name, value in os.environ.items() if not name.startswith("MAINSTAY_")}
        given = {
            "DATA": str(home / "data"),
            "LISTEN": f"127.0.0.1:{self.port}",
            "OUTGOING_PRIVATE": "127.0.0.1",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(smtp_port),
            "SMTP_SECURITY": "none",
            "SMTP_FROM": "mainstay@bench.example",
            **new_database(),
            **(settings or {}),
        }
        self.env = {**own, **{f"MAINSTAY_{name}": value for name, value in given.items()}}
        self.token = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.log = home / "mainstay.log"

    def command(self, *words: str, stdin: str | None = None) -> str:
        """Run a command of Mainstay on this installation and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "mainstay", *words],
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise InstallationError(f"mainstay {' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout.strip()

    def prepare(self, configuration: str) -> None:
        """Make the database, a token and the configuration."""
        self.command("init", "--admin", "ana@bench.example", "--name", "Ana")
        file = self.home / "bench.yaml"
        file.write_text(configuration, encoding="utf-8")
        self.command("apply", str(file))
        self.token = self.command("token", "create", "--name", "bench", "--scope", "write")

    def up(self, within: float = 60.0) -> float:
        """Start the processes and return the seconds until they answered."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mainstay", "up"],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while time.monotonic() - began < within:
            if self.process.poll() is None and self.answers() and self._engine_answers():
                return time.monotonic() - began
            time.sleep(0.05)
        raise InstallationError(f"not ready within {within:.0f} s:\n{self.log.read_text()[-2000:]}")

    def answers(self) -> bool:
        """Whether the web process answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:  # noqa: S310 - own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _engine_answers(self) -> bool:
        if self.env.get("MAINSTAY_ENGINE_URL"):
            return True  # Not ours to wait for.
        try:
            place = json.loads((self.home / "data" / "run" / "engine.json").read_text(encoding="utf-8"))
            with urllib.request.urlopen(f"http://127.0.0.1:{place['port']}/ping", timeout=1) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError):
            return False

    def post(self, path: str, body: Any, timeout: float = 30.0) -> int:
        """Post JSON and return the status; 0 when nobody answered."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode(), headers)  # noqa: S310 - own
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - own address
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except (urllib.error.URLError, OSError):
            return 0

    def get(self, path: str) -> Any:
        """The JSON that a route of the API answers with."""
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {self.token}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - own address
            return json.load(answer)

    def sql(self, statement: str) -> list[list[Any]]:
        """Rows straight from the engine, as an operator with its password would read them."""
        place = json.loads((self.home / "data" / "run" / "engine.json").read_text(encoding="utf-8"))
        password = (self.home / "data" / "keys" / "engine").read_text(encoding="ascii")
        request = urllib.request.Request(
            f"http://127.0.0.1:{place['port']}/?default_format=JSONCompact",
            statement.encode(),
            {"X-ClickHouse-User": "mainstay", "X-ClickHouse-Key": password},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - own address
            return list(json.load(answer)["data"])

    def spool_waits(self) -> bool:
        """Whether something that was acknowledged is not in the engine yet."""
        spool = self.home / "data" / "spool"
        return any(spool.glob("*.batch")) or any((spool / "groups").iterdir())

    def pids(self) -> dict[str, int]:
        """The processes by role."""
        found: dict[str, int] = {}
        if self.process is None:
            return found
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
                words = (path.parent / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == self.process.pid and len(words) >= 4:
                found[words[3].decode()] = int(path.parent.name)
        return found

    def stop(self) -> int:
        """Stop it as an operator would, and return the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def installation(
    configuration: str, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[Installation, MailServer]]:
    """An installation that is ready to be started, with its mail server; all of it is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="mainstay-bench-"))
    server = MailServer(port=free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    here = Installation(home, server.port, settings)
    try:
        here.prepare(configuration)
        yield here, server
    finally:
        here.stop()
        controller.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def own_database(**settings: str) -> Iterator[None]:
    """Django on a fresh SQLite database in a directory that is thrown away, whatever this installation uses."""
    with tempfile.TemporaryDirectory(prefix="mainstay-bench-") as place:
        conf.use(conf.load({"data": place, "database_url": "", **settings}))
        os.environ["DJANGO_SETTINGS_MODULE"] = "mainstay.core.django_settings"
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        yield
        connections.close_all()


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that was measured, not one between two."""
    ordered = sorted(values)
    return ordered[min(max(int(-(-share * len(ordered) // 1)) - 1, 0), len(ordered) - 1)]
