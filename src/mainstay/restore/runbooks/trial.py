"""A dry run: what would run where, and whether it could. It runs nothing but checks."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mainstay.catalog.calendar import gate
from mainstay.core import clock, secrets
from mainstay.core.access import Actor
from mainstay.core.settings import current
from mainstay.restore.runbooks import hosts
from mainstay.restore.runbooks.book import call, model, page
from mainstay.restore.runbooks.book.model import Book, Step
from mainstay.restore.runbooks.execution import acting
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.programs import NotBegunError
from mainstay.restore.runbooks.execution.setting import Setting, State, threads
from mainstay.restore.runbooks.models import Run, TargetLease

_AT_ONCE = 20
_OUTPUT = 4000


@dataclass
class _Seen:
    problems: list[str] = field(default_factory=list)
    reached: dict[str, str] = field(default_factory=dict)
    checks: list[dict[str, str]] = field(default_factory=list)


def of_book(actor: Actor, book: Book, run: Run) -> dict[str, Any]:
    """The steps as they would run, targets and checks as they are now, and what would keep it from running.

    ``run`` may be one that is not kept, as that of a file.
    """
    machines = hosts.machines(run.targets)
    known, missing = _secrets(book, run.inputs)
    lost = [f"the host {key} is not known, or not the way to it" for key in run.targets if key not in machines]
    seen = _Seen([*missing, *lost, *_held(list(machines.values()), run), *_gate(actor, book)])
    setting = Setting(run, book, machines, run.inputs, known, threads())
    try:
        asyncio.run(_around(setting, seen))
    finally:
        setting.threads.shutdown(wait=False, cancel_futures=True)
    return {
        "at": clock.now().isoformat(),
        "steps": [_step(book, run.targets, one) for one in book.steps],
        "targets": seen.reached,
        "checks": seen.checks,
        "problems": seen.problems,
    }


def nothing(problem: str) -> dict[str, Any]:
    """A dry run that found nothing but this problem."""
    return {"at": clock.now().isoformat(), "steps": [], "targets": {}, "checks": [], "problems": [problem]}


def _step(book: Book, targets: Sequence[str], step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "title": step.title,
        "facts": page.facts(book, step),
        "text": step.text,
        "targets": list(targets) if step.each else [],
    }


def secret_names(book: Book, inputs: Mapping[str, str]) -> list[str]:
    """Every secret that the steps of a book take, by name."""
    named = [name for step in book.steps for name in step.secrets]
    named += [name for step in book.steps if step.call for name in call.names_in(step.call)[1]]
    return list(dict.fromkeys([*named, *(inputs[name] for name in book.secret_inputs if inputs.get(name))]))


def _secrets(book: Book, inputs: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    known, missing = {}, []
    for name in secret_names(book, inputs):
        try:
            known[name] = secrets.get(name)
        except secrets.SecretError as error:
            missing.append(str(error))
    return known, missing


def _held(machines: list[hosts.Machine], run: Run) -> list[str]:
    places = {hosts.place(one): one.key for one in machines}
    leases = TargetLease.objects.filter(address__in=places, until__gt=clock.now()).exclude(run_id=run.pk)
    return [f"{places[one.address]} is held by {one.run}" for one in leases.select_related("run")]


def _gate(actor: Actor, book: Book) -> list[str]:
    if not book.changes:
        return []
    answer = gate.may_change(actor, book.services, clock.now(), kind="runbook", in_window=book.in_windows)
    return [] if answer.allowed else [f"the gate is closed: {answer.reason}"]


async def _around(setting: Setting, seen: _Seen) -> None:
    """Reach every target and look once through every check, some at a time, until the time is over."""
    room = asyncio.Semaphore(_AT_ONCE)
    try:
        async with asyncio.timeout(current().runbook_dry_run_seconds):
            await asyncio.gather(*(_reach(setting, one, seen, room) for one in setting.hosts.values()))
            checks = [one for one in setting.book.steps if one.kind == model.CHECK]
            places = [(one, target) for one in checks for target in (setting.run.targets if one.each else [""])]
            await asyncio.gather(
                *(
                    _check(setting, one, target, seen, room)
                    for one, target in places
                    if seen.reached.get(target, "") == ""
                )
            )
    except TimeoutError:
        seen.problems.append(
            f"looking around took longer than {current().runbook_dry_run_seconds:g} s; the rest is not told"
        )
    finally:
        setting.connections.abort()


async def _reach(setting: Setting, host: hosts.Machine, seen: _Seen, room: asyncio.Semaphore) -> None:
    async with room:
        seen.reached[host.key] = ""
        try:
            await setting.connections.to(host)
        except NotBegunError as error:
            seen.reached[host.key] = str(error)
            seen.problems.append(str(error))


async def _check(setting: Setting, step: Step, target: str, seen: _Seen, room: asyncio.Semaphore) -> None:
    output = Output(setting.hidden(), _OUTPUT)
    async with room:
        outcome = await acting.once(setting, step, target, "dry-run", output)
    said = "".join(one.text for one in output.end())
    holds = "holds" if outcome.state == State.DONE else "does not hold"
    seen.checks.append({"step": step.id, "target": target, "now": holds, "why": outcome.text, "output": said})
