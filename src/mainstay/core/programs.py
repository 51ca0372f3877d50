"""Programs on this machine: a process group of their own, an environment of our making, and an end for all of it.

A program runs as this process does or as another user of the system, in an empty directory of its own. Code is in
memory, values are variables: no file that others could change, and no argument, which every user of the machine can
read. When the caller is cancelled, as by a time limit, the group is asked to end (TERM), and killed after a grace.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainstay.core.settings import current

# Who takes what a program writes: the stream, and the bytes.
Sink = Callable[[str, bytes], None]
_READ = 65_536
# How long the pipes of a program may take to run dry once it has ended, seconds.
_DRY = 1.0
# How long one that was killed may take to be gone, seconds.
_REAP = 5.0


class CannotBeginError(Exception):
    """It surely did not run. The text says why."""


@dataclass(frozen=True)
class Program:
    """What is run, and as whom.

    ``text`` is code for the interpreter that ``command`` begins with. ``script`` begins with ``#!`` and is run in place
    of a command. ``files`` gets the directory and gives what is written there first, by name. ``user`` is a name that
    the setting ``named_by`` holds; empty, it runs as this process does.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    text: str = ""
    script: str = ""
    files: Callable[[str], Mapping[str, str]] | None = None
    user: str = ""
    named_by: str = ""
    # Whether what it leaves behind in its group ends with it.
    ends_group: bool = False


class Running:
    """What runs now, in whichever thread, so that all of it can be cancelled."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[Any], asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()

    @contextmanager
    def told(self) -> Iterator[None]:
        """The present task is among them."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has one
        with self._lock:
            self._tasks[task] = asyncio.get_running_loop()
        try:
            yield
        finally:
            with self._lock:
                del self._tasks[task]

    def cancel_all(self) -> None:
        """Cancel them."""
        with self._lock:
            tasks = list(self._tasks.items())
        for task, loop in tasks:
            # Its loop may close at this very moment.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)


def grace() -> float:
    """Seconds between asking a program to end and killing it."""
    return float(current().program_grace)


async def run(program: Program, sink: Sink, grace_of: Callable[[], float] = grace) -> int:
    """Run a program to its end and give its exit code, that of a signal below zero. Raises ``CannotBeginError``."""
    account = account_of(program.user, program.named_by)
    home = tempfile.mkdtemp(prefix="mainstay-program-")
    fd = os.memfd_create("program")
    try:
        os.write(fd, program.text.encode())
        process = _begin(program, fd, Path(home), account)
        return await _to_its_end(program, process, sink, grace_of)
    finally:
        os.close(fd)
        shutil.rmtree(home, ignore_errors=True)


def account_of(user: str, named_by: str) -> pwd.struct_passwd | None:
    """The account to become, or nothing to stay who this process is. Raises ``CannotBeginError``."""
    if not user:
        return None
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise CannotBeginError(f"the setting {named_by} names {user!r}, which is no user of this system") from None
    if os.geteuid() not in {0, found.pw_uid}:
        raise CannotBeginError(f"the worker cannot become {user}: run it as root, or leave {named_by} empty")
    return found if found.pw_uid != os.geteuid() else None


def _begin(program: Program, fd: int, home: Path, account: pwd.struct_passwd | None) -> "subprocess.Popen[bytes]":
    command = list(program.command)
    if program.text:
        command.insert(1, f"/dev/fd/{fd}")
    if program.script:
        command = [str(home / "script")]
        _write(home / "script", program.script.replace("\r\n", "\n"), 0o700)
    for name, text in (program.files(str(home)) if program.files else {}).items():
        _write(home / name, text, 0o600)
    as_user: dict[str, Any] = {}
    if account is not None:
        _give(home, account)
        groups = os.getgrouplist(account.pw_name, account.pw_gid)
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    try:
        # Not asyncio's own: that waits until every pipe is closed, which a child that stays behind never does.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(str(home), program.environment),
            cwd=home,
            start_new_session=True,
            pass_fds=(fd,),
            **as_user,
        )
    except (OSError, ValueError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise CannotBeginError(f"{command[0]} cannot be run here: {why}") from None


def environment(home: str, own: Mapping[str, str]) -> dict[str, str]:
    """Nothing of this process's own environment, which may hold its secrets."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": home,
        **own,
    }


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=mode)
    path.write_text(text, encoding="utf-8")


def _give(home: Path, account: pwd.struct_passwd) -> None:
    for place, _, names in os.walk(home):
        for name in (place, *(str(Path(place) / one) for one in names)):
            os.chown(name, account.pw_uid, account.pw_gid)


async def _to_its_end(
    program: Program, process: "subprocess.Popen[bytes]", sink: Sink, grace_of: Callable[[], float]
) -> int:
    pipes = {"out": process.stdout, "err": process.stderr}
    readers = [asyncio.ensure_future(_read(pipe, name, sink)) for name, pipe in pipes.items()]
    try:
        await _ended(process.pid)
        if program.ends_group:
            _signal(process.pid, signal.SIGKILL)
        await asyncio.wait(readers, timeout=_DRY)
    except asyncio.CancelledError:
        try:
            await _ask_to_end(process.pid, grace_of())
        finally:
            _signal(process.pid, signal.SIGKILL)
        raise
    finally:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_REAP)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for pipe in pipes.values():
            if pipe is not None:
                pipe.close()
    return process.returncode


async def _ask_to_end(group: int, seconds: float) -> None:
    """Ask a group to end, and wait for its first process so long at most."""
    if seconds > 0:
        _signal(group, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _ended(group)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _ended(pid: int) -> None:
    """Wait until a process has ended."""
    loop = asyncio.get_running_loop()
    ended, watch = asyncio.Event(), os.pidfd_open(pid)
    loop.add_reader(watch, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(watch)
        os.close(watch)


async def _read(pipe: Any, name: str, sink: Sink) -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    try:
        while data := await reader.read(_READ):
            sink(name, data)
    finally:
        transport.close()
