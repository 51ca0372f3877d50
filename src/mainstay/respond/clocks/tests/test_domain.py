"""Clocks over the hours, holds, maintenance and changes of priority, in many zones over the days of moved clocks."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.catalog.domain import Hours
from mainstay.catalog.levels.agreements import Agreement, Opening, Target, choose
from mainstay.catalog.levels.spans import Span, common, length, open_spans, union, without
from mainstay.respond.clocks.domain import Clock, Event, Goal, Happened, State, Stop, clock

pytestmark = pytest.mark.once

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca")
MIN, HOUR = timedelta(minutes=1), timedelta(hours=1)
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK = frozenset(range(5))
ALWAYS = Agreement("gold", "Gold", {1: Target(10 * MIN, HOUR, False), 3: Target(None, 8 * HOUR, False)})


def opened(priority: int = 1, at: datetime = T0) -> Event:
    return Event(at, Happened.OPENED, priority)


def restore(events: list[Event], now: datetime, agreement: Agreement = ALWAYS, stops: tuple[Stop, ...] = ()) -> Clock:
    return clock(Goal.RESTORE, agreement, events, stops, now)


def in_office(zone: str = "Europe/Berlin") -> Agreement:
    hours = Hours(zone, ((WEEK, time(9), time(17)),))
    target = Target(None, 4 * HOUR, True)
    return Agreement("office", "Office", {1: target, 2: target}, Opening(hours), stops_for=frozenset({"customer"}))


def test_it_runs_is_met_and_is_breached() -> None:
    running = restore([opened()], T0 + 20 * MIN)
    assert (running.state, running.left, running.due) == (State.RUNNING, 40 * MIN, T0 + HOUR)
    assert running.reason == "P1 of Gold: restore within 1 h"
    met = restore([opened(), Event(T0 + HOUR, Happened.RESTORED)], T0 + 5 * HOUR)
    assert (met.state, met.spent, met.ended_at) == (State.MET, HOUR, T0 + HOUR)
    late = restore([opened(), Event(T0 + 61 * MIN, Happened.RESTORED)], T0 + 5 * HOUR)
    assert (late.state, late.breached_at, late.left) == (State.BREACHED, T0 + HOUR, -MIN)


def test_an_acknowledgement_ends_one_clock_and_a_restoration_without_one_does_too() -> None:
    taken = [opened(), Event(T0 + 5 * MIN, Happened.ACKNOWLEDGED)]
    assert clock(Goal.ACKNOWLEDGE, ALWAYS, taken, (), T0 + HOUR).state == State.MET
    healed = [opened(), Event(T0 + 5 * MIN, Happened.RESTORED)]
    assert clock(Goal.ACKNOWLEDGE, ALWAYS, healed, (), T0 + HOUR).state == State.MET
    assert clock(Goal.ACKNOWLEDGE, ALWAYS, [opened()], (), T0 + HOUR).state == State.BREACHED


def test_one_that_comes_back_goes_on_where_it_was() -> None:
    events = [opened(), Event(T0 + 50 * MIN, Happened.RESTORED), Event(T0 + 90 * MIN, Happened.REOPENED)]
    found = restore(events, T0 + 95 * MIN)
    assert (found.state, found.spent, found.due) == (State.RUNNING, 55 * MIN, T0 + 100 * MIN)


def test_support_hours_stop_it_overnight_and_the_due_moment_is_on_the_next_day() -> None:
    friday = datetime(2026, 3, 27, 14, tzinfo=UTC)  # 15:00 in Berlin, and the clocks are put forward on Sunday.
    found = restore([opened(at=friday)], friday + 5 * HOUR, in_office())
    assert (found.state, found.spent) == (State.STOPPED, 2 * HOUR)
    assert found.due == datetime(2026, 3, 30, 9, tzinfo=UTC)  # 11:00 on Monday, two hours after opening at 07:00 UTC.
    assert "stopped now: outside support hours" in found.reason


def test_waiting_stops_it_where_agreed_and_its_end_is_not_guessed() -> None:
    noon = datetime(2026, 3, 4, 10, tzinfo=UTC)
    held = [opened(at=noon), Event(noon + HOUR, Happened.HELD, why="customer")]
    found = restore(held, noon + 2 * HOUR, in_office())
    assert (found.state, found.spent, found.due) == (State.STOPPED, HOUR, None)
    assert "stopped now: waiting for the customer" in found.reason
    again = restore([*held, Event(noon + 2 * HOUR, Happened.RELEASED)], noon + 2 * HOUR, in_office())
    assert (again.state, again.due) == (State.RUNNING, noon + 5 * HOUR)
    assert "stopped for 1 h (waiting for the customer)" in again.reason
    other = restore([held[0], Event(noon + HOUR, Happened.HELD, why="third_party")], noon + 2 * HOUR, in_office())
    assert (other.state, other.spent) == (State.RUNNING, 2 * HOUR)
    assert "does not stop it, as agreed" in other.reason


def test_overlapping_stops_count_once_and_each_is_named() -> None:
    stops = (Stop(Span(T0 + 10 * MIN, T0 + 30 * MIN), "MNT-4"), Stop(Span(T0 + 20 * MIN, T0 + 40 * MIN), "Sunday"))
    found = restore([opened()], T0 + 50 * MIN, stops=stops)
    assert found.spent == 20 * MIN
    assert "stopped for 20 min (MNT-4), 20 min (Sunday)" in found.reason


def test_a_raise_can_break_it_at_once_and_a_lowering_mends_nothing() -> None:
    raised = [opened(3), Event(T0 + 2 * HOUR, Happened.PRIORITY, 1)]
    found = restore(raised, T0 + 3 * HOUR)
    assert (found.state, found.breached_at) == (State.BREACHED, T0 + 2 * HOUR)
    assert "P3 to P1" in found.reason
    lowered = [opened(1), Event(T0 + 2 * HOUR, Happened.PRIORITY, 3)]
    assert restore(lowered, T0 + 3 * HOUR).breached_at == T0 + HOUR
    in_time = restore([opened(1), Event(T0 + 30 * MIN, Happened.PRIORITY, 3)], T0 + HOUR)
    assert (in_time.state, in_time.due) == (State.RUNNING, T0 + 8 * HOUR)


def test_no_time_is_agreed_for_some() -> None:
    found = restore([opened(4)], T0 + HOUR)
    assert (found.state, found.due, found.reason) == (State.NONE, None, "P4 of Gold: no time to restore is agreed")
    broken = Agreement("x", "X", ALWAYS.targets, trouble="the calendar has no entry 'office'")
    assert restore([opened()], T0 + HOUR, broken).state == State.NONE


def test_the_agreement_that_names_a_service_the_closest_is_chosen() -> None:
    everything = Agreement("all", "All", {}, of_everything=True)
    tier, team = Agreement("tier", "Tier", {}, tiers=frozenset({1})), Agreement("team", "Team", {}, team="money")
    own = Agreement("own", "Own", {}, services=frozenset({"pay"}))
    known = [everything, tier, team, own]
    assert choose(known, "pay", "money", 1) is own
    assert choose(known, "till", "money", 1) is team
    assert choose(known, "till", None, 1) is tier
    assert choose(known, None, None, None) is everything
    assert choose([tier, team, own], None, None, None) is None


spans = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 600)), max_size=6).map(
    lambda pairs: union(Span(T0 + a * MIN, T0 + (a + b) * MIN) for a, b in pairs)
)


@given(spans, spans)
def test_spans_add_up(left: tuple[Span, ...], right: tuple[Span, ...]) -> None:
    assert length(common(left, right)) + length(without(left, right)) == length(left)
    assert length(union([*left, *right])) == length(left) + length(right) - length(common(left, right))


@given(st.sampled_from(ZONES), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 20)), st.integers(1, 240))
def test_support_hours_are_what_the_clocks_show(zone: str, start: datetime, hours: int) -> None:
    office = Hours(zone, ((WEEK, time(9), time(17)), (frozenset({6}), time(22), time())))
    after = start.replace(tzinfo=UTC, second=0, microsecond=0)
    before = after + hours * HOUR
    found = open_spans(office, after, before)
    at = after
    while at < before:
        assert office.open_at(at) == any(one.start <= at < one.end for one in found)
        at += 17 * MIN


happenings = st.lists(
    st.tuples(
        st.integers(1, 6000),
        st.sampled_from([one for one in Happened if one not in {Happened.OPENED, Happened.RESOLVED}]),
        st.sampled_from([1, 2, 3]),
        st.sampled_from(["customer", "third_party"]),
    ),
    max_size=8,
).map(lambda found: [Event(T0 + at * MIN, what, priority, why) for at, what, priority, why in sorted(found)])
agreements = st.builds(
    lambda zone, in_hours, stops: Agreement(
        "a",
        "A",
        {1: Target(10 * MIN, HOUR, False), 2: Target(None, 9 * HOUR, in_hours)},
        Opening(Hours(zone, ((WEEK, time(9), time(17)),))),
        stops_for=frozenset(stops),
    ),
    st.sampled_from(ZONES),
    st.booleans(),
    st.sets(st.sampled_from(["customer", "third_party"])),
)


def laid(found: tuple[Span, ...]) -> tuple[Stop, ...]:
    return tuple(Stop(one, "MNT-1") for one in found)


@given(agreements, happenings, spans, st.integers(0, 6000), st.integers(0, 600), st.integers(0, 300))
def test_what_was_used_only_grows_and_a_breach_stays(
    agreement: Agreement, events: list[Event], stops: tuple[Span, ...], at: int, later: int, shift: int
) -> None:
    moved = timedelta(days=shift)
    events = [opened(2, T0 + moved), *(Event(one.at + moved, one.what, one.priority, one.why) for one in events)]
    found = laid(tuple(Span(one.start + moved, one.end + moved) for one in stops))
    for goal in Goal:
        first = clock(goal, agreement, events, found, T0 + moved + at * MIN)
        second = clock(goal, agreement, events, found, T0 + moved + (at + later) * MIN)
        assert timedelta() <= first.spent <= second.spent <= (at + later) * MIN
        if first.breached_at is not None:
            assert second.breached_at == first.breached_at
        if first.state is State.RUNNING and first.due is not None:
            assert first.due >= T0 + moved + at * MIN


@given(agreements, happenings, spans, spans, st.integers(0, 6000))
def test_stopping_never_shortens_the_due_moment(
    agreement: Agreement, events: list[Event], some: tuple[Span, ...], more: tuple[Span, ...], at: int
) -> None:
    events, now = [opened(2), *events], T0 + at * MIN
    for goal in Goal:
        few = clock(goal, agreement, events, laid(some), now)
        many = clock(goal, agreement, events, (*laid(some), *laid(more)), now)
        assert many.spent <= few.spent
        if few.due is not None and many.due is not None:
            assert many.due >= few.due
        once = clock(goal, agreement, events, laid(union([*some, *more])), now)
        assert (once.spent, once.due, once.state) == (many.spent, many.due, many.state)


@given(agreements, happenings, spans, st.integers(0, 6000))
def test_the_due_moment_is_when_it_is_breached_if_nothing_happens(
    agreement: Agreement, events: list[Event], stops: tuple[Span, ...], at: int
) -> None:
    now = T0 + at * MIN
    events = [opened(2), *(one for one in events if one.at <= now)]
    found = clock(Goal.RESTORE, agreement, events, laid(stops), now)
    if found.state in {State.RUNNING, State.STOPPED} and found.due is not None:
        then = clock(Goal.RESTORE, agreement, events, laid(stops), found.due)
        assert (then.state == State.BREACHED, then.left) == (False, timedelta())
        beyond = clock(Goal.RESTORE, agreement, events, laid(stops), found.due + timedelta(days=9))
        assert beyond.breached_at is not None
        assert beyond.breached_at >= found.due
