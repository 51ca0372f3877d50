"""HTTP steps, through the guard that all outgoing calls take."""

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from mainstay.core import http
from mainstay.core.settings import current
from mainstay.restore.runbooks.book.call import CallError, Filled, fill
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.programs import LostError, NotBegunError
from mainstay.restore.runbooks.execution.setting import Outcome, Setting, State, expected, in_thread, json_values

_MOST = 262_144


async def run(setting: Setting, step: Step, target: str, output: Output) -> Outcome:
    """Make the request. One that was sent and not answered is of unknown outcome, unless it only asks."""
    assert step.call is not None  # noqa: S101 - reading the book saw to it
    try:
        filled = fill(step.call, setting.values(), json_values(setting), setting.secrets, target)
    except KeyError as missing:
        raise NotBegunError(f"secret {missing} is not known; run 'mainstay secret set'") from None
    except CallError as error:
        raise NotBegunError(str(error)) from None
    output.log(f"{filled.method} {filled.url}")
    seconds = step.timeout or current().runbook_step_timeout
    answer = await in_thread(setting, lambda: _call(filled, seconds))
    output.log(f"answered {answer.status}")
    output.feed("out", answer.body)
    right = answer.status in step.call.status if step.call.status else 200 <= answer.status < 300
    if not right:
        return Outcome(State.FAILED, f"the answer was {answer.status}", answer.status)
    return expected(step, output, f"the answer was {answer.status}", answer.status)


def _call(filled: Filled, seconds: float) -> http.Answer:
    try:
        return http.call(
            filled.method,
            filled.url,
            body=filled.body,
            headers=filled.headers,
            timeout=seconds,
            max_bytes=_MOST,
            cut=True,
        )
    except http.OutgoingError as error:
        cause = error.__cause__
        if error.permanent or isinstance(cause, (OSError, NewConnectionError, ConnectTimeoutError)):
            raise NotBegunError(str(error)) from None
        raise LostError(f"it was sent, and no answer came: {error}") from None
