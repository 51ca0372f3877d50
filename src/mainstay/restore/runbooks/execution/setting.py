"""What the steps of a run share while it is carried out, and how an attempt ends."""

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import close_old_connections, connection

from mainstay.core.settings import current
from mainstay.restore.runbooks.book.inputs import typed, variables
from mainstay.restore.runbooks.book.model import Book, Step
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.programs import NotBegunError, variable
from mainstay.restore.runbooks.hosts import Machine
from mainstay.restore.runbooks.models import Run, StepRun

if TYPE_CHECKING:
    from mainstay.restore.runbooks.execution.ssh import Connections

State = StepRun.State
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, or what it waits for."""

    state: str
    text: str
    exit_code: int | None = None
    until: datetime | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def _connections() -> "Connections":
    from mainstay.restore.runbooks.execution.ssh import Connections  # asyncssh, some 15 MB: for those who run a book

    return Connections()


@dataclass
class Setting:
    """What all steps of a run share while it is carried out."""

    run: Run
    book: Book
    hosts: Mapping[str, Machine]
    inputs: Mapping[str, str]
    secrets: Mapping[str, str]
    threads: ThreadPoolExecutor
    connections: "Connections" = field(default_factory=_connections)
    # Whether a person has stopped it, so that nothing is waited for.
    stopped: bool = False

    def values(self) -> dict[str, str]:
        """Inputs as steps see them: those that name a secret hold its value."""
        hidden = self.book.secret_inputs
        return {name: self.secrets[value] if name in hidden and value else value for name, value in self.inputs.items()}

    def hidden(self) -> list[str]:
        """What no output may show."""
        return list(self.secrets.values())


def environment(setting: Setting, step: Step, target: str) -> dict[str, str]:
    """What a program finds: inputs, the secrets that its step names, and where it is."""
    try:
        named = {variable(name): setting.secrets[name] for name in step.secrets}
    except KeyError as missing:
        raise NotBegunError(f"secret {missing} is not known; run 'mainstay secret set'") from None
    return {
        **variables(setting.values()),
        **named,
        "RUNBOOK_RUN": str(setting.run),
        "RUNBOOK_TARGET": target,
    }


def expected(step: Step, output: Output, said: str, code: int | None = None) -> Outcome:
    """Done, unless the output lacks what the step must say."""
    output.finish()
    if step.expect and step.expect not in output.said:
        return Outcome(State.FAILED, f"{said}, but it did not say {json.dumps(step.expect, ensure_ascii=False)}", code)
    return Outcome(State.DONE, said, code)


def json_values(setting: Setting) -> dict[str, Any]:
    """Inputs as JSON knows them."""
    return typed(setting.book, setting.values())


async def in_thread(setting: Setting, call: Callable[[], T]) -> T:
    """Call something that blocks, in one of the run's threads, with a database connection of its own."""

    def work() -> T:
        close_old_connections()
        try:
            return call()
        finally:
            connection.close()

    return await asyncio.get_running_loop().run_in_executor(setting.threads, work)


def threads() -> ThreadPoolExecutor:
    """Threads for what blocks: requests and the desk."""
    return ThreadPoolExecutor(current().runbook_parallel, thread_name_prefix="step")
