"""Start the demo: the shop, Mainstay, the log agent and the mailbox, each a process, all stopped together."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from mainstay.faces.run.supervisor import die_with_parent

HERE = Path(__file__).parent
RESPONDER = "ana@shop.example"
# Which remedy the command "demo remedy" arms.
REMEDY = "provider-timeout"
# Where the shop keeps its data, below its directory.
SHOP_DATABASES = {name: f"data/{name}.db" for name in ("orders", "payments", "stock")}


class DemoError(Exception):
    """The demo cannot be started; the text says why and what to do."""


@dataclass(frozen=True)
class Places:
    """Where the demo keeps things and listens."""

    home: Path
    port: int
    shop_port: int
    smtp_port: int
    mail_port: int

    @property
    def data(self) -> Path:
        """Mainstay's data directory."""
        return self.home / "mainstay"

    @property
    def shop(self) -> Path:
        """The shop's directory."""
        return self.home / "shop"

    @property
    def token(self) -> Path:
        """The file with the token that the shop's tools send with."""
        return self.home / "intake-token"

    @property
    def url(self) -> str:
        """Mainstay's address."""
        return f"http://127.0.0.1:{self.port}"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def places(home: Path, port: int, shop_port: int) -> Places:
    """The places of a demo, the same ones again when it was started before."""
    known = home / "demo.json"
    if known.exists():
        return Places(home, **json.loads(known.read_text(encoding="utf-8")))
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    smtp, mail = free_ports(2)
    ports = {"port": port, "shop_port": shop_port, "smtp_port": smtp, "mail_port": mail}
    known.write_text(json.dumps(ports), encoding="utf-8")
    return Places(home, **ports)


