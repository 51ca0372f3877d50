"""`cornershop up`: starts the processes, starts again what dies, and takes everything down at the end."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cornershop.layout import PROCESSES, SERVICES, WITH_DATABASE, Shop, ShopError, read_json, write_json
from cornershop.logs import iso
from cornershop.process import PARENT_VARIABLE
from cornershop.services import JOBS

READY_SECONDS = 15.0
STOP_SECONDS = 4.0
TICK_SECONDS = 0.2
# A process that dies sooner than this after its start is started again only after a pause of the same length.
YOUNG_SECONDS = 1.0


class Supervisor:
    """The processes of one shop. Single-threaded on purpose: PDEATHSIG follows the thread that started a child."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Run in the foreground until SIGTERM or SIGINT; raises ShopError when the shop cannot be started."""
        self.shop.prepare()
        with (self.shop.root / "state" / "up.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ShopError(f"a shop is running in {self.shop.root} already; stop it first") from None
            # One may be left over from a supervisor that was killed.
            self.shop.shop_json.unlink(missing_ok=True)
            _check_ports(self.shop)
            for signum in (signal.SIGTERM, signal.SIGINT):
                signal.signal(signum, self._stop)
            try:
                self._start_all()
                while not self._stopping:
                    self._tick()
                    time.sleep(TICK_SECONDS)
            finally:
                self._stop_all()
                self.shop.shop_json.unlink(missing_ok=True)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _start_all(self) -> None:
        begun = time.monotonic()
        for name in PROCESSES:
            self._start(name)
        waiting = set(SERVICES)
        while waiting and not self._stopping:
            dead = [name for name, child in self._children.items() if child.poll() is not None]
            if dead or time.monotonic() - begun > READY_SECONDS:
                who = ", ".join(dead or sorted(waiting))
                raise ShopError(f"did not start: {who}; see {self.shop.root / 'logs'}")
            waiting = {name for name in waiting if not healthy(self.shop, name)}
            time.sleep(0.05)
        self._write_down()
        print(f"the shop is open: {self.shop.url('storefront')}/ ({time.monotonic() - begun:.1f} s)", flush=True)

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "cornershop", "run", name, "--dir", str(self.shop.root)]
        environment = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
        self._children[name] = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
        self._started[name] = time.monotonic()

    def _tick(self) -> None:
        changed = self._run_jobs()
        for name in PROCESSES:
            child = self._children[name]
            young = time.monotonic() - self._started[name] < YOUNG_SECONDS
            if child.poll() is not None and not young:
                print(f"{iso()} {name} (pid {child.pid}) ended with {child.returncode}, starting it again", flush=True)
                self._start(name)
                changed = True
        if changed:
            self._write_down()

    def _run_jobs(self) -> bool:
        """Start jobs that are asked for, stop those no longer wanted; a job that was killed is done with."""
        changed = False
        for name in JOBS:
            wanted = self.shop.job(name).exists()
            child = self._children.get(name)
            if child is None and wanted:
                self._start(name)
                changed = True
            elif child is not None and child.poll() is not None:
                self.shop.job(name).unlink(missing_ok=True)
                del self._children[name]
                changed = True
            elif child is not None and not wanted:
                child.terminate()
        return changed

    def _write_down(self) -> None:
        write_json(self.shop.shop_json, describe(self.shop, {n: c.pid for n, c in self._children.items()}))

    def _stop_all(self) -> None:
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def describe(shop: Shop, pids: dict[str, int]) -> dict[str, Any]:
    """What shop.json says: for people and for the monitoring that is pointed at this shop."""
    services = {
        name: {
            "pid": pids.get(name),
            "port": shop.port(name),
            "url": shop.url(name),
            "metrics": None if name == "provider" else f"{shop.url(name)}/metrics",
            "healthz": f"{shop.url(name)}/healthz",
            "log": str(shop.log(name)),
            "database": str(shop.database(name)) if name in WITH_DATABASE else None,
            "config": str(shop.config_path(name)),
        }
        for name in SERVICES
    }
    services["storefront"] |= {"tls_port": shop.tls_port, "error_log": str(shop.log("storefront-error"))}
    others = {name: {"pid": pid, "log": str(shop.log(name))} for name, pid in pids.items() if name == "traffic"}
    jobs = {name: {"pid": pid} for name, pid in pids.items() if name in JOBS}
    return {"supervisor_pid": os.getpid(), "since": iso(), "services": services, "others": others, "jobs": jobs}


def healthy(shop: Shop, service: str) -> bool:
    """Whether a service answers its health check."""
    try:
        with urllib.request.urlopen(f"{shop.url(service)}/healthz", timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def restart(shop: Shop, service: str) -> None:
    """Stop one process and wait until the supervisor has it up again; raises ShopError when that takes too long."""
    if service in JOBS:
        raise ShopError(f"{service} is a job that runs once; to stop it: kill {_pid(shop, service)}")
    old = _pid(shop, service)
    os.kill(old, signal.SIGTERM)
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if _pid(shop, service) != old and (service not in SERVICES or healthy(shop, service)):
            return
        time.sleep(0.1)
    raise ShopError(f"{service} did not come back within {READY_SECONDS:.0f} s; see {shop.log(service)}")


def require_running(shop: Shop) -> dict[str, Any]:
    """shop.json of a running shop; raises ShopError when it does not run."""
    if not shop.shop_json.exists() or not _is_locked(shop.root / "state" / "up.lock"):
        raise ShopError(f"the shop in {shop.root} does not run; start it with: cornershop up --dir {shop.root}")
    return read_json(shop.shop_json)


def _is_locked(path: Path) -> bool:
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _pid(shop: Shop, service: str) -> int:
    running = require_running(shop)
    known = {**running["services"], **running["others"], **running["jobs"]}
    if service not in known:
        raise ShopError(f"no such process: {service}; there are: {', '.join(known)}")
    return int(known[service]["pid"])


def _check_ports(shop: Shop) -> None:
    for name, port in [*((name, shop.port(name)) for name in SERVICES), ("storefront, HTTPS", shop.tls_port)]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as failure:
                raise ShopError(
                    f"port {port} ({name}) cannot be used: {failure.strerror}; choose others with --base-port"
                ) from failure
