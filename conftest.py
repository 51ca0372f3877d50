"""Fixtures for all tests: a small company to page people in, and the one place of an engine inside this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

COMPANY = """
people:
  - email: ana@x.example
    name: Ana
    role: admin
    timezone: Europe/Berlin
    contact: [{channel: mail}, {channel: web}]
  - {email: ben@x.example, name: Ben, role: responder, contact: [{channel: mail}]}
  - {email: vic@x.example, name: Vic, role: viewer}
teams:
  - {key: money, name: Money, members: [ana@x.example]}
services:
  - {key: front, name: Front, tier: 1, depends_on: [pay]}
  - {key: pay, name: Pay, team: money, tier: 1}
  - {key: lonely, name: Lonely, tier: 4}
business_processes:
  - key: checkout
    name: Checkout
    importance: high
    users: 400 customers
    cost_per_hour: "1000.00"
    services: [front]
escalation_policies:
  - key: main
    name: Main
    default: true
    repeat: 1
    steps:
      - {people: [ana@x.example], wait: 5m}
      - {people: [ben@x.example], wait: 10m}
known_errors:
  - key: KE-1
    name: Provider is down
    services: [pay]
    match: {text: provider timeout}
    workaround: Call the provider.
"""


@pytest.fixture(scope="session", autouse=True)
def _emptied_soon() -> Iterator[None]:
    """Tests that commit are cleaned up after by what they wrote."""
    from django.test import TransactionTestCase
    from tests import kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: kept.empty())
        yield


@pytest.fixture
def company(db: None) -> None:
    """People, services and a policy, applied as anybody would."""
    from tests import kept

    kept.put("company", _company)


def _company() -> None:
    from mainstay.config import read, services
    from mainstay.core.access import LOCAL

    services.apply(LOCAL, read.read([("company.yaml", COMPANY)]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for no database says the same on each of them, so that it runs once."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if not (item.get_closest_marker("django_db") or asked & {"db", "transactional_db"}):
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session")
def chdb_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tests open chDB inside this process: it opens one path and no other for as long as the process lives."""
    return tmp_path_factory.mktemp("chdb")
