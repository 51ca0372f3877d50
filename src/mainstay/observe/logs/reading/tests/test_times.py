"""Moments as logs write them."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mainstay.observe.logs.reading.read import Source, moments_of

NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)


def moment(text: str, source: Source | None = None) -> datetime | None:
    found = moments_of(pl.Series([text]), NOW, source or Source())[0]
    return None if found is None else datetime.fromtimestamp(found / 1_000_000, UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-01-31T03:04:05.123Z", datetime(2026, 1, 31, 3, 4, 5, 123000, UTC)),
        ("2026-01-31 03:04:05,5", datetime(2026, 1, 31, 3, 4, 5, 500000, UTC)),
        ("2026-01-31T03:04:05+02:00", datetime(2026, 1, 31, 1, 4, 5, 0, UTC)),
        ("2026-01-31-03.04.05.000001", datetime(2026, 1, 31, 3, 4, 5, 1, UTC)),
        ("20260131-3:4:5:120", datetime(2026, 1, 31, 3, 4, 5, 120000, UTC)),
        ("Sat Jan 31 03:04:05 2026", datetime(2026, 1, 31, 3, 4, 5, 0, UTC)),
        ("31/Jan/2026:03:04:05 -0130", datetime(2026, 1, 31, 4, 34, 5, 0, UTC)),
        ("Jan 31 03:04:05", datetime(2026, 1, 31, 3, 4, 5, 0, UTC)),
        ("Dec 31 23:59:59", datetime(2025, 12, 31, 23, 59, 59, 0, UTC)),
        ("26/01/31 03:04:05", datetime(2026, 1, 31, 3, 4, 5, 0, UTC)),
        ("260131 030405", datetime(2026, 1, 31, 3, 4, 5, 0, UTC)),
        ("01-31 03:04:05.123", datetime(2026, 1, 31, 3, 4, 5, 123000, UTC)),
        ("1769828645.25", datetime(2026, 1, 31, 3, 4, 5, 250000, UTC)),
        ("1769828645250", datetime(2026, 1, 31, 3, 4, 5, 250000, UTC)),
        ("2026-02-30T03:04:05Z", None),
        ("2026-01-31T25:04:05Z", None),
        ("noon", None),
        ("", None),
    ],
)
def test_styles(text: str, wanted: datetime | None) -> None:
    assert moment(text) == wanted


def test_a_source_has_a_zone_and_a_correction() -> None:
    source = Source(offset=timedelta(hours=5, minutes=30), correction=timedelta(seconds=-10))
    assert moment("2026-01-31 08:30:10", source) == datetime(2026, 1, 31, 3, 0, 0, 0, UTC)
    assert moment("2026-01-31 03:00:10Z", source) == datetime(2026, 1, 31, 3, 0, 0, 0, UTC)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2199, 1, 1)))
def test_every_day_of_the_calendar_is_read_as_written(when: datetime) -> None:
    assert moment(when.isoformat(sep=" ", timespec="microseconds")) == when.replace(tzinfo=UTC)


_WRITTEN = st.sampled_from(
    [
        *("9999-99-99 99:99:99,999", "9999-99-99T99:99:99.999999Z", "9999/99/99 99:99:99", "9999-99-99T99:99:99Z"),
        *(
            "9999-99-99 9:99:99,999",
            "9999-99-99 99:99:99,9",
            "9999-99-99T99:99:99+02:00",
            "1999999999",
            "Jan 9 99:99:99",
        ),
    ]
).flatmap(
    lambda layout: st.tuples(*(st.sampled_from("0012356") if sign == "9" else st.just(sign) for sign in layout)).map(
        "".join
    )
)


@settings(max_examples=40)
@example(["2026-03-01 00:00:00,000", "2026-03-01 0:00:00,000"])
@example(["0000-00-00 00:00:00,000", "0000-00-00 00:00:00,000", "0001-10-01 0:00:00,000"])
@given(st.lists(_WRITTEN, min_size=2, max_size=30))
def test_a_column_of_moments_is_read_as_each_of_them(texts: list[str]) -> None:
    for source in (Source(), Source(offset=timedelta(hours=-3)), Source(offset="Europe/Vienna")):
        # With a blank in front it is no layout of fixed width, so that each is read by its parts.
        parts = [moments_of(pl.Series([f" {text}"]), NOW, source)[0] for text in texts]
        assert moments_of(pl.Series(texts), NOW, source).to_list() == parts
