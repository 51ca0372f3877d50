"""Civil time over the changes of clocks, in every zone there is, and what entries make of it."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mainstay.catalog.calendar import domain
from mainstay.catalog.calendar.civil import is_skipped, moment_of, wall
from mainstay.catalog.calendar.entries import REACHES, CalendarError, Occurrence, Raw, entry_from, notes
from mainstay.catalog.domain import covered, paths_to

pytestmark = pytest.mark.once
ZONES = sorted(available_timezones())
zones = st.sampled_from(ZONES)
civils = st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)).map(lambda one: one.replace(second=0, microsecond=0))
# Samoa left out a whole day, Lord Howe moves by half an hour, Dublin's winter is its exception.
GAP, SAMOA, HOWE = datetime(2026, 3, 29, 2, 30), datetime(2011, 12, 30, 12), datetime(2026, 10, 4, 2, 10)


def raw(**more: Any) -> Raw:
    values: dict[str, Any] = {
        "key": "w",
        "kind": "window",
        "name": "Weekly",
        "timezone": "Europe/Berlin",
        "start": "2026-01-04T02:00",
        **({} if "to" in more or "lasts" in more else {"to": "04:00"}),
        **more,
    }
    return Raw(**values)


@given(zones, civils)
@example("Europe/Berlin", GAP)
@example("Pacific/Apia", SAMOA)
@example("Australia/Lord_Howe", HOWE)
def test_a_civil_time_means_one_moment_and_a_skipped_one_the_first_after_the_gap(name: str, civil: datetime) -> None:
    zone = ZoneInfo(name)
    moment = moment_of(civil, zone)
    if is_skipped(civil, zone):
        assert wall(moment, zone) > civil
        assert wall(moment - timedelta(seconds=1), zone) < civil
    else:
        assert wall(moment, zone) == civil
        # Of a time that is twice, the first: an hour or so before it is not the same time.
        for minutes in (30, 60, 120, 1440):
            assert wall(moment - timedelta(minutes=minutes), zone) != civil


@given(zones, civils, st.integers(1, 3000))
@example("Europe/Berlin", GAP, 30)
@example("Europe/Berlin", datetime(2026, 10, 25, 2, 30), 60)
def test_later_civil_times_never_mean_earlier_moments(name: str, civil: datetime, minutes: int) -> None:
    zone = ZoneInfo(name)
    assert moment_of(civil, zone) <= moment_of(civil + timedelta(minutes=minutes), zone)


@given(zones, civils, st.times().map(lambda one: one.replace(second=0, microsecond=0)), st.integers(0, 3))
@example("Europe/Berlin", GAP.replace(minute=15), GAP.time(), 0)
def test_a_window_is_once_a_day_and_ends_when_the_clock_says(name: str, civil: datetime, to: time, days: int) -> None:
    entry = entry_from(
        raw(timezone=name, start=f"{civil:%Y-%m-%dT%H:%M}", to=f"{to:%H:%M}", days_later=days, rrule="FREQ=DAILY")
    )
    zone = ZoneInfo(name)
    starts = list(entry.civil_starts(civil, civil + timedelta(days=30)))
    assert starts == [civil + timedelta(days=day) for day in range(30)]
    for one in starts:
        found = entry.occurrence(one)
        assert found.start < found.end
        ends = datetime.combine(one.date(), to) + timedelta(days=days)
        ends += timedelta(days=ends <= one)
        swallowed = moment_of(ends, zone) <= found.start
        assert swallowed or found.end == moment_of(ends, zone)
        assert not swallowed or found.end - found.start == ends - one
        assert found.end - found.start <= entry.longest + timedelta(days=1)


@given(zones, civils, st.integers(1, 3 * 1440))
def test_a_length_is_time_that_passes(name: str, civil: datetime, minutes: int) -> None:
    found = entry_from(raw(timezone=name, start=f"{civil:%Y-%m-%dT%H:%M}", lasts=minutes * 60)).occurrence(civil)
    assert found.end - found.start == timedelta(minutes=minutes)


@given(zones, civils, st.integers(-5000, 5000))
def test_now_and_next_are_what_listing_everything_finds(name: str, civil: datetime, minutes: int) -> None:
    entry = entry_from(
        raw(timezone=name, start=f"{civil:%Y-%m-%dT%H:%M}", lasts=7200, rrule="FREQ=DAILY;INTERVAL=2;COUNT=9")
    )
    every = [entry.occurrence(one) for one in entry.civil_starts(civil, civil + timedelta(days=60))]
    now = civil.replace(tzinfo=UTC) + timedelta(minutes=minutes)
    current, following = entry.now_and_next(now)
    assert current == next((one for one in every if one.holds(now)), None)
    assert following == next((one for one in every if one.start > now), None)
    over = entry.ends()
    assert over is not None
    assert every[-1].end < over


def span(found: Occurrence, zone: str = "Europe/Berlin") -> tuple[str, str]:
    start, end = (f"{wall(one, ZoneInfo(zone)):%d %H:%M}" for one in (found.start, found.end))
    return start, end


def test_the_nights_on_which_berlin_changes_its_clocks() -> None:
    spring, autumn = datetime(2026, 3, 29, 2, 0), datetime(2026, 10, 25, 2, 0)
    wall_clock, elapsed = entry_from(raw()), entry_from(raw(lasts=7200))
    assert span(wall_clock.occurrence(spring)) == ("29 03:00", "29 04:00")
    assert span(elapsed.occurrence(spring)) == ("29 03:00", "29 05:00")
    assert span(elapsed.occurrence(autumn)) == ("25 02:00", "25 03:00")
    longer = wall_clock.occurrence(autumn)
    assert longer.end - longer.start == timedelta(hours=3)
    within = entry_from(raw(start="2026-03-29T02:15", to="02:45")).occurrence(GAP.replace(minute=15))
    assert span(within) == ("29 03:00", "29 03:30")


def test_what_the_clocks_do_is_said() -> None:
    weekly = entry_from(raw(rrule="FREQ=WEEKLY"))
    after = datetime(2026, 3, 27, tzinfo=UTC)
    spring, usual = list(weekly.between(after, after + timedelta(days=12)))[:2]
    assert "the clocks skip 02:00" in notes(weekly, spring)
    assert notes(weekly, usual) == ""
    (autumn,) = weekly.between(datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 20, tzinfo=UTC))
    assert notes(weekly, autumn) == "the clocks are changed meanwhile, 180 minutes pass"


def test_dates_are_added_and_left_out_and_the_last_is_kept() -> None:
    entry = entry_from(
        raw(
            rrule="FREQ=WEEKLY",
            rdate=("2026-01-06T10:00", "2026-01-11T02:00"),
            exdate=("2026-01-18T02:00",),
            until="2026-01-25T02:00",
        )
    )
    found = [f"{one:%d}" for one in entry.civil_starts(datetime(2026, 1, 1), datetime(2027, 1, 1))]
    assert found == ["04", "06", "11", "25"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not a time zone"),
        ({"start": "soon"}, "start: 'soon' is no civil time"),
        ({"start": "2026-01-04T02:00+01:00"}, "start: '2026-01-04T02:00.01:00' names an offset"),
        ({"to": "25:00"}, "to: '25:00' is no time of day"),
        ({"to": "04:00", "lasts": 60}, "lasts: write either lasts"),
        ({"to": ""}, "lasts: write either lasts"),
        ({"lasts": 10}, "lasts: write from 1m to 366d"),
        ({"lasts": 60, "days_later": 1}, "days_later: it goes with to"),
        ({"to": "04:00", "days_later": 400}, "days_later: write from 0 to 365"),
        ({"until": "2025-01-01"}, "until: it lies before start"),
        ({"rdate": ("2025-01-01",)}, "rdate: 2025-01-01T00:00 lies before start"),
        ({"exdate": ("x",)}, "exdate: 'x' is no civil time"),
        ({"rrule": "FREQ=MINUTELY"}, "rrule: FREQ=MINUTELY is too frequent"),
        ({"kind": "party"}, "kind: write one of window, freeze, event"),
        ({"reach": "far"}, "reach: write one of alone"),
        ({"changes": frozenset({"war"})}, "changes: 'war' is not one of"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(change: dict[str, object], said: str) -> None:
    with pytest.raises(CalendarError, match=said):
        entry_from(raw(**change))


def test_entries_that_meet_on_the_same_service_are_a_conflict() -> None:
    after, before = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    mine = entry_from(raw(services=frozenset({"pay"}), rrule="FREQ=WEEKLY"))
    edges = [("front", "pay"), ("shop", "stock")]

    def met(**more: object) -> list[str]:
        other = entry_from(raw(key="o", name="Other", start="2026-01-11T03:00", lasts=3600, **more))
        return [one.name for one in domain.conflicts(mine, [other, mine], edges, after, before)]

    assert met() == ["Other"]
    assert met(services=frozenset({"front"})) == []
    assert met(services=frozenset({"front"}), reach="dependencies") == ["Other"]
    assert met(services=frozenset({"stock"})) == []
    assert met(kind="event") == []


KEYS = "abcde"


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda one: one[0] != one[1]), max_size=8),
    st.frozensets(st.sampled_from(KEYS), min_size=1, max_size=3),
    st.sampled_from(REACHES),
)
def test_a_scope_means_the_same_whether_asked_for_one_service_or_for_all(
    calls: list[tuple[str, str]], named: frozenset[str], reach: str
) -> None:
    entry = entry_from(raw(services=named, reach=reach))
    down = {one: frozenset(paths_to(one, [(callee, caller) for caller, callee in calls])) - {one} for one in KEYS}
    up = {one: frozenset(paths_to(one, calls)) - {one} for one in KEYS}
    assert {one for one in KEYS if entry.covers(one, down[one], up[one])} == covered(named, reach, calls)
