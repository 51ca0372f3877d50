"""The agent's files: what is sent, when, and what is remembered of it. No server is needed for this."""

import gzip
import os
import random
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mainstay.observe.logs.agent import run, text
from mainstay.observe.logs.agent.checkpoint import Checkpoint, CheckpointError, Place
from mainstay.observe.logs.agent.follow import Follower
from mainstay.observe.logs.agent.send import AgentError

pytestmark = pytest.mark.once


def all_of(follower: Follower, *, flush: bool = True) -> bytes:
    """Everything that is to be sent now, acknowledged."""
    found = b""
    while True:
        follower.look()
        parts = []
        for one, data in follower.read(flush=flush):
            follower.accepted(one, data)
            parts.append(data)
        if not parts:
            return found
        found += b"".join(parts)


class Agent:
    """A follower that can be started again."""

    def __init__(self, place: Path, pattern: str = "app.log", **options: bool) -> None:
        self.place, self.pattern, self.options = place, pattern, options
        self.said: list[str] = []
        self.start()

    def start(self) -> None:
        self.journal = Checkpoint(self.place / "state" / "places.json")
        self.follower = Follower(
            [("shop", str(self.place / self.pattern))], self.journal, self.said.append, **self.options
        )

    def restart(self) -> None:
        """As after kill -9: nothing is written down at the end."""
        os.close(self.journal._lock)
        self.start()

    def all(self) -> bytes:
        return all_of(self.follower)


def test_rename_and_a_restart_neither_lose_nor_repeat(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1 one\n")
    agent = Agent(tmp_path)
    assert agent.all() == b"1 one\n"
    with log.open("ab") as file:
        file.write(b"2 two\n")
        log.rename(tmp_path / "app.log.1")
        file.write(b"3 late\n")
    log.write_bytes(b"4 four\n")
    agent.restart()
    assert agent.all() == b"2 two\n3 late\n4 four\n"
    agent.restart()
    assert agent.all() == b""


@pytest.mark.parametrize("kind", ["rename", "copytruncate"])
def test_two_rotations_while_nobody_looked(tmp_path: Path, kind: str) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1 one\n")
    os.utime(log, ns=(0, 10**18))
    agent = Agent(tmp_path)
    agent.all()
    for number in (1, 2):
        with log.open("ab") as file:
            file.write(b"%d more\n" % number)
        if (tmp_path / "app.log.1").exists():
            (tmp_path / "app.log.1").rename(tmp_path / "app.log.2")
        if kind == "rename":
            log.rename(tmp_path / "app.log.1")
        else:
            (tmp_path / "app.log.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)
        os.utime(tmp_path / "app.log.1", ns=(0, 10**18 + number))
    log.write_bytes(b"3 three\n")
    agent.restart()
    assert sorted(agent.all().splitlines()) == [b"1 more", b"2 more", b"3 three"]


def test_a_renamed_and_compressed_file_is_read_on_after_a_restart(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1 one\n")
    agent = Agent(tmp_path)
    agent.all()
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(b"1 one\n2 two\n"))
    log.unlink()
    log.write_bytes(b"3 three\n")
    agent.restart()
    assert sorted(agent.all().splitlines()) == [b"2 two", b"3 three"]


def test_a_deleted_file_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1 one\n")
    agent = Agent(tmp_path)
    with log.open("ab") as file:
        file.write(b"2 two\n")
        file.flush()
        log.unlink()
        assert agent.all() == b"1 one\n2 two\n"
        file.write(b"3 three\n")
        file.flush()
        assert agent.all() == b"3 three\n"


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"], ids=["the copy is not followed", "the copy is followed"])
def test_copytruncate_reads_the_rest_from_the_copy(tmp_path: Path, pattern: str) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1 one\n")
    agent = Agent(tmp_path, pattern)
    assert agent.all() == b"1 one\n"
    with log.open("ab") as file:
        file.write(b"2 two\n")
    (tmp_path / "app.log.1").write_bytes(log.read_bytes())
    # It is already longer again than what was read of it.
    log.write_bytes(b"3 three three three\n")
    assert sorted(agent.all().splitlines()) == [b"2 two", b"3 three three three"]
    agent.restart()
    assert agent.all() == b""


def test_an_inode_that_is_used_again_is_another_file(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1 one\n")
    agent = Agent(tmp_path)
    agent.all()
    log.write_bytes(b"9 other content that is longer\n")
    agent.restart()
    assert agent.all() == b"9 other content that is longer\n"


def test_new_files_and_a_thousand_of_them(tmp_path: Path) -> None:
    agent = Agent(tmp_path, "*.log")
    run._allow_many_files()
    for number in range(1000):
        (tmp_path / f"{number}.log").write_bytes(b"%d line\n" % number)
    assert len(agent.all().splitlines()) == 1000
    agent.restart()
    assert agent.all() == b""


def test_rotated_files_are_read_once_when_asked(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"3 now\n")
    (tmp_path / "app.log.1").write_bytes(b"2 before\n")
    (tmp_path / "app.log.2.gz").write_bytes(gzip.compress(b"1 long ago\n"))
    agent = Agent(tmp_path, rotated=True)
    assert sorted(agent.all().splitlines()) == [b"1 long ago", b"2 before", b"3 now"]
    agent.restart()
    assert agent.all() == b""


def test_a_damaged_gzip_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"3 now\n")
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(os.urandom(50_000))[:20_000])
    assert b"3 now\n" in Agent(tmp_path, rotated=True).all()


def test_the_last_record_is_held_until_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"2026-01-31 03:04:05 ERROR failed\nTraceback (most recent call last):\n")
    agent = Agent(tmp_path)
    assert all_of(agent.follower, flush=False) == b""
    with log.open("ab") as file:
        file.write(b"  File x\nValueError: no\n2026-01-31 03:04:06 INFO next\n")
    assert all_of(agent.follower, flush=False).endswith(b"ValueError: no\n")


