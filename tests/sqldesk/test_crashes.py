"""Our side and the server are killed on the way: a correction is then not made, or made once and known to be."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from mainstay.core import clock
from mainstay.restore.sqldesk.correct import execution, services
from mainstay.restore.sqldesk.engines.base import UnreachableError
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.models import Batch, Correction
from tests import mariadb, postgres
from tests.parts import need, until
from tests.sqldesk import desk
from tests.sqldesk.databases import Database, of_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company"), pytest.mark.once]
State = Correction.State
SEEDS = range(int(os.environ.get("MAINSTAY_TEST_SQL_SEEDS", "3")))
ROWS = 300


@pytest.fixture
def orders(database: Database) -> Database:
    return _filled(database)


def _filled(database: Database) -> Database:
    values = ", ".join(f"({number}, 'new')" for number in range(ROWS))
    database.run(
        "CREATE TABLE orders (id integer PRIMARY KEY, state varchar(20))", f"INSERT INTO orders VALUES {values}"
    )
    desk.connect(database)
    return database


def paid(database: Database) -> int:
    return int(database.rows("SELECT count(*) FROM orders WHERE state = 'paid'")[0][0])


def victim(correction: Correction, point: str) -> "subprocess.Popen[bytes]":
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.sqldesk.victim", name, str(correction.pk), point]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def settled(correction: Correction, database: Database) -> Correction:
    """What the next worker makes of it; the database may still be tidying up after the dead one."""

    def look() -> Correction | None:
        with clock.moved(timedelta(hours=1)):
            execution.reconcile_due()
        correction.refresh_from_db()
        known = {one.number for one in correction.batches.filter(state=Batch.State.DONE)}
        if correction.state == State.RUNNING:
            return None
        assert paid(database) == sum(
            len(one.keys or range(ROWS)) for one in correction.batches.filter(number__in=known)
        )
        return correction

    found: Correction = until("the outcome", look)
    return found


@pytest.mark.parametrize(("point", "made"), [("looked", 0), ("written", 0), ("committed", ROWS)])
def test_a_worker_killed_around_the_commit(orders: Database, point: str, made: int) -> None:
    correction = desk.started(desk.draft("UPDATE orders SET state = 'paid' WHERE state = 'new'", rows=ROWS))
    process = victim(correction, point)
    assert process.wait(60) == -signal.SIGKILL
    found = settled(correction, orders)
    assert paid(orders) == made
    assert found.state == (State.DONE if made else State.QUEUED)
    desk.work()
    correction.refresh_from_db()
    assert (correction.state, paid(orders)) == (State.DONE, ROWS)
    assert desk.undone(correction).state == State.DONE
    assert paid(orders) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_killed_at_any_moment_in_batches(orders: Database, seed: int) -> None:
    chance = random.Random(seed)
    correction = desk.draft("UPDATE orders SET state = 'paid' WHERE state = 'new'", rows=ROWS, batch_rows=20)
    desk.started(correction)
    for _ in range(4):
        process = victim(correction, "-")
        time.sleep(chance.uniform(0.0, 0.35))
        process.kill()
        process.wait()
        if settled(correction, orders).state != State.QUEUED:
            break
    desk.work()
    correction.refresh_from_db()
    assert (correction.state, paid(orders)) == (State.DONE, ROWS)
    assert sum(one.rows or 0 for one in correction.batches.all()) == ROWS
    assert desk.undone(correction).state == State.DONE
    assert paid(orders) == 0


class Mortal:
    """A server of its own that can be killed as it stands and started again with the same words."""

    def __init__(self, url: str) -> None:
        self.database = of_url(url)
        self.started: list[subprocess.Popen[bytes]] = []
        if self.database.dialect == "postgres":
            self.place, self.account = Path(str(self.database.rows("SHOW data_directory")[0][0])), "postgres"
        else:
            self.place, self.account = Path(str(self.database.rows("SELECT @@datadir")[0][0])).parent, "mysql"

    def _pid(self) -> int:
        name = "postmaster.pid" if self.account == "postgres" else "pid"
        return int((self.place / name).read_text().splitlines()[0])

    def _family(self) -> list[int]:
        """Its process and those of its sessions: one of PostgreSQL's may outlive its parent by a whole commit."""
        pid = self._pid()
        os.kill(pid, signal.SIGSTOP)  # it has no more children from here on
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Dead within the block, alive again after it."""
        words = _words(self._pid())
        family = self._family()
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until("its end", lambda: not any(map(_words, family)))
        try:
            yield
        finally:
            user = [f"--reuid={self.account}", f"--regid={self.account}", "--init-groups"]
            command = ["setpriv", *user, *words] if os.geteuid() == 0 else words
            until("the server again", lambda: self._alive(command), 60)

    def _alive(self, command: list[str]) -> bool:
        """Whether it answers. It does not start while a process of the dead one still lives, so it is tried again."""
        if not self.started or self.started[-1].poll() is not None:
            quiet = subprocess.DEVNULL
            self.started.append(subprocess.Popen(command, cwd="/", stdout=quiet, stderr=quiet))
        return _answers(self.database)


@pytest.fixture(params=["postgres", "mysql"])
def mortal(request: pytest.FixtureRequest) -> Iterator[Mortal]:
    is_postgres = request.param == "postgres"
    with (postgres if is_postgres else mariadb).temporary_server() as url:
        if url is None:
            need("postgres" if is_postgres else "mariadbd")
        if not is_postgres:
            of_url(str(url)).run("CREATE DATABASE shop")
        server = Mortal(str(url) if is_postgres else f"{url}shop")
        if not is_postgres:
            # The servers of tests need not keep their word on disk; this one must.
            server.database.run("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        yield server
        for process in server.started if not is_postgres else ():
            process.kill()
    for process in server.started:
        process.wait(30)


def _words(pid: int) -> list[str]:
    """The command of a process; empty when it has ended."""
    try:
        return [word for word in Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0") if word]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _answers(database: Database) -> bool:
    try:
        return bool(database.rows("SELECT 1"))
    except UnreachableError:
        return False


@pytest.mark.parametrize("answered", [False, True], ids=["before its commit", "before its answer"])
def test_a_server_killed_at_the_commit(mortal: Mortal, answered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = _filled(mortal.database)
    correction = desk.started(desk.draft("UPDATE orders SET state = 'paid' WHERE state = 'new'", rows=ROWS))
    real = Session.commit

    def commit(session: Session) -> None:
        if answered:
            real(session)
        with mortal.dead():
            try:
                real(session)
            finally:
                raise UnreachableError("the connection is lost")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", commit)
        desk.work()
    found = settled(correction, orders)
    assert paid(orders) == (ROWS if answered else 0)
    assert found.state == (State.DONE if answered else State.QUEUED)
    desk.work()
    correction.refresh_from_db()
    assert (correction.state, paid(orders)) == (State.DONE, ROWS)


def test_what_nobody_can_tell_is_asked_of_a_person(orders: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if orders.dialect == "postgres":
        pytest.skip("PostgreSQL remembers what became of a transaction")
    correction = desk.started(desk.draft("UPDATE orders SET state = 'paid' WHERE id = 1", rows=1))
    process = victim(correction, "written")
    process.wait(60)
    orders.run("UPDATE orders SET state = 'theirs' WHERE id = 1")
    with clock.moved(timedelta(hours=1)):
        until("the dead session", lambda: execution.reconcile_due() and Correction.objects.get().state != State.RUNNING)
    correction.refresh_from_db()
    assert correction.state == State.UNKNOWN
    services.settle(desk.person("ana"), correction.pk, committed=False, reason="I looked at the row")
    correction.refresh_from_db()
    assert correction.state == State.FAILED
