"""``mainstay up``: start web, worker and engine, start again what dies, stop all of it cleanly.

It does no work of its own and loads nothing of Django, so that it has next to nothing to fail on.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mainstay.core.settings import Loaded

STOP_AFTER = 12.0
READY_WITHIN = 60.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class SupervisorError(Exception):
    """The processes cannot be started; the text says why and what to do."""


def die_with_parent() -> None:
    """Runs in the child: the kernel stops it when the supervisor is gone, however that ended."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process that must be running."""

    role: str
    env: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    failures: int = 0
    again_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mainstay", self.role],
            env=self.env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
        )

    def look(self, say: Callable[[str], None]) -> None:
        """Start it again if it has ended; at once the first time, later with growing pauses."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            lived = now - self.started
            self.failures = 0 if lived > 60 else self.failures + 1
            pause = 0.0 if self.failures <= 1 else min(0.25 * 2 ** (self.failures - 2), 10.0)
            say(f"{self.role} ended with {self.process.returncode} after {lived:.0f} s; starting it again")
            self.process, self.again_at = None, now + pause
        if self.process is None and now >= self.again_at:
            self.start()


class Supervisor:
    """The processes of one data directory."""

    def __init__(self, conf: Loaded, roles: tuple[str, ...]) -> None:
        self._conf = conf
        # Flags reach the children through their environment; secrets are no flags, so none is among them.
        flags = {
            f"MAINSTAY_{name.upper()}": conf.as_text(name)
            for name, where in conf.origins.items()
            if where.startswith("flag")
        }
        env = self._env = {**os.environ, **flags, "MAINSTAY_DATA": str(conf.data_dir)}
        self.children = [Child(role, env) for role in roles]
        self._stopping = False

    def run(self, ready: Callable[[], None]) -> int:
        """Supervise until told to stop. ``ready`` is called once, when all of it answers."""
        self._conf.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self._lock(self._conf.data_dir / ".supervisor")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        engine = [child for child in self.children if child.role == "engine"]
        rest = [child for child in self.children if child.role != "engine"]
        for child in engine:
            (self._conf.data_dir / "run" / "engine.json").unlink(missing_ok=True)
            child.start()
        code = subprocess.run([sys.executable, "-m", "mainstay", "migrate"], env=self._env, check=False).returncode
        if code:
            self._stop_all()
            raise SupervisorError(f"the database could not be prepared (exit code {code}); see the lines above")
        for child in rest:
            child.start()
        told, deadline = False, time.monotonic() + READY_WITHIN
        while not self._stopping:
            for child in self.children:
                child.look(self._say)
            if not told and self._answers():
                told = True
                ready()
            if not told and time.monotonic() > deadline:
                self._say("still not ready; see the lines above for what fails")
                deadline = time.monotonic() + READY_WITHIN
            time.sleep(0.1)
        self._stop_all()
        os.close(lock)
        return 0

    def _lock(self, path: Path) -> int:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SupervisorError(
                f"another 'mainstay up' runs on {path.parent}; stop it, or name another --data"
            ) from None
        return handle

    def _end(self, *_: object) -> None:
        self._stopping = True

    def _answers(self) -> bool:
        if "web" not in {child.role for child in self.children}:
            return True
        host, _, port = str(self._conf.listen).rpartition(":")
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _stop_all(self) -> None:
        """Web first, so that nothing new comes in; the engine last, so that the others can still write to it."""
        deadline = time.monotonic() + STOP_AFTER
        for role in ("web", "worker", "engine"):
            for child in self.children:
                process = child.process
                if child.role != role or process is None or process.poll() is not None:
                    continue
                process.terminate()
                try:
                    process.wait(max(deadline - time.monotonic(), 0.5))
                except subprocess.TimeoutExpired:
                    self._say(f"{role} does not stop; killing it")
                    process.kill()
                    process.wait()

    def _say(self, text: str) -> None:
        print(f"mainstay: {text}", file=sys.stderr, flush=True)