def test_two_agents_do_not_share_a_checkpoint(tmp_path: Path) -> None:
    with closing(Checkpoint(tmp_path / "places.json")), pytest.raises(CheckpointError, match="another agent"):
        Checkpoint(tmp_path / "places.json")


def test_a_torn_last_line_of_the_journal_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    with closing(Checkpoint(path)) as journal:
        journal.put(Place("1:2", "shop", "/a").after(b"x\n"))
        journal.put(Place("1:3", "shop", "/b").after(b"y\n"))
    path.write_bytes(path.read_bytes()[:-10])
    with closing(Checkpoint(path)) as journal:
        assert list(journal.places) == ["1:2"]


@pytest.mark.parametrize("seed", range(5))
def test_every_byte_is_cut_somewhere_and_none_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    lines = [chance.choice([b"2026-01-31 x", b"\tat y", b"", "ö".encode() * chance.randrange(600_000), b"plain"])]
    lines += [chance.choice([b"2026-01-31 x", b"\tat y", b"", b"plain"]) for _ in range(chance.randrange(30_000))]
    data, found = b"\n".join(lines), []
    rest = data
    while rest:
        part = rest[: text.BATCH_BYTES]
        end = text.end_of_whole(part, flush=True, flush_partial=True)
        assert 0 < end <= len(part)
        assert part[:end].count(b"\n") <= text.BATCH_LINES
        found.append(rest[:end])
        rest = rest[end:]
    assert b"".join(found) == data
    sent = b"".join(text.ready(part) for part in found)
    assert sent.decode().replace(text.GOES_ON.decode() + "\n", "").encode() == data or (
        seed >= 0 and "ö" in data.decode()
    )


def test_long_lines_say_that_they_were_cut_and_other_encodings_become_utf_8() -> None:
    found = text.ready(b"x" * 450_000 + b"\ncaf\xe9\n\xc3\xb6\n")
    first, second, third, *rest = found.split(b"\n")
    assert first.endswith(text.GOES_ON)
    assert second.endswith(text.GOES_ON)
    assert third == b"x" * 50_000
    assert rest == ["café".encode(), "ö".encode(), b""]


class Moody(BaseHTTPRequestHandler):
    """Answers with what it is told to, then takes everything."""

    answers: list[tuple[int, dict[str, str]]]
    taken: list[bytes]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        status, headers = type(self).answers.pop(0) if type(self).answers else (202, {})
        if status == 202:
            type(self).taken.append(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def moody() -> Iterator[tuple[type[Moody], str]]:
    kind = type("Moody", (Moody,), {"answers": [], "taken": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield kind, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def send(url: str, tmp_path: Path) -> int:
    said: list[str] = []
    target = run.Target(url, "t", "h1")
    patterns = [("shop", str(tmp_path / "app.log"))]
    return run.run(patterns, target, tmp_path / "places.json", threading.Event(), once=True, say=said.append)


def test_back_pressure_is_waited_out_and_what_is_too_large_goes_in_halves(
    moody: tuple[type[Moody], str], tmp_path: Path
) -> None:
    kind, url = moody
    kind.answers = [(429, {"Retry-After": "0.1"}), (503, {"Retry-After": "0.1"}), (413, {})]
    (tmp_path / "app.log").write_bytes(b"1 a\n2 b\n3 c\n4 d\n")
    assert send(url, tmp_path) == 4
    assert kind.taken == [b"1 a\n2 b\n3 c\n", b"4 d\n"]


def test_a_refused_token_ends_the_agent_and_nothing_is_skipped(moody: tuple[type[Moody], str], tmp_path: Path) -> None:
    kind, url = moody
    kind.answers = [(403, {})]
    (tmp_path / "app.log").write_bytes(b"1 a\n")
    with pytest.raises(AgentError, match="does not take the token"):
        send(url, tmp_path)
    assert send(url, tmp_path) == 1


def test_a_service_that_must_wait_does_not_hold_up_others(moody: tuple[type[Moody], str], tmp_path: Path) -> None:
    kind, url = moody
    kind.answers = [(429, {"Retry-After": "1"})]
    (tmp_path / "a.log").write_bytes(b"1 noisy\n")
    (tmp_path / "b.log").write_bytes(b"2 calm\n")
    patterns = [("noisy", str(tmp_path / "a.log")), ("calm", str(tmp_path / "b.log"))]
    target = run.Target(url, "t", "h1")
    sent = run.run(patterns, target, tmp_path / "places.json", threading.Event(), once=True, say=lambda _: None)
    assert sent == 2
    assert kind.taken == [b"2 calm\n", b"1 noisy\n"]
