"""The agent's round: look, read, send, remember. Nothing is read on while the other side takes nothing."""

import resource
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mainstay.observe.logs.agent import text
from mainstay.observe.logs.agent.checkpoint import Checkpoint
from mainstay.observe.logs.agent.follow import Followed, Follower
from mainstay.observe.logs.agent.send import AgentError, BusyError, Sender, Target, TooLargeError

__all__ = ["AgentError", "Target", "run"]

PAUSE, LOOK = 0.2, 1.0


def run(
    patterns: Sequence[tuple[str, str]],
    target: Target,
    checkpoint: Path,
    stop: threading.Event,
    *,
    once: bool = False,
    rotated: bool = False,
    say: Callable[[str], None] | None = None,
) -> int:
    """Follow until told to stop, or with ``once`` until everything that is there was sent. Returns how many lines."""
    told = say or _say
    _allow_many_files()
    journal = Checkpoint(checkpoint)
    follower = Follower(patterns, journal, told, rotated=rotated)
    sender = Sender(target, stop, told, follower.look)
    sent, until = 0, dict[str, float]()
    try:
        while not stop.is_set():
            looked, before = time.monotonic(), sent
            follower.look()
            # Finding new files costs more than asking known ones, so that it is done less often.
            while not stop.is_set():
                more = _round(follower, sender, until, once=once)
                sent += more
                if time.monotonic() - looked >= LOOK or once:
                    break
                stop.wait(0.0 if more else PAUSE)
            if once and sent == before:
                if not any(moment > time.monotonic() for moment in until.values()):
                    break
                stop.wait(PAUSE)
    finally:
        sender.close()
        journal.close()
    return sent


def _round(follower: Follower, sender: Sender, until: dict[str, float], *, once: bool) -> int:
    """Send what is new of every file, one batch each. Returns how many lines.

    ``until`` is when each service that was told to wait may go on (monotonic seconds).
    """
    sent = 0
    for one, data in follower.read(flush=once, waiting=lambda name: until.get(name, 0.0) > time.monotonic()):
        try:
            done = _hand_over(follower, sender, one, data)
        except BusyError as busy:
            until[one.place.service] = time.monotonic() + busy.seconds
            one.due = 0.0
            continue
        sent += done
        if not done:
            break
    return sent


def _hand_over(follower: Follower, sender: Sender, one: Followed, data: bytes) -> int:
    """Send one batch, in halves if it is too large. Returns how many lines were acknowledged."""
    place = one.place
    try:
        if not sender.send(place.service, place.path, text.ready(data)):
            return 0
    except TooLargeError:
        middle = data.find(b"\n", len(data) // 2) + 1 or data.find(b"\n") + 1
        if not 0 < middle < len(data):
            raise AgentError(f"{place.path}: a line of {len(data)} bytes is too large for {place.service}") from None
        first = _hand_over(follower, sender, one, data[:middle])
        return first + _hand_over(follower, sender, one, data[middle:]) if first else 0
    follower.accepted(one, data)
    return max(1, data.count(b"\n"))


def _allow_many_files() -> None:
    """Each followed file is held open; the usual limit of 1,024 is for programs that select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _say(message: str) -> None:
    print(f"mainstay tail: {message}", file=sys.stderr, flush=True)
