"""A database that nobody linked belongs to the service whose name it bears, and to no other."""

import pytest

from mainstay.learn.diagnosis.domain.stores import calls_of

pytestmark = pytest.mark.once
CALLS = [("frontend", "cartservice"), ("frontend", "rate"), ("ts-ui", "ts-station-service"), ("rate", "redis-geo")]


@pytest.mark.parametrize(
    ("store", "owner"),
    [
        ("redis-cart", "cartservice"),
        ("mongodb-rate", "rate"),
        ("ts-station-mongo", "ts-station-service"),
        ("cart.db", "cartservice"),
    ],
)
def test_a_database_belongs_to_who_bears_its_name(store: str, owner: str) -> None:
    assert calls_of([store], CALLS) == [(owner, store)]


@pytest.mark.parametrize("name", ["redis", "mongodb-user", "rate-limiter", "redis-geo", "station"])
def test_no_other_link_is_made_up(name: str) -> None:
    assert calls_of([name], CALLS) == []
