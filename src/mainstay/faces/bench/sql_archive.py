"""How quickly a job archives and deletes rows, beside COPY and batched DELETE by hand, and what others feel of it.

On a PostgreSQL server whose address is in ``BENCH_POSTGRES``. The table is made, filled and thrown away.
"""

import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from mainstay.core.ids import new_id
from mainstay.faces.bench.figures import Figure, at_least, at_most
from mainstay.faces.bench.installation import own_database, percentile

GOAL_SPEED, GOAL_P99 = 0.5, 1.5
BATCH = 50_000
_MAKE = """
CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL, customer integer, kind varchar(20),
  amount numeric(12,2), note text, payload text);
INSERT INTO events SELECT n, timestamptz '2024-01-01' + n * interval '5 seconds', n %% 100000, 'kind-' || n %% 12,
  (n %% 100000) / 100.0, 'note ' || md5(n::text), repeat(md5((n * 7)::text), 2) FROM generate_series(1, %s) n;
CREATE TABLE IF NOT EXISTS accounts (id integer PRIMARY KEY, balance integer NOT NULL);
INSERT INTO accounts SELECT n, 0 FROM generate_series(1, 50000) n ON CONFLICT DO NOTHING;
"""


class BenchError(Exception):
    """The measurement cannot be made; the text says why."""


@contextmanager
def others(url: str, threads: int = 2, per_second: float = 60.0) -> Iterator[list[float]]:
    """Short transactions of others, as many as a shop at work has; their milliseconds are there after the block.

    In a process of their own, for a job in the same one would keep them from looking at the clock.
    """
    apart = multiprocessing.get_context("spawn")
    stop, (ours, theirs) = apart.Event(), apart.Pipe()
    process = apart.Process(target=_crowd, args=(url, stop, theirs, threads, per_second), daemon=True)
    process.start()
    ours.recv()
    took: list[float] = []
    try:
        yield took
    finally:
        stop.set()
        took.extend(ours.recv())
        process.join()


def _crowd(url: str, stop: Any, answer: Any, threads: int, per_second: float) -> None:
    took: list[float] = []
    answer.send("ready")
    with ThreadPoolExecutor(threads) as crowd:
        for seed in range(threads):
            crowd.submit(_work, url, stop, took, seed, per_second)
    answer.send(took)


def _work(url: str, stop: Any, took: list[float], seed: int, per_second: float) -> None:
    chance = random.Random(seed)  # noqa: S311 - for a workload, not for secrets
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.wait(chance.expovariate(per_second)):
            began = time.perf_counter()
            with connection.transaction():
                account = chance.randrange(1, 50_001)
                connection.execute("UPDATE accounts SET balance = balance + 1 WHERE id = %s", [account])
                connection.execute("SELECT * FROM accounts WHERE id = %s", [chance.randrange(1, 50_001)])
            took.append((time.perf_counter() - began) * 1000)


