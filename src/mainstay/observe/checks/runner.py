"""Run the program of a check: within its time, of its output the beginning, with its secrets hidden.

It runs as the worker's user, or as the one that ``check_user`` names. It sees the variables that its check names and
nothing of the worker's, but for the place where programs are looked for.
"""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mainstay.core import programs

_HIDDEN = "•••"
# Shorter ones would take words out of what a program says.
_SHORTEST_SECRET = 4
_running = programs.Running()


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
    kept = bytearray()

    def keep(_: str, data: bytes) -> None:
        kept.extend(data[: max(limits.output - len(kept), 0)])

    program = programs.Program(
        tuple(command),
        {"PATH": os.environ.get("PATH", os.defpath), **env},
        script=script,
        user=limits.user,
        named_by="check_user",
        ends_group=True,
    )
    code, problem, late = None, "", False
    try:
        code = asyncio.run(_within(program, keep, limits.seconds))
    except programs.CannotBeginError as error:
        problem = f"it cannot be run: {error}"
    except TimeoutError:
        problem, late = f"it did not end within {limits.seconds:g} s and was ended", True
    except asyncio.CancelledError:
        problem = "it was ended with its worker"
    if code is not None and code < 0:
        problem, code = f"it was ended by signal {-code}", None
    return Outcome(code, _text(bytes(kept), hide), time.monotonic() - began, problem, late)


async def _within(program: programs.Program, sink: programs.Sink, seconds: float) -> int:
    with _running.told():
        async with asyncio.timeout(seconds):
            return await programs.run(program, sink)


def _text(output: bytes, hide: Sequence[str]) -> str:
    text = output.decode("utf-8", "replace").replace("\x00", "�")
    for secret in hide:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    return text


def end_all() -> None:
    """End everything that runs, for a worker that stops."""
    _running.cancel_all()
