"""Run a program: with an environment of its own, a time limit, and an end for everything that it started.

It runs as the worker's user, or as the one that ``check_user`` names, in an empty directory. It sees the variables that
its check names and nothing of the worker's. Secrets are among these variables and never arguments, which every user of
the machine can read.
"""

import contextlib
import os
import pwd
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The kernel says that a program has ended by closing its pipe; one that lives on without it is asked so often.
_LOOK = 0.05
_HIDDEN = "•••"
# Shorter ones would take words out of what a program says.
_SHORTEST_SECRET = 4
# The process groups that run now, by the number of their first process.
_live: set[int] = set()


@dataclass(frozen=True)
class Outcome:
    """What came of it. ``code`` is nothing when it was ended or could not begin; ``problem`` says why."""

    code: int | None
    output: str
    seconds: float
    problem: str = ""
    late: bool = False


@dataclass(frozen=True)
class Limits:
    """Seconds for a run, bytes of output that are kept, and the user that it runs as (empty: the worker's)."""

    seconds: float
    output: int
    user: str = ""


def run(command: Sequence[str], script: str, env: Mapping[str, str], hide: Sequence[str], limits: Limits) -> Outcome:
    """Run a command, or a script that begins with ``#!``. Never raises for what the program does."""
    began = time.monotonic()
    try:
        with _place(script, limits.user) as (directory, file):
            found = _run([str(file)] if file else list(command), directory, env, limits)
    except (OSError, ValueError) as error:
        return Outcome(None, "", time.monotonic() - began, f"it cannot be run: {error}")
    output, code, late = found
    text = output.decode("utf-8", "replace").replace("\x00", "�")
    for secret in hide:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    problem = f"it did not end within {limits.seconds:g} s and was ended" if late else ""
    if code is not None and code < 0 and not late:
        problem, code = f"it was ended by signal {-code}", None
    return Outcome(None if late else code, text, time.monotonic() - began, problem, late)


@contextlib.contextmanager
def _place(script: str, user: str) -> Iterator[tuple[Path, Path | None]]:
    """An empty directory that the program's user owns, with the script in it if there is one."""
    with tempfile.TemporaryDirectory(prefix="mainstay-check-", ignore_cleanup_errors=True) as name:
        directory, file = Path(name), None
        if script:
            file = directory / "script"
            file.touch(mode=0o700)
            file.write_text(script.replace("\r\n", "\n"), encoding="utf-8")
        if user:
            account = _account(user)
            for one in (directory, file):
                if one is not None:
                    os.chown(one, account.pw_uid, account.pw_gid)
        yield directory, file


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"there is no user {user!r} on this machine; see check_user") from None


def _as_user(user: str) -> dict[str, Any]:
    if not user:
        return {}
    account = _account(user)
    return {
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": os.getgrouplist(user, account.pw_gid),
    }


def _run(command: list[str], directory: Path, env: Mapping[str, str], limits: Limits) -> tuple[bytes, int | None, bool]:
    """Its output, its exit code (negative: the signal that ended it), and whether it was late."""
    deadline = time.monotonic() + limits.seconds
    whole = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(directory), **env}
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=whole,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **_as_user(limits.user),
    )
    _live.add(process.pid)
    with process:
        try:
            output, late = _read(process, deadline, limits.output)
        finally:
            # What it left behind in its group ends with it, whether it was late or not.
            _end(process.pid)
            _live.discard(process.pid)
            if process.stdout is not None:
                process.stdout.close()
        return output, process.wait(), late


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def end_all() -> None:
    """End everything that runs, for a worker that stops."""
    for group in list(_live):
        _end(group)


def _read(process: subprocess.Popen[bytes], deadline: float, most: int) -> tuple[bytes, bool]:
    """What it prints until it has ended, the beginning of it, and whether the time was up before."""
    kept = bytearray()
    pipe = process.stdout
    assert pipe is not None  # noqa: S101 - it was asked for
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        is_open = True
        while time.monotonic() < deadline:
            if is_open and waiting.select(min(_LOOK, max(deadline - time.monotonic(), 0))):
                piece = os.read(pipe.fileno(), 65_536)
                kept += piece[: max(most - len(kept), 0)]
                is_open = bool(piece)
                if is_open:
                    continue
                waiting.unregister(pipe)
            if process.poll() is not None:
                return bytes(kept), False
            if not is_open:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(deadline - time.monotonic(), 0))
    return bytes(kept), process.poll() is None
