"""How much longer a correction takes than its bare statement: rows seen, locked, changed, seen again, and kept.

On the database whose SQLAlchemy-like address is in ``BENCH_POSTGRES`` or ``BENCH_MYSQL``
(``postgresql://USER@HOST:PORT/DATABASE``), and on a SQLite file. The tables are made, filled and thrown away. Both
sides run in turn on the same rows; the medians are compared.
"""

import gc
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.installation import own_database

GOAL = 2.0
_TYPES = {
    "postgres": ("bigint", "timestamptz", "numeric(12,2)", "text"),
    "mysql": ("bigint", "datetime", "decimal(12,2)", "varchar(200)"),
    "sqlite": ("integer", "text", "numeric", "text"),
}


def run(rows: int, rounds: int) -> list[Figure]:
    """A figure for each database that is there."""
    with own_database():
        gc.freeze()  # As the worker does.
        return [_measure(dialect, address, secret, rows, rounds) for dialect, address, secret in _places()]


def _places() -> Iterator[tuple[str, str, str]]:
    for dialect, variable in (("postgres", "BENCH_POSTGRES"), ("mysql", "BENCH_MYSQL")):
        if os.environ.get(variable):
            parts = urlsplit(os.environ[variable])
            address = f"{parts.username}@{parts.hostname}:{parts.port}/{parts.path.lstrip('/')}"
            yield dialect, address, unquote(parts.password or "")
    with tempfile.TemporaryDirectory(prefix="mainstay-bench-") as place:
        path = Path(place) / "shop.sqlite3"
        sqlite3.connect(path).close()
        path.touch()
        yield "sqlite", str(path), ""


def _measure(dialect: str, address: str, secret: str, rows: int, rounds: int) -> Figure:
    from mainstay.core import secrets
    from mainstay.restore.sqldesk import connections
    from mainstay.restore.sqldesk.models import Connection

    if secret:
        secrets.put("bench", secret)
    connection = Connection.objects.create(
        key=f"bench-{dialect}",
        name="Bench",
        dialect=dialect,
        address=address,
        secret="bench" if secret else "",
        statement_timeout=300,
    )
    with connections.open_session(connection, reading=False) as session:
        session.run("DROP TABLE IF EXISTS mainstay_bench")
        whole, moment, amount, text = _TYPES[dialect]
        session.run(
            f"CREATE TABLE mainstay_bench (id {whole} PRIMARY KEY, customer {whole}, at {moment}, amount {amount}, "
            f"state {text}, note {text})"
        )
        marker = session.engine.marker
        lines = [
            (number, number % 500, "2026-03-01 12:00:00", f"{number % 997}.25", "new", f"order {number} by hand")
            for number in range(rows * 3)
        ]
        session.engine.begin_write(session)
        session.many(f"INSERT INTO mainstay_bench VALUES ({', '.join([marker] * 6)})", lines)
        session.commit()
    bare, proven = [], []
    for turn in range(rounds):
        bare.append(_bare(connection, rows, f"bare {turn}"))
        proven.append(_proven(connection, rows, f"proven {turn}"))
    with connections.open_session(connection, reading=False) as session:
        session.run("DROP TABLE mainstay_bench")
    ratio = statistics.median(proven) / statistics.median(bare)
    beside = f"bare {statistics.median(bare) * 1000:.0f} ms, with images {statistics.median(proven) * 1000:.0f} ms"
    return at_most(f"{dialect}: {rows:,} rows against the bare UPDATE", ratio, "times", GOAL, beside)


def _sql(rows: int, state: str) -> str:
    return f"UPDATE mainstay_bench SET state = '{state}', amount = amount + 1 WHERE id < {rows}"


def _bare(connection: object, rows: int, state: str) -> float:
    from mainstay.restore.sqldesk import connections
    from mainstay.restore.sqldesk.models import Connection

    assert isinstance(connection, Connection)  # noqa: S101 - the model is imported late
    began = time.perf_counter()
    with connections.open_session(connection, reading=False) as session:
        session.engine.begin_write(session)
        session.run(_sql(rows, state))
        session.commit()
        return time.perf_counter() - began


def _proven(connection: object, rows: int, state: str) -> float:
    """The whole of a batch, as the worker carries it out, from the session to the batch that is done."""
    from mainstay.core import clock
    from mainstay.restore.sqldesk.correct import execution, facts
    from mainstay.restore.sqldesk.models import Batch, Connection, Correction

    assert isinstance(connection, Connection)  # noqa: S101 - the model is imported late
    correction = Correction.objects.create(
        title="Bench",
        reason="Bench",
        connection=connection,
        statements=[_sql(rows, state)],
        expected_rows=rows,
        state=Correction.State.RUNNING,
        created_at=clock.now(),
        lease_until=clock.now(),
    )
    work = facts.work(correction)
    correction.fingerprint = execution.fingerprint_of(correction, work)
    batch = Batch.objects.create(correction=correction, number=1)
    began = time.perf_counter()
    execution.carry_batch(correction, work, batch)
    return time.perf_counter() - began
