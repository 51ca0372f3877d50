"""Books that only look, run again and again as health checks. What they say goes to the room of checks."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from mainstay.core import programs, secrets
from mainstay.core.access import SYSTEM, Actor
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.checks import runner
from mainstay.observe.checks.domain import State as CheckState
from mainstay.observe.checks.models import Check
from mainstay.observe.checks.perfdata import Output as Printed
from mainstay.observe.checks.services import Said, timeout_of
from mainstay.restore.runbooks import books, domain, hosts, trial
from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.inputs import InputError, checked
from mainstay.restore.runbooks.book.model import Book, Step
from mainstay.restore.runbooks.execution import acting
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.setting import Setting, State, threads
from mainstay.restore.runbooks.models import Run

_STEP_OUTPUT = 4000


class LookError(ValueError):
    """A book cannot be run as a check; the text names the field and the step."""


def require_fitting(actor: Actor, key: str, inputs: Mapping[str, Any]) -> tuple[Book, dict[str, str]]:
    """The present version of a book that may run on a schedule, with its values. Raises ``LookError``."""
    try:
        book = books.content(actor, key)
    except ProblemError as error:
        raise LookError(f"runbook: {error.detail}") from None
    decision = domain.may_be_scheduled(book)
    if not decision.allowed:
        raise LookError(f"runbook: {key} cannot run on a schedule: {decision.reason}")
    try:
        return book, checked(book, inputs)
    except InputError as error:
        raise LookError(f"inputs.{error.name}: {error}") from None


class Looks:
    """Carries out books of checks, and ends those that are under way when the worker stops."""

    def __init__(self) -> None:
        self._running = programs.Running()

    def execute(self, check: Check) -> Said:
        """Run the steps of its book once, in order, and say how that went. Nothing is kept."""
        began = time.monotonic()
        try:
            setting = _setting(check)
        except (LookError, ProblemError, secrets.SecretError) as error:
            return _said(CheckState.UNKNOWN, str(error), [], began)
        try:
            return asyncio.run(self._within(check, setting, began))
        except asyncio.CancelledError:
            return _said(CheckState.UNKNOWN, "its worker stopped", [], began)
        finally:
            setting.threads.shutdown(wait=False, cancel_futures=True)

    def end_all(self) -> None:
        """End everything that runs."""
        self._running.cancel_all()

    async def _within(self, check: Check, setting: Setting, began: float) -> Said:
        lines: list[str] = []
        seconds = timeout_of(check)
        with self._running.told():
            try:
                async with asyncio.timeout(seconds):
                    return _verdict(setting.book, await _through(setting, lines), lines, began)
            except TimeoutError:
                return _said(CheckState.UNKNOWN, f"it did not end within {seconds:g} s", lines, began, late=True)
            finally:
                setting.connections.abort()


def _setting(check: Check) -> Setting:
    """All that the steps need. A book that was changed since is looked at again: it must still only look."""
    book, values = require_fitting(SYSTEM, check.runbook, check.inputs)
    if not books.get(SYSTEM, check.runbook).enabled:
        raise LookError(f"runbook: {check.runbook} is switched off")
    targets = hosts.chosen(SYSTEM, book, None) if book.targets else []
    machines = hosts.machines(targets)
    lost = next((key for key in targets if key not in machines), None)
    if lost is not None:
        raise LookError(f"runbook: the host {lost} is not known, or not the way to it")
    known = {name: secrets.get(name) for name in trial.secret_names(book, values)}
    run = Run(title=f"check {check.key}", inputs=values, targets=targets)
    return Setting(run, book, machines, values, known, threads())


async def _through(setting: Setting, lines: list[str]) -> str:
    """Each step in order, on its targets side by side. Returns what does not hold, of the first step that does not."""
    for step in setting.book.main:
        targets = list(setting.run.targets) if step.each else [""]
        room = asyncio.Semaphore(setting.book.parallel)
        failed = [
            one for one in await asyncio.gather(*(_once(setting, step, one, room, lines) for one in targets)) if one
        ]
        if failed and step.on_failure != "continue":
            return failed[0] + (f", and on {len(failed) - 1} more" if len(failed) > 1 else "")
    return ""


async def _once(setting: Setting, step: Step, target: str, room: asyncio.Semaphore, lines: list[str]) -> str:
    name = f"{step.title or step.id}{f' on {target}' if target else ''}"
    async with room:
        if step.kind == model.WAIT:
            await asyncio.sleep(step.seconds)
            return ""
        output = Output(setting.hidden(), _STEP_OUTPUT)
        outcome = await acting.once(setting, step, target, f"check-{setting.run.title}", output)
    said = "".join(one.text for one in output.end()).rstrip()
    lines.append(f"{name}: {outcome.text}" + (f"\n{said}" if said else ""))
    return "" if outcome.state == State.DONE else f"{name}: {outcome.text}"


def _verdict(book: Book, failed: str, lines: list[str], began: float) -> Said:
    if failed:
        return _said(CheckState.CRITICAL, failed, lines, began)
    count = len(book.main)
    return _said(CheckState.OK, f"{book.title}: {count} step{'' if count == 1 else 's'} went through", lines, began)


def _said(state: CheckState, text: str, lines: list[str], began: float, *, late: bool = False) -> Said:
    """As the room of checks keeps it. What steps print is no performance data."""
    problem = text if state is CheckState.UNKNOWN else ""
    output = "\n".join([text, *lines])[: current().check_output_kb * 1000]
    outcome = runner.Outcome(None, output, time.monotonic() - began, problem, late)
    return Said(state, outcome, Printed(text, "\n".join(lines), (), ()))
