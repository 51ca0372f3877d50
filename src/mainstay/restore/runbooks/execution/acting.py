"""One attempt of one step: dispatch to what carries it out, and what its end means."""

import asyncio

from mainstay.core.settings import current
from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.execution import ansible, desk, local, requests
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.programs import LostError, NotBegunError, Program
from mainstay.restore.runbooks.execution.setting import Outcome, Setting, State, environment, expected


async def act(setting: Setting, step: Step, target: str, identity: str, output: Output) -> Outcome:
    """Carry a step out once, within its time. A check looks again and again until it holds."""
    seconds = step.timeout or current().runbook_step_timeout
    last = ""
    try:
        async with asyncio.timeout(seconds):
            while True:
                outcome = await once(setting, step, target, identity, output)
                if step.kind != model.CHECK or outcome.state == State.DONE:
                    return outcome
                last = outcome.text
                await asyncio.sleep(step.every)
                output.said = ""
    except TimeoutError:
        if step.kind == model.CHECK:
            return Outcome(State.FAILED, f"it did not hold within {seconds:g} s{f': {last}' if last else ''}")
        if step.means == model.HTTP and not step.harmless:
            return Outcome(State.UNKNOWN, f"no answer came within {seconds:g} s")
        return Outcome(State.FAILED, f"killed: it took longer than {seconds:g} s")


async def once(setting: Setting, step: Step, target: str, identity: str, output: Output) -> Outcome:
    """One attempt, with what kept it from running or cut it off told as an outcome."""
    try:
        return await _act(setting, step, target, identity, output)
    except NotBegunError as error:
        return Outcome(State.FAILED, str(error))
    except LostError as error:
        return Outcome(State.FAILED if step.harmless else State.UNKNOWN, str(error))


async def _act(setting: Setting, step: Step, target: str, identity: str, output: Output) -> Outcome:
    match step.means:
        case model.SHELL | model.PYTHON:
            return _ended(step, await _program(setting, step, target, identity, output), output)
        case model.ANSIBLE:
            code = await ansible.run(setting, step, identity, output)
            return _ended(step, code, output)
        case model.HTTP:
            return await requests.run(setting, step, target, output)
        case model.SQL:
            return await desk.run(setting, step, output)
        case _:
            return await desk.ask_metrics(setting, step, output)


async def _program(setting: Setting, step: Step, target: str, identity: str, output: Output) -> int:
    program = Program(step.program, step.text, environment(setting, step, target), identity)
    if step.each and target:
        return await setting.connections.run(setting.hosts[target], program, output.feed)
    return await local.run(program, output.feed, is_panic=lambda: setting.stopped)


def _ended(step: Step, code: int, output: Output) -> Outcome:
    """What an exit code means, with what was said."""
    if code < 0:
        return Outcome(State.FAILED, f"killed by signal {-code}", code)
    if code not in step.exits:
        return Outcome(State.FAILED, f"exit code {code}", code)
    return expected(step, output, f"exit code {code}", code)
