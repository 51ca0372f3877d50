"""One chDB session for all tests, with fresh tables for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mainstay.observe.metrics.promql.conformance import ChdbStore

from .database import Database


@pytest.fixture(scope="session")
def store(chdb_path: Path) -> ChdbStore:
    return ChdbStore(str(chdb_path))


@pytest.fixture
def db(store: ChdbStore) -> Iterator[Database]:
    database = Database(store)
    yield database
    database.clear()
