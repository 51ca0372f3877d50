"""Steps on the worker: what they are run with, and finding them again after a crash by what they carry."""

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from mainstay.core import programs
from mainstay.core.settings import current
from mainstay.restore.runbooks.execution.programs import STEP, NotBegunError, Program, Sink

# After a panic stop nobody waits for a program that tidies up at length, seconds.
_SHORT = 0.3


async def run(
    program: Program,
    sink: Sink,
    *,
    files: Callable[[str], Mapping[str, str]] | None = None,
    is_panic: Callable[[], bool] = lambda: False,
) -> int:
    """Run a program to its end and give its exit code, that of a signal below zero.

    When the caller is cancelled its whole group is ended, at once if ``is_panic`` says so by then.
    """
    whole = programs.Program(
        (program.interpreter, *program.arguments),
        {**program.environment, STEP: program.identity},
        text=program.text,
        files=files,
        user=current().runbook_user,
        named_by="runbook_user",
    )
    try:
        return await programs.run(
            whole, sink, lambda: min(programs.grace(), _SHORT) if is_panic() else programs.grace()
        )
    except programs.CannotBeginError as error:
        raise NotBegunError(str(error)) from None


def may_run_here() -> bool:
    """Whether this process can run steps as the settings want them to run."""
    try:
        programs.account_of(current().runbook_user, "runbook_user")
    except programs.CannotBeginError:
        return False
    return True


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
