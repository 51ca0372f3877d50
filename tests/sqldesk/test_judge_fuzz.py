"""What the judge allows changes nothing: mutated statements on real servers, as an account that may do everything."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from mainstay.restore.sqldesk.judge import Dialect
from tests.sqldesk import shop
from tests.sqldesk.fuzz import Run, fuzz

pytestmark = pytest.mark.once

MUTANTS = int(os.environ.get("MAINSTAY_TEST_JUDGE_FUZZ", "600"))
SEED = int(os.environ.get("MAINSTAY_TEST_JUDGE_SEED", "1"))


@pytest.fixture
def directory() -> Iterator[Path]:
    """A folder into which the servers, which are other users, may write."""
    with tempfile.TemporaryDirectory(prefix="mainstay-fuzz-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def settled(run: Run) -> None:
    assert run.changed == [], "\n\n".join(run.changed[:20])
    assert run.ran > run.tried / 20, f"too few mutants ran to prove anything: {run}"
    print(f"{run.tried} mutants, {run.allowed} allowed, {run.ran} ran")


def test_postgres_stays_as_it_was(postgres_url: str, directory: Path) -> None:
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        shop.fill(connection)

    def prepare(connection: Connection) -> None:
        connection.exec_driver_sql("SET statement_timeout = '2s'")

    settled(fuzz(Dialect.POSTGRES, engine, directory, SEED, MUTANTS, prepare))
    engine.dispose()


def test_mariadb_stays_as_it_was(mariadb_url: str, directory: Path) -> None:
    engine = create_engine(mariadb_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        shop.fill(connection)

    def prepare(connection: Connection) -> None:
        connection.exec_driver_sql("SET max_statement_time = 2")

    settled(fuzz(Dialect.MYSQL, engine, directory, SEED, MUTANTS, prepare))
    engine.dispose()


def test_sqlite_stays_as_it_was(tmp_path: Path, directory: Path) -> None:
    engine = shop.open_sqlite(str(tmp_path / "shop.sqlite3"))
    with engine.connect() as connection:
        shop.fill(connection)
    settled(fuzz(Dialect.SQLITE, engine, directory, SEED, MUTANTS, lambda _: None))
    engine.dispose()
