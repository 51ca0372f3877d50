"""Screens ask the database as often for fifty objects as for five."""

from collections.abc import Callable

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
        ("/", 20),
        ("/alerts", 12),
        ("/services", 10),
        ("/deliveries", 10),
        ("/rules", 10),
        ("/calendar", 16),
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


def test_an_incident(shop: None, sign_in: Callable[[str], Client]) -> None:
    client = sign_in("ana")
    path = f"/i/{Incident.objects.latest('pk').pk}"
    few = count(client, path)
    seed.post(seed.signal(f"More{number}", labels={"service": "payments"}) for number in range(50))
    assert count(client, path) == few
    assert few <= 24
