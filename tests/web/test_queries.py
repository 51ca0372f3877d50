"""Screens ask the database as often for fifty objects as for five."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.web import seed

from mainstay.respond.incidents.models import Incident


def count(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 22),
        ("/alerts", 12),
        ("/silences", 12),
        ("/releases", 12),
        ("/releases/plans", 12),
        ("/drills", 12),
        ("/diagnosis", 10),
        ("/supportability", 12),
        ("/supportability/payments", 14),
        ("/configurations", 12),
        ("/escalations", 12),
        ("/reports?kind=month&at=now", 22),
        ("/configurations/gateway", 24),
        ("/maintenance", 14),
        ("/problems", 16),
        ("/trackers", 12),
        ("/subscribers", 12),
        ("/levels", 14),
        ("/services", 10),
        ("/deliveries", 10),
        ("/rules", 10),
        ("/calendar", 19),
        ("/logs/formats", 10),
        ("/known-errors", 14),
        ("/checks", 10),
        ("/corrections", 12),
    ],
)
def test_lists(shop: None, sign_in: Callable[[str], Client], path: str, most: int) -> None:
    client = sign_in("ana")
    seed.many(5)
    few = count(client, path)
    seed.many(50)
    assert count(client, path) == few
    assert few <= most


@pytest.mark.parametrize(
    ("path", "most"), [("/sql", 18), ("/sql?connection=file", 20), ("/corrections", 12), ("/jobs", 10)]
)
def test_the_sql_desk(shop: None, sign_in: Callable[[str], Client], tmp_path: Path, path: str, most: int) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    client = sign_in("ana")
    seed.desk(str(tmp_path / "shop.db"), 3)
    few = count(client, path)
    seed.desk(str(tmp_path / "shop.db"), 30)
    assert count(client, path) == few
    assert few <= most


def test_an_incident(shop: None, sign_in: Callable[[str], Client]) -> None:
    client = sign_in("ana")
    path = f"/i/{Incident.objects.latest('pk').pk}"
    few = count(client, path)
    seed.post(seed.signal(f"More{number}", labels={"service": "payments"}) for number in range(50))
    assert count(client, path) == few
    assert few <= 26
