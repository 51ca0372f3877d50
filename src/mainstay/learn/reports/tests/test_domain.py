"""Periods without gaps, figures that lead to their rows, and differences that mean something only when they do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.learn.reports.domain import meaning
from mainstay.learn.reports.domain.figures import Case, Data, Paged, Promise, Reviewed, Shipped, Unit, middle, ninety
from mainstay.learn.reports.domain.meaning import Meaning
from mainstay.learn.reports.domain.periods import Calendar, Kind
from mainstay.learn.reports.domain.sections import sections
from mainstay.learn.reports.domain.telling import shown, summary

pytestmark = pytest.mark.once
ZONES = st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
SHIFTS = st.lists(st.times().map(lambda one: one.replace(second=0, microsecond=0)), min_size=1, max_size=4, unique=True)


@given(ZONES, st.sampled_from(Kind), MOMENTS, SHIFTS)
def test_each_moment_lies_in_one_period_and_they_follow_each_other(
    zone: str, kind: Kind, at: datetime, shifts: list[time]
) -> None:
    calendar = Calendar(ZoneInfo(zone), tuple(sorted(shifts)))
    found = calendar.containing(kind, at)
    assert found.holds(at)
    assert calendar.before(found).end == found.start
    following = calendar.containing(kind, found.end)
    assert following.start == found.end
    assert calendar.ended(kind, found.end) == found
    local = found.start.astimezone(ZoneInfo(zone))
    if kind is Kind.WEEK:
        assert local.weekday() == 0
        assert timedelta(days=7) - timedelta(hours=1) <= found.length <= timedelta(days=7, hours=1)
    if kind is Kind.MONTH:
        assert local.day == 1
        assert f"{local:%Y}" in found.label


NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
WEEK = Calendar(ZoneInfo("UTC")).containing(Kind.WEEK, NOW)
BEFORE = Calendar(ZoneInfo("UTC")).before(WEEK)
CASES = st.builds(
    lambda number, priority, hours, take, mend, alerts, users: Case(
        number,
        priority,
        BEFORE.start + timedelta(hours=hours),
        BEFORE.start + timedelta(hours=hours, minutes=1),
        BEFORE.start + timedelta(hours=hours, minutes=1 + take) if take else None,
        BEFORE.start + timedelta(hours=hours, minutes=mend) if mend else None,
        alerts,
        users,
    ),
    st.integers(1, 10**6),
    st.integers(1, 4),
    st.integers(-5, 14 * 24 + 5),
    st.integers(0, 90),
    st.integers(0, 900),
    st.integers(0, 9),
    st.booleans(),
)


@given(st.lists(CASES, unique_by=lambda one: one.number, max_size=40))
def test_every_count_is_the_number_of_its_rows_and_parts_add_up(cases: list[Case]) -> None:
    found = sections(Data(cases), WEEK, BEFORE)
    by_key = {one.key: one for section in found for one in section.every}
    mine = {one.number for one in cases if WEEK.holds(one.opened)}
    for one in by_key.values():
        if one.unit is Unit.COUNT:
            assert one.value == len(one.rows)
        assert set(one.rows) <= mine
        assert one.value is None or one.unit is not Unit.SHARE or 0 <= one.value <= 1
    assert set(by_key["incidents"].rows) == mine
    assert sum(by_key[f"p{one}"].value or 0 for one in range(1, 5)) == len(mine)
    assert all(by_key[f"{one}50"].value is None or (by_key[f"{one}90"].value or 0) >= 0 for one in ("mtta", "mttr"))
    text = " ".join(summary(found))
    assert text
    assert ("no incident" in text) == (not by_key["incidents"].value and not by_key["incidents"].before)


def test_where_nothing_was_a_section_is_one_sentence() -> None:
    for section in sections(Data([]), WEEK, BEFORE):
        assert section.telling == ()
        assert len(section.remarks) == 1
    one = Case(1, 2, WEEK.start, WEEK.start, None, None)
    told = {section.key: section for section in sections(Data([one]), WEEK, BEFORE)}
    assert told["incidents"].telling == told["incidents"].figures, "noughts beside a number tell something"
    assert told["incidents"].how in told["incidents"].remarks
    assert told["releases"].remarks == ("Nothing in this time, and nothing in the one before it.",)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_medians_and_nine_of_ten(values: list[float]) -> None:
    half, most = middle(values), ninety(values)
    assert half is not None
    assert most in values
    assert sum(one <= half for one in values) * 2 >= len(values)
    assert sum(one <= most for one in values) >= 0.9 * len(values)


@given(st.integers(0, 9), st.integers(0, 9))
def test_small_numbers_say_that_they_are_small(now: int, before: int) -> None:
    told = meaning.of_counts(now, before)
    assert (told is Meaning.FEW) == (now + before < 10)
    assert meaning.of_shares((0, now), (0, before)) is Meaning.FEW


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [(12, 10, Meaning.SAME), (40, 10, Meaning.MORE), (10, 40, Meaning.LESS), (1, 2, Meaning.FEW)],
)
def test_counts(now: int, before: int, said: Meaning) -> None:
    assert meaning.of_counts(now, before) is said


def test_a_longer_time_may_hold_more() -> None:
    assert meaning.of_counts(31, 10, (31.0, 10.0)) is Meaning.SAME


def test_times_and_shares() -> None:
    short, long = [60.0 + one for one in range(20)], [600.0 + one for one in range(20)]
    assert meaning.of_times(long, short) is Meaning.MORE
    assert meaning.of_times(short, long) is Meaning.LESS
    assert meaning.of_times(short, short) is Meaning.SAME
    assert meaning.of_times(short[:3], long) is Meaning.FEW
    assert meaning.of_shares((18, 20), (4, 20)) is Meaning.MORE
    assert meaning.of_shares((9, 20), (10, 20)) is Meaning.SAME
    assert meaning.of_times(short * 200, long * 200) is Meaning.LESS


def test_chance_alone_seldom_means_something() -> None:
    """Of two like weeks one in twenty or fewer differs, whatever the level."""
    from random import Random

    chance = Random(7)
    told = []
    for level in (8, 20, 60):
        for _ in range(400):
            now, before = (sum(chance.random() < level / 1000 for _ in range(1000)) for _ in range(2))
            told.append(meaning.of_counts(now, before))
    assert sum(one in {Meaning.MORE, Meaning.LESS} for one in told) <= 0.05 * len(told)


def test_people_agreements_releases_and_reviews() -> None:
    at = WEEK.start + timedelta(hours=30)
    data = Data(
        [Case(1, 1, at, at, at + timedelta(minutes=4), at + timedelta(minutes=30), 3)],
        [
            Promise(1, "acknowledge", True, at),
            Promise(1, "restore", False, at),
            Promise(9, "restore", True, BEFORE.start),
        ],
        [
            Paged(1, "Ana", at, True, 23),
            Paged(2, "Ana", at + timedelta(minutes=5), True, 23),
            Paged(3, "Ben", at, False, 12),
        ],
        [Shipped(4, at, "failed"), Shipped(5, at, "passed")],
        [Reviewed(1, "pay", BEFORE.start, 40), Reviewed(2, "pay", at, 70), Reviewed(3, "new", WEEK.end, 10)],
        None,
    )
    found = sections(data, WEEK, BEFORE)
    by_key = {one.key: one for section in found for one in section.every}
    assert [by_key[f"{one}:Ana"].value for one in ("pages", "nights", "hours")] == [2, 2, 1]
    assert (by_key["acknowledge-met"].value, by_key["restore-met"].value, by_key["restore-met"].before) == (1, 0, 1)
    assert by_key["restore-breached"].rows == (1,)
    assert (by_key["score:pay"].value, by_key["score:pay"].before) == (70, 40)
    assert "score:new" not in by_key
    assert by_key["release-failed"].rows == (4,)
    text = " ".join(summary(found))
    assert "1 incident, 1 of them P1, after 0 in the time before: too few to compare." in text
    assert "Not kept: 1 agreement to restore." in text
    assert "3 pages to 2 people, Ana 2 of them, 2 at night." in text
    assert "2 releases, 1 failed." in text
    assert "Too few were taken" in text
    assert "telemetry store does not answer" in " ".join(one.note for one in found)


def test_values_as_people_write_them() -> None:
    said = [
        shown(*one)
        for one in ((None, Unit.COUNT), (45.0, Unit.SECONDS), (3600.0, Unit.SECONDS), (5430.0, Unit.SECONDS))
    ]
    assert said == ["nothing to measure", "45 s", "1 h", "1 h 30 min"]
    assert (shown(0.256, Unit.SHARE), shown(1234.0, Unit.COUNT), shown(1.25, Unit.EACH)) == ("26%", "1,234", "1.2")
    assert shown(200_000.0, Unit.SECONDS) == "2 d 7 h"
