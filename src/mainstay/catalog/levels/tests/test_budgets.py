"""Budgets over all burns, windows and gaps; months in zones whose clocks are moved."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.catalog.calendar.civil import wall, zone_of
from mainstay.catalog.levels.budgets import BURNS, DAY, Burn, Severity, Tallied, Window, added, burn, left, verdict

pytestmark = pytest.mark.once
T0 = datetime(2026, 3, 29, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")


def cell(start: datetime, good: float, total: float, hours: int = 1, seconds: float | None = None) -> Tallied:
    known = 3600.0 * hours if seconds is None else seconds
    return Tallied(start, start + hours * HOUR, good, total, known)


def test_of_a_cell_across_the_beginning_so_much_counts_as_lies_inside() -> None:
    found = added([cell(T0, 50, 100), cell(T0 + HOUR, 10, 10)], T0 + HOUR / 2, T0 + 2 * HOUR)
    assert (found.good, found.total, found.seconds) == (35, 60, 5400)
    # The newest cell is not full yet; all that it has is inside.
    assert added([cell(T0, 50, 100)], T0, T0 + HOUR / 2).total == 100


def test_nothing_known_is_not_nothing_burnt() -> None:
    assert burn(0.9, added([], T0, T0 + HOUR)) is None
    assert left(0.9, added([], T0, T0 + HOUR), timedelta(days=30)) is None
    assert burn(0.9, cell(T0, 0, 0)) == Burn(0.0, 1.0, 0.0)


def test_a_whole_window_at_the_allowed_rate_uses_the_budget_up() -> None:
    whole = Tallied(T0, T0 + timedelta(days=30), 999, 1000, 30 * DAY)
    assert left(0.999, whole, timedelta(days=30)) == pytest.approx(0, abs=1e-9)


def test_the_thresholds_of_thirty_days_are_those_of_the_workbook() -> None:
    month = timedelta(days=30)

    def rates(**found: float) -> dict[str, Burn | None]:
        return {name: Burn(found.get(f"w{name}", 0.0), 1.0, 9.0) for name in BURNS}

    assert verdict(Severity.PAGE, rates(w1h=14.5, w5m=14.5), month) is True
    assert verdict(Severity.PAGE, rates(w1h=14.3, w5m=50), month) is False
    assert verdict(Severity.PAGE, rates(w1h=50, w5m=14.3), month) is False
    assert verdict(Severity.PAGE, rates(w6h=6.1, w30m=6.1), month) is True
    assert verdict(Severity.TICKET, rates(w3d=1.1, w6h=1.1), month) is True
    assert verdict(Severity.TICKET, rates(w3d=0.9, w6h=9), month) is False
    assert verdict(Severity.PAGE, rates(w1h=99, w5m=99), month, least_failed=9) is True
    assert verdict(Severity.PAGE, rates(w1h=99, w5m=99), month, least_failed=10) is False


def test_too_little_known_neither_fires_nor_ends() -> None:
    burns = {name: Burn(99.0, 0.4, 9.0) for name in BURNS}
    assert verdict(Severity.PAGE, burns, timedelta(days=30)) is None
    assert verdict(Severity.PAGE, dict.fromkeys(BURNS), timedelta(days=30)) is None
    calm = {**burns, "5m": Burn(0.0, 1.0, 0.0), "30m": Burn(0.0, 1.0, 0.0)}
    assert verdict(Severity.PAGE, calm, timedelta(days=30)) is False


cells = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 100), st.integers(0, 100)), max_size=20, unique_by=lambda one: one[0]
).map(lambda found: [cell(T0 + at * HOUR, min(a, b), max(a, b)) for at, a, b in found])


@given(cells, st.floats(0.01, 0.9999), st.integers(1, 300))
def test_more_errors_never_leave_more(found: list[Tallied], target: float, until: int) -> None:
    end, length = T0 + until * HOUR, timedelta(days=30)
    whole = added(found, T0, end)
    worse = Tallied(whole.start, whole.end, whole.good / 2, whole.total, whole.seconds)
    best, worst = left(target, whole, length), left(target, worse, length)
    assert (best is None) == (worst is None) == (whole.seconds == 0)
    if best is not None and worst is not None:
        assert worst <= best <= 1


@given(cells, st.integers(0, 150), st.integers(1, 150))
def test_what_is_added_up_in_two_parts_is_what_is_added_up_at_once(found: list[Tallied], cut: int, more: int) -> None:
    middle, end = T0 + cut * HOUR, T0 + (cut + more) * HOUR
    parts = added(found, T0, middle), added(found, middle, end)
    assert parts[0].total + parts[1].total == pytest.approx(added(found, T0, end).total)


@given(st.sampled_from(ZONES), st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 30)))
def test_months_begin_at_midnight_on_the_wall_and_hold_every_moment(zone: str, civil: datetime) -> None:
    moment, month = civil.replace(tzinfo=UTC), Window(0, zone)
    start, renews = month.start(moment), month.renews(moment)
    assert renews is not None
    assert start <= moment < renews
    assert wall(start, zone_of(zone)).day == 1
    assert start + month.length(moment) == renews
    first, last = month.cell(DAY, moment)
    assert first <= moment < last
    assert timedelta(hours=22) < last - first < timedelta(hours=26)
