"""Ranges of time as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from mainstay.core.problems import ProblemError
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.counts import step_of

pytestmark = pytest.mark.once
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("last 15m", timedelta(minutes=-15), timedelta()),
        ("15 min", timedelta(minutes=-15), timedelta()),
        ("Last 2H", timedelta(hours=-2), timedelta()),
        ("-2h to -1h", timedelta(hours=-2), timedelta(hours=-1)),
        ("-1d to now", timedelta(days=-1), timedelta()),
        ("2026-11-23T12:00:00+01:00 to 2026-11-23T11:30:00Z", timedelta(hours=-1), timedelta(minutes=-30)),
    ],
)
def test_what_a_range_means(text: str, start: timedelta, end: timedelta) -> None:
    found = times.parse(text, NOW)
    assert (found.start, found.end) == (NOW + start, NOW + end)
    locked = times.parse(found.locked, NOW + timedelta(days=3))
    assert (locked.start, locked.end, locked.relative) == (found.start, found.end, False)
    assert found.relative == ("T" not in text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("soon", "no range of time"),
        ("-1h to -2h", "swap its sides"),
        ("2026-11-23T12:00:00 to now", "lacks its offset"),
        ("x to y", "'x' is no time"),
        ("1900-01-01T00:00:00Z to now", "ten years"),
    ],
)
def test_what_is_no_range(text: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said) as caught:
        times.parse(text, NOW)
    assert caught.value.field == "range"


def test_buckets_are_readable_and_few() -> None:
    for text, step in (
        ("last 1m", 1),
        ("last 1h", 60),
        ("last 24h", 1800),
        ("last 30d", 43_200),
        ("last 3000d", 4_320_000),
    ):
        found = times.parse(text, NOW)
        assert step_of(found, 60) == timedelta(seconds=step)
        assert (found.end - found.start) / step_of(found, 60) <= 60
