"""The agent against a real installation: rotation under load, and kill -9 at random moments."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mainstay.faces.bench.installation import Installation, MailServer
from mainstay.observe.logs.agent.checkpoint import Place
from tests.parts import until
from tests.system.sent import sql

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("live")]
Live = tuple[Installation, MailServer]
LINES, BATCH = 30_000, 10_000


class Agent:
    """``mainstay tail`` as a process."""

    def __init__(self, here: Installation, tmp_path: Path, pattern: str) -> None:
        self.words = [sys.executable, "-m", "mainstay", "tail", f"agent={pattern}", "--to", here.url]
        self.words += ["--checkpoint", str(tmp_path / "places.json"), "--host", "h1"]
        self.env = {**here.env, "MAINSTAY_TOKEN": here.token}
        self.log = (tmp_path / "agent.log").open("ab")
        self.kills = 0
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.words, env=self.env, stderr=self.log, stdout=self.log)

    def kill_and_start(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.start()

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind when a test fails."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self.log.close()
        return code


@pytest.fixture
def agents() -> Iterator[ExitStack]:
    """Where agents are entered, so that none outlives its test."""
    with ExitStack() as stack:
        yield stack


def rotate(log: Path, kind: str) -> None:
    """As logrotate does it, oldest first."""
    old = sorted(log.parent.glob(f"{log.name}.[0-9]*"), key=lambda path: -int(path.suffix[1:]))
    for path in old:
        path.rename(log.with_name(f"{log.name}.{int(path.suffix[1:]) + 1}"))
    first = log.with_name(f"{log.name}.1")
    if kind == "rename":
        log.rename(first)
    else:
        first.write_bytes(log.read_bytes())
        os.truncate(log, 0)


def is_known(checkpoint: Path, log: Path) -> bool:
    """Whether the agent was told that something of the file as it is now has arrived."""
    written = checkpoint.read_text().rpartition("\n")[0] if checkpoint.exists() else ""
    places = [Place(**json.loads(line)) for line in written.splitlines()]
    data = log.read_bytes()
    return any(place.offset and place.begins(lambda at, count: data[at : at + count]) for place in places)


@pytest.mark.parametrize(("seed", "kind"), [(1, "rename"), (2, "copytruncate"), (3, "rename"), (4, "copytruncate")])
def test_nothing_is_lost_through_rotation_and_kills(
    live: Live, agents: ExitStack, tmp_path: Path, seed: int, kind: str
) -> None:
    here, _ = live
    chance, log = random.Random(seed), tmp_path / "app.log"
    agent = agents.enter_context(Agent(here, tmp_path, f"{log}*" if chance.random() < 0.5 else str(log)))
    name = f"run{seed}{kind}"
    number = 0
    while number < LINES:
        # O_APPEND, as every writer of logs that is rotated by copytruncate must.
        with log.open("ab") as file:
            count = chance.randrange(1, 1500)
            lines = [f"2026-01-31 03:04:05,000 INFO {name} n={one} end" for one in range(number, number + count)]
            file.write("\n".join([*lines, ""]).encode())
        number += count
        # A file that is copied away and cut before the agent has read anything of it is one that it cannot know of.
        if chance.random() < 0.5 and is_known(tmp_path / "places.json", log):
            rotate(log, kind)
        if chance.random() < 0.15:
            agent.kill_and_start()
        time.sleep(chance.random() * 0.3)  # The load, not a wait.
    counted = f"uniqExact(extract(body, 'n=([0-9]+) ')), count() FROM log_lines WHERE body LIKE '%{name} n=%'"
    found = until(
        f"{number} lines", lambda: (rows := sql(here, f"SELECT {counted}")) and int(rows[0][0]) == number and rows, 120
    )
    # What a killed agent had not heard the answer to is sent again: one batch each time at most.
    assert int(found[0][1]) <= number + agent.kills * BATCH
    assert agent.stop() == 0
    said = (tmp_path / "agent.log").read_text().replace(str(tmp_path), "")
    assert "lost" not in said


def test_sigterm_saves_and_a_trace_in_two_moments_is_one_record(live: Live, agents: ExitStack, tmp_path: Path) -> None:
    here, _ = live
    log = tmp_path / "web.log"
    log.write_text("2026-01-31 03:04:05 ERROR two-moments failed\nTraceback (most recent call last):\n")
    agent = agents.enter_context(Agent(here, tmp_path, str(log)))
    with log.open("a") as file:
        file.write('  File "x.py", line 1, in y\nValueError: no\n')
    found = until("it", lambda: sql(here, "SELECT body, stream FROM log_lines WHERE body LIKE '%two-moments%'"))
    assert found[0][0].endswith("ValueError: no")
    assert found[0][1] == f"h1:{log}"
    assert agent.stop() == 0
    places = [json.loads(line) for line in (tmp_path / "places.json").read_text().splitlines()]
    assert places[0]["offset"] == log.stat().st_size
