from datetime import UTC, datetime, time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.catalog import domain
from mainstay.catalog.domain import Process

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # A Monday.
EDGES = [("front", "orders"), ("orders", "pay"), ("pay", "orders"), ("other", "stock")]


def process(key: str, importance: str, *services: str, hours: domain.Hours | None = None) -> Process:
    return Process(key, key.title(), importance, frozenset(services), hours=hours or domain.Hours())


def test_impact_follows_dependencies_up_to_the_processes() -> None:
    impact = domain.impact_of(
        "pay", 1, EDGES, [process("checkout", "high", "front"), process("x", "low", "stock")], NOW
    )
    assert impact.level == "high"
    assert [hit.process.key for hit in impact.hits] == ["checkout"]
    assert impact.hits[0].path == ("front", "orders", "pay")
    assert impact.reason == "Checkout needs pay (front → orders → pay), importance high"


def test_outside_support_hours_a_process_counts_one_step_less() -> None:
    office = domain.hours_from(
        {"timezone": "Europe/Berlin", "weekly": [{"days": ["mon"], "from": "08:00", "to": "12:30"}]}
    )
    busy = domain.impact_of("pay", 1, EDGES, [process("close", "high", "pay", hours=office)], NOW.replace(hour=11))
    late = domain.impact_of("pay", 1, EDGES, [process("close", "high", "pay", hours=office)], NOW)
    assert (busy.level, late.level) == ("high", "medium")
    assert "outside its support hours" in late.reason


def test_a_service_without_a_process_is_judged_by_its_tier() -> None:
    assert domain.impact_of("pay", 1, EDGES, [], NOW).level == "medium"
    assert domain.impact_of("pay", 3, EDGES, [], NOW).level == "low"
    assert domain.impact_of(None, 3, EDGES, [], NOW).level == "medium"


keys = st.sampled_from("abcdef")


@given(st.lists(st.tuples(keys, keys), max_size=20), keys)
def test_paths_are_real_chains_of_calls_whatever_the_graph(edges: list[tuple[str, str]], target: str) -> None:
    for start, path in domain.paths_to(target, edges).items():
        assert path[0] == start
        assert path[-1] == target
        assert all(pair in edges for pair in pairwise(path))


def test_a_window_that_ends_at_midnight_ends_with_the_day() -> None:
    hours = domain.Hours("UTC", ((frozenset({0}), time(20), time(0)),))
    assert hours.open_at(NOW.replace(hour=23, minute=59))
    assert not hours.open_at(NOW.replace(day=3, hour=0))


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"weekly": [{"days": ["moon"]}]}, "days"),
        ({"weekly": [{"from": "x"}]}, "from"),
    ],
)
def test_bad_hours_name_the_field(raw: dict[str, object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        domain.hours_from(raw)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), max_size=12), st.sampled_from("abcde"))
def test_what_is_reached_is_what_has_a_path(calls: list[tuple[str, str]], service: str) -> None:
    assert domain.reached(service, domain.callers_of(calls)) == frozenset(domain.paths_to(service, calls)) - {service}