def _fresh(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS events")
        for statement in _MAKE.split(";"):
            if statement.strip():
                connection.execute(statement, [rows] if "%s" in statement else None)
        connection.execute("VACUUM ANALYZE events")
        connection.execute("CHECKPOINT")


def _by_hand(url: str, rows: int, place: Path) -> None:
    """What an administrator would type: COPY to a file, synced, then DELETE in ranges of the key."""
    with psycopg.connect(url, autocommit=True) as connection:
        with (place / "events.csv").open("wb") as file, connection.cursor() as cursor:
            with cursor.copy("COPY (SELECT * FROM events WHERE at < '2100-01-01' ORDER BY id) TO STDOUT CSV") as copy:
                for data in copy:
                    file.write(data)
            file.flush()
            os.fsync(file.fileno())
        for start in range(0, rows + 1, BATCH):
            connection.execute("DELETE FROM events WHERE id > %s AND id <= %s", [start, start + BATCH])


def _by_job(url: str, rest: int, milliseconds: int) -> int:
    """The same by an approved job, in this process. Returns how many rows it took."""
    from mainstay.catalog.models import Service
    from mainstay.restore.sqldesk.jobs import execution, facts
    from mainstay.restore.sqldesk.jobs import services as jobs
    from mainstay.restore.sqldesk.models import Connection, Job

    parts = conninfo_to_dict(url)
    host, port, name = parts.get("host", "127.0.0.1"), parts.get("port", 5432), parts["dbname"]
    shop, _ = Connection.objects.update_or_create(
        key="bench",
        defaults={
            "name": "Bench",
            "dialect": "postgres",
            "address": f"{parts.get('user', '')}@{host}:{port}/{name}",
            "environment": "test",
            "statement_timeout": 600,
        },
    )
    shop.services.add(Service.objects.get_or_create(key="bench", defaults={"name": "Bench"})[0])
    ana, ben = _people()
    fields = {
        "title": "Old events",
        "reason": "Measured",
        "table": "events",
        "condition": "at < '2100-01-01'",
        "action": "archive",
        "batch_rows": BATCH,
        "batch_ms": milliseconds,
        "rest_percent": rest,
        "in_windows": False,
    }
    job = jobs.propose(ben, "bench", fields)
    jobs.dry_run(ben, job.pk)
    jobs.request(ben, job.pk)
    jobs.approve(ana, job.pk, facts.hash_of(jobs.get(ana, job.pk)))
    jobs.start(ben, job.pk)
    run = execution.claim()
    if run is None:
        raise BenchError("the job was not taken up")
    execution.carry(run)
    found = Job.objects.get(pk=job.pk)
    if found.state != Job.State.DONE:
        raise BenchError(f"the job did not end: {found.state} {found.state_reason}")
    return int(found.rows_done)


def _people() -> tuple[Any, Any]:
    from mainstay.core.access import of_person
    from mainstay.core.models import Person

    made = [
        Person.objects.get_or_create(email=f"{name}@bench.example", defaults={"name": name, "role": "responder"})[0]
        for name in ("ana", "ben")
    ]
    return of_person(made[0]), of_person(made[1])


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def run(rows: int, rest: int, milliseconds: int) -> list[Figure]:
    """Measure by hand, by a job, and by a job with others at work."""
    server = os.environ.get("BENCH_POSTGRES")
    if not server:
        raise BenchError("set BENCH_POSTGRES to the address of a PostgreSQL server that may be filled and emptied")
    place = Path(tempfile.mkdtemp(prefix="mainstay-archive-"))
    name = f"bench_{new_id()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = f"{server.rpartition('/')[0]}/{name}"
    try:
        with own_database(sql_archive_dir=str(place)):
            _fresh(url, rows)
            by_hand = _timed(lambda: _by_hand(url, rows, place))
            _fresh(url, rows)
            by_job = _timed(lambda: _by_job(url, 0, milliseconds))
            _fresh(url, rows)
            with others(url) as alone:
                time.sleep(20)
            with others(url) as beside:
                with_others = _timed(lambda: _by_job(url, rest, milliseconds))
    finally:
        shutil.rmtree(place, ignore_errors=True)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    quiet, busy = percentile(alone, 0.99), percentile(beside, 0.99)
    return [
        Figure("COPY and batched DELETE by hand", round(rows / by_hand), "rows/s"),
        Figure("archived and deleted by a job", round(rows / by_job), "rows/s"),
        at_least("a job beside the hand", by_hand / by_job, "times its speed", GOAL_SPEED),
        Figure(f"by a job with rest of {rest} % and others at work", round(rows / with_others), "rows/s"),
        Figure("a transaction of others, alone", round(quiet, 2), "ms p99"),
        Figure("a transaction of others, beside the job", round(busy, 2), "ms p99"),
        at_most("beside over alone", busy / quiet, "times", GOAL_P99),
    ]
