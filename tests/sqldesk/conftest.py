"""Fixtures of the SQL desk: real servers of our own, and a fresh, empty database in each for every test."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests import mariadb, postgres
from tests.sqldesk.databases import Database, of_url


def _there(url: str | None, package: str) -> str:
    """The address of a server, or the end of the test that needs it."""
    if url is not None:
        return url
    reason = f"{package} is not installed; .ci/run installs it"
    if os.environ.get("MAINSTAY_TEST_REQUIRE") == "all":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The SQLAlchemy address of a PostgreSQL server in which the account may do everything."""
    with postgres.temporary_server() as url:
        yield _there(url, "postgresql").replace("postgresql:", "postgresql+psycopg:", 1)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """The SQLAlchemy address of a MariaDB server in which the account may do everything."""
    with mariadb.temporary_server() as url:
        yield _there(url, "mariadb-server")


def _database_of(server: str, drop: str) -> Iterator[str]:
    name = f"t{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(drop.format(name)))
    finally:
        engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The SQLAlchemy address of a fresh, empty database in PostgreSQL."""
    yield from _database_of(postgres_server, "DROP DATABASE {} WITH (FORCE)")


@pytest.fixture
def mariadb_url(mariadb_server: str) -> Iterator[str]:
    """The SQLAlchemy address of a fresh, empty database in MariaDB."""
    yield from _database_of(mariadb_server, "DROP DATABASE {}")


@pytest.fixture(params=["postgres", "mysql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A fresh database of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "shop.db"
        sqlite3.connect(path).close()
        path.touch()
        return of_url(f"sqlite:///{path}")
    return of_url(request.getfixturevalue("postgres_url" if request.param == "postgres" else "mariadb_url"))