def environment(where: Places) -> dict[str, str]:
    """What Mainstay's processes are told."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAINSTAY_")}
    return {
        **own,
        "MAINSTAY_DATA": str(where.data),
        "MAINSTAY_LISTEN": f"127.0.0.1:{where.port}",
        "MAINSTAY_OUTGOING_PRIVATE": "127.0.0.1",
        "MAINSTAY_SMTP_HOST": "127.0.0.1",
        "MAINSTAY_SMTP_PORT": str(where.smtp_port),
        "MAINSTAY_SMTP_SECURITY": "none",
        "MAINSTAY_SMTP_FROM": "mainstay@shop.example",
        "MAINSTAY_SCRAPE_INTERVAL": "5",
        "MAINSTAY_DRILL_SHOP": str(where.shop),
        "MAINSTAY_DEFAULT_TIMEZONE": "Europe/Berlin",
        # Whoever tries it breaks a thing twice, and seldom three times.
        "MAINSTAY_PROBLEM_RECURRENCES": "2",
    }


def mainstay(where: Places, *words: str, quiet: bool = False) -> str:
    """Run a command of Mainstay on the demo's data and return what it printed."""
    command = [sys.executable, "-m", "mainstay", *words]
    done = subprocess.run(command, env=environment(where), capture_output=True, text=True, check=False)
    if done.returncode and not quiet:
        raise DemoError(f"'mainstay {' '.join(words)}' failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


def configuration(where: Places) -> str:
    """The shop's configuration with the addresses that this demo uses."""
    text = (HERE / "shop.yaml").read_text(encoding="utf-8")
    names = ("storefront", "orders", "payments", "stock", "settlement")
    for place, name in enumerate(names):
        text = text.replace(f"http://{name}.shop.example", f"http://127.0.0.1:{where.shop_port + place}")
    document = yaml.safe_load(text)
    document["targets"] = [
        {"key": name, "url": f"http://127.0.0.1:{where.shop_port + place}/metrics", "service": name, "interval": "2s"}
        for place, name in enumerate(names)
    ]
    document["connections"] = [
        {
            "key": name,
            "name": f"{name.capitalize()} database",
            "dialect": "sqlite",
            "address": str((where.shop / path).absolute()),
            "services": [name],
        }
        for name, path in SHOP_DATABASES.items()
    ]
    places = {"/srv/shop/receipts": where.shop / "data" / "receipts", "/srv/shop": where.shop}
    for book in document["runbooks"]:
        for name, path in places.items():
            book["text"] = book["text"].replace(name, str(path.absolute()))
    document["configurations"][0]["files"] = [str((where.shop / "config" / "*.json").absolute())]
    document["checks"][0]["env"] = {"SHOP": f"http://127.0.0.1:{where.shop_port}/"}
    document["services"][0]["links"] = {"Shop": f"http://127.0.0.1:{where.shop_port}/"}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def prepare(where: Places) -> None:
    """Make the installation, once: admin, token, configuration."""
    if where.token.exists():
        return
    mainstay(where, "init", "--admin", RESPONDER, "--name", "Ana Ruiz")
    file = where.home / "shop.yaml"
    file.write_text(configuration(where), encoding="utf-8")
    mainstay(where, "apply", str(file))
    token = mainstay(where, "token", "create", "--name", "corner shop", "--scope", "intake")
    where.token.touch(mode=0o600)
    where.token.write_text(token, encoding="utf-8")


class Demo:
    """All processes of the demo."""

    def __init__(self, where: Places, say: Callable[[str], None]) -> None:
        self._where, self._say = where, say
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._stopping = False

    def _start(self, name: str, command: Sequence[str], env: dict[str, str]) -> None:
        log = (self._where.home / f"{name}.log").open("ab")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
            )
        self._children.append((name, process))

    def run(self) -> int:
        """Start everything, say where it is, and wait to be told to stop."""
        where = self._where
        _check_ports(where)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        env = environment(where)
        try:
            box = ["mainstay.faces.demo", str(where.home / "mail"), str(where.smtp_port), str(where.mail_port)]
            self._start("mailbox", box, env)
            self._start(
                "shop", ["cornershop", "up", "--dir", str(where.shop), "--base-port", str(where.shop_port)], env
            )
            prepare(where)
            self._start("mainstay", ["mainstay", "up"], env)
            self._start_agent(env)
            link = mainstay(where, "person", "link", RESPONDER)
            self._wait("Mainstay", lambda: _answers(where.port))
            self._wait("the shop", (where.shop / "shop.json").exists)
            self._greet(link)
            while not self._stopping:
                self._look()
                time.sleep(0.3)
        finally:
            self._stop()
        return 0

    def _start_agent(self, env: dict[str, str]) -> None:
        logs = self._where.shop / "logs"
        files = {
            "storefront": "storefront*.log",
            "orders": "orders.log",
            "payments": "payments.log",
            "stock": "stock.log",
            "settlement": "settlement.log",
        }
        command = ["mainstay", "tail", "--to", self._where.url, "--token-file", str(self._where.token)]
        command += ["--checkpoint", str(self._where.home / "tail.json")]
        self._start("tail", [*command, *(f"{name}={logs / pattern}" for name, pattern in files.items())], env)

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not ready():
            self._look()
            if time.monotonic() > deadline:
                raise DemoError(f"{what} does not come up; see the logs in {self._where.home}")
            time.sleep(0.1)

    def _look(self) -> None:
        for name, process in self._children:
            if process.poll() is not None and not self._stopping:
                log = self._where.home / f"{name}.log"
                raise DemoError(f"{name} ended with {process.returncode}; its last words are in {log}")

    def _greet(self, link: str) -> None:
        where = self._where
        for line in (
            "",
            "The demo runs. Everything you see in it is live.",
            "",
            f"  Sign in, once, as Ana:    {link}",
            f"  Mainstay:                 {where.url}",
            f"  Mailbox of who is paged:  http://127.0.0.1:{where.mail_port}",
            f"  The shop itself:          http://127.0.0.1:{where.shop_port}",
            "",
            f"  Break something:          {_command()} demo break payment-timeouts",
            f"  See what can be broken:   {_command()} demo break",
            f"  Make it whole again:      {_command()} demo heal",
            "",
            f"Ctrl-C stops it all. A new sign-in link: {_command()} demo link. To begin afresh, delete {where.home}.",
        ):
            self._say(line)

    def _end(self, *_: object) -> None:
        self._stopping = True

    def _stop(self) -> None:
        for _, process in reversed(self._children):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 20
        for _, process in self._children:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command() -> str:
    own = Path(sys.argv[0])
    if shutil.which("mainstay") == str(own.absolute()):
        return "mainstay"
    return os.path.relpath(own) if own.name == "mainstay" else "python -m mainstay"


def _answers(port: int) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _check_ports(where: Places) -> None:
    for port, flag in ((where.port, "--port"), (where.shop_port, "--shop-port")):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise DemoError(
                    f"port {port} is in use; stop what uses it, or delete {where.home} and name another with {flag}"
                ) from None
