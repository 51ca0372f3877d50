"""Near changes come first: near in time, and over the calls between services."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.changes.ranking import MOST_CALLS, ranked, ways

BEGAN = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
# web calls pay, pay calls db; batch calls pay.
CALLS = [("web", "pay"), ("pay", "db"), ("batch", "pay"), ("db", "disk"), ("disk", "san"), ("san", "far")]


@dataclass(frozen=True)
class One:
    time: datetime
    service: str


def change(service: str, minutes: float) -> One:
    return One(BEGAN - timedelta(minutes=minutes), service)


def test_what_lies_around_says_how() -> None:
    found = ways("pay", CALLS)
    assert {key: way.said for key, way in found.items()} == {
        "pay": "the service itself",
        "db": "pay → db",
        "disk": "pay → db → disk",
        "san": "pay → db → disk → san",
        "web": "web → pay",
        "batch": "batch → pay",
    }
    assert found["pay"].near > found["db"].near > found["web"].near > 0


def test_a_cycle_ends_and_the_nearer_way_counts() -> None:
    found = ways("a", [("a", "b"), ("b", "a")])
    assert found["b"].said == "a → b"


def test_the_nearest_comes_first() -> None:
    said = [change("web", 5), change("db", 5), change("pay", 5), change("pay", 300), change("pay", -3)]
    order = [one.change for one in ranked(said, ways("pay", CALLS), BEGAN)]
    assert order == [said[2], said[1], said[0], said[4], said[3]]


def test_an_old_change_of_the_service_itself_yields_to_a_fresh_one_below_it() -> None:
    said = [change("pay", 240), change("disk", 4)]
    assert [one.change for one in ranked(said, ways("pay", CALLS), BEGAN)] == [said[1], said[0]]


@given(st.lists(st.tuples(st.sampled_from(["web", "pay", "db", "other"]), st.integers(-30, 360)), max_size=30))
def test_all_that_is_around_is_there_once_in_order(said: list[tuple[str, int]]) -> None:
    changes = [change(*one) for one in said]
    found = ranked(changes, ways("pay", CALLS), BEGAN)
    assert sorted(map(repr, (one.change for one in found))) == sorted(
        repr(one) for one in changes if one.service != "other"
    )
    assert all(0 < one.near <= 1 for one in found)
    assert [one.near for one in found] == sorted((one.near for one in found), reverse=True)


def test_what_is_many_calls_away_is_left_out() -> None:
    assert "far" not in ways("pay", CALLS)
    assert MOST_CALLS == 3
