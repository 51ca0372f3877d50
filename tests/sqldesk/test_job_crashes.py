"""A worker that runs a job is killed on the way: every row is then where it was or where it goes, never in both."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.db import connection

from mainstay.core import clock
from mainstay.restore.sqldesk.jobs import execution, files, services
from mainstay.restore.sqldesk.models import Job, JobBatch
from tests.parts import until
from tests.sqldesk import desk
from tests.sqldesk.databases import Database
from tests.sqldesk.test_jobs import KEPT, ROWS, TAKEN, draft, events, left, started, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company"), pytest.mark.once]
assert events
State = Job.State
SEEDS = range(int(os.environ.get("MAINSTAY_TEST_SQL_SEEDS", "2")))
ACTIONS = {"delete": "", "move": "old_events", "archive": ""}


@pytest.fixture(autouse=True)
def _archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINSTAY_SQL_ARCHIVE_DIR", str(tmp_path))
    monkeypatch.setattr(files, "folder", lambda job: tmp_path / f"JOB-{job}")


def victim(job: Job, batch: int, point: str) -> "subprocess.Popen[bytes]":
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.sqldesk.job_victim", name, str(job.pk), str(batch), point]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def whole(job: Job, database: Database) -> None:
    """Each row is in exactly one place, and what the job counts is what has left."""
    here = left(database)
    assert len(here) == len(set(here))
    assert set(KEPT) <= set(here)
    job.refresh_from_db()
    gone = sorted(set(range(ROWS)) - set(here))
    assert job.rows_done == len(gone)
    if job.action == "move":
        assert left(database, "old_events") == gone
    if job.action == "archive":
        known = [one.file for one in job.batches.filter(state=JobBatch.State.DONE)]
        found = sorted(int(row["id"]) for file in known for row in pq.read_table(file).to_pylist())
        assert found == gone
        assert sorted(str(one) for one in files.folder(job.pk).glob("*.parquet") if str(one) in known) == sorted(known)


def settled(job: Job) -> Job:
    """What the next worker makes of it; the database may still be tidying up after the dead one."""

    def look() -> bool:
        with clock.moved(timedelta(hours=1)):
            execution.reconcile_due()
        job.refresh_from_db()
        return bool(job.state != State.RUNNING)

    until("the outcome", look)
    return job


def finish(job: Job, database: Database) -> None:
    with clock.moved(timedelta(hours=2)):
        work()
    whole(job, database)
    assert (job.state, left(database)) == (State.DONE, KEPT), job.state_reason


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("point", "batches"), [("selected", 1), ("written", 1), ("committed", 2)])
def test_a_worker_killed_in_its_second_batch(
    database: Database, request: pytest.FixtureRequest, action: str, point: str, batches: int
) -> None:
    shop: Database = request.getfixturevalue("events")
    job = started(draft(action=action, destination=ACTIONS[action]))
    assert victim(job, 2, point).wait(60) == -signal.SIGKILL
    assert settled(job).state == State.WAITING
    whole(job, shop)
    assert job.batches.count() == batches
    finish(job, shop)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_worker_killed_at_any_moment(
    database: Database, request: pytest.FixtureRequest, action: str, seed: int
) -> None:
    shop: Database = request.getfixturevalue("events")
    chance = random.Random(f"{seed} {action} {database.dialect}")
    job = started(draft(action=action, destination=ACTIONS[action], batch_rows=3))
    for _ in range(3):
        with clock.moved(timedelta(hours=1)):
            Job.objects.filter(pk=job.pk, state=State.WAITING).update(look_at=clock.now() - timedelta(hours=2))
        process = victim(job, 0, "-")
        time.sleep(chance.uniform(0.0, 0.4))
        process.kill()
        process.wait()
        if settled(job).state != State.WAITING:
            break
        whole(job, shop)
    finish(job, shop)
    assert sum(one.rows for one in job.batches.all()) == len(TAKEN)


def test_what_nobody_can_tell_is_asked_of_a_person(events: Database) -> None:
    if events.dialect == "postgres":
        pytest.skip("PostgreSQL remembers what became of a transaction")
    job = started(draft())
    victim(job, 1, "written").wait(60)
    events.run("DELETE FROM events WHERE id = 1")
    settled(job)
    assert job.state == State.UNKNOWN
    assert "look at them" in job.state_reason
    services.settle(desk.person("ana"), job.pk, committed=False, reason="I looked at the rows")
    services.start(desk.person("ben"), job.pk)
    work()
    assert left(events) == KEPT
