"""One chDB session for all tests (a process may open one path only), with fresh tables for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mainstay.observe.metrics.promql.conformance import ChdbStore

from .database import Database


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ChdbStore:
    return ChdbStore(str(tmp_path_factory.mktemp("chdb")))


@pytest.fixture
def db(store: ChdbStore) -> Iterator[Database]:
    database = Database(store)
    yield database
    database.clear()
