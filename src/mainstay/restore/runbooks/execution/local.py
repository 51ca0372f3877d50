"""Programs on the worker: in a process group of their own, with an environment of our making, killed as a whole."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainstay.core.settings import current
from mainstay.restore.runbooks.execution.programs import STEP, NotBegunError, Program, Sink

_READ = 65_536
# How long the pipes of a program may take to run dry once it has ended, seconds.
_DRY = 1.0
# How long one that was killed may take to be gone, seconds.
_REAP = 5.0


@dataclass(frozen=True)
class User:
    """Who steps run as, when not as the worker does."""

    name: str
    uid: int
    gid: int


def user() -> User | None:
    """The user that the settings name. Raises ``NotBegunError`` when steps cannot run as that user."""
    name = current().runbook_user
    if not name:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise NotBegunError(f"the setting runbook_user names {name!r}, which is no user of this system") from None
    if os.geteuid() not in {0, found.pw_uid}:
        raise NotBegunError(f"the worker cannot become {name}: run it as root, or leave runbook_user empty")
    return User(name, found.pw_uid, found.pw_gid) if found.pw_uid != os.geteuid() else None


def environment(program: Program, home: str) -> dict[str, str]:
    """Nothing of the worker's own environment, which may hold its secrets."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": home,
        **program.environment,
        STEP: program.identity,
    }


async def run(program: Program, sink: Sink, *, files: Callable[[str], Mapping[str, str]] | None = None) -> int:
    """Run a program to its end and give its exit code, that of a signal below zero.

    ``files`` gets its directory and gives what is written there first. When the caller is cancelled, its whole group is
    killed.
    """
    who = user()
    home = tempfile.mkdtemp(prefix="mainstay-step-")
    fd = os.memfd_create("step")
    try:
        # The code is in memory: no file that others could change, and no argument that they could read.
        os.write(fd, program.text.encode())
        for name, text in (files(home) if files else {}).items():
            path = Path(home) / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        _give(home, who)
        return await _carry(program, fd, home, who, sink)
    finally:
        os.close(fd)
        shutil.rmtree(home, ignore_errors=True)


def _give(home: str, who: User | None) -> None:
    if who is not None:
        for place, _, names in os.walk(home):
            for name in (place, *(str(Path(place) / one) for one in names)):
                os.chown(name, who.uid, who.gid)


async def _carry(program: Program, fd: int, home: str, who: User | None, sink: Sink) -> int:
    as_user: dict[str, Any] = {"user": who.uid, "group": who.gid, "extra_groups": []} if who else {}
    code = [f"/dev/fd/{fd}"] if program.text else []
    try:
        # Not asyncio's own: that waits until every pipe is closed, which a child that stays behind never does.
        process = subprocess.Popen(  # noqa: ASYNC220 - it takes no longer than a fork
            [program.interpreter, *code, *program.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(program, home),
            cwd=home,
            start_new_session=True,
            pass_fds=(fd,),
            **as_user,
        )
    except OSError as error:
        raise NotBegunError(f"{program.interpreter} cannot be run here: {error.strerror or error}") from None
    pipes = {"out": process.stdout, "err": process.stderr}
    readers = [asyncio.ensure_future(_read(pipe, name, sink)) for name, pipe in pipes.items()]
    try:
        await _ended(process.pid)
        await asyncio.wait(readers, timeout=_DRY)
    except asyncio.CancelledError:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
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


def processes_of(identity: str) -> list[int]:
    """Processes of this machine that belong to a step, also those that left its group, by their environment."""
    sought, found = f"{STEP}={identity}".encode(), []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with suppress(OSError):
                if sought in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
    return found


def kill(identity: str) -> int:
    """Kill what is left of a step. Returns how many processes there were."""
    found = processes_of(identity)
    for pid in found:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(found)
