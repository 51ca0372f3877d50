"""The course of a problem, what is a recurrence, and what it costs: decisions alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.learn.problems.domain import course, recurrence
from mainstay.learn.problems.domain.costs import Cost, Span, Times, cost_of, pareto, whole
from mainstay.learn.problems.domain.course import Event, Kind, Standing, State, decide
from mainstay.learn.problems.domain.likeness import Like
from mainstay.learn.problems.domain.recurrence import Occurrence, Rule, proposal, traits

pytestmark = pytest.mark.once
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def walk(*events: Event, start: Standing | None = None) -> tuple[Standing, str]:
    standing, reason = start or Standing(), ""
    for event in events:
        decision = decide(standing, event)
        assert decision.allowed, decision.reason
        standing, reason = decision.after, decision.reason
    return standing, reason


FIXED = (
    Event(Kind.TAKE, NOW),
    Event(Kind.NAME_CAUSE, NOW, "a timeout of 35 ms"),
    Event(Kind.PLAN_FIX, NOW, "4.2"),
    Event(Kind.FIX_DONE, NOW),
)


def test_from_the_proposal_to_the_proof() -> None:
    standing, reason = walk(*FIXED, Event(Kind.LOOK, NOW + timedelta(days=29)))
    assert standing.state is State.VERIFYING
    standing, reason = walk(Event(Kind.LOOK, NOW + timedelta(days=30)), start=standing)
    assert (standing.state, reason) == (State.SOLVED, "no recurrence for 30 days after 4.2")


def test_a_recurrence_opens_it_again_and_names_itself() -> None:
    later = Event(Kind.RECUR, NOW + timedelta(days=12), "INC-9")
    standing, reason = walk(*FIXED, later)
    assert (standing.state, standing.since) == (State.OPEN, None)
    assert reason == "INC-9 came 12 days after 4.2: it does not hold"
    solved, _ = walk(*FIXED, Event(Kind.LOOK, NOW + timedelta(days=31)))
    assert walk(Event(Kind.RECUR, NOW + timedelta(days=40), "INC-10"), start=solved)[0].state is State.OPEN


def test_what_began_before_the_fix_does_not_open_it() -> None:
    standing, reason = walk(*FIXED, Event(Kind.RECUR, NOW - timedelta(minutes=1), "INC-9"))
    assert standing.state is State.VERIFYING
    assert "before the fix" in reason


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (Event(Kind.DISMISS, NOW, " "), "write why"),
        (Event(Kind.PLAN_FIX, NOW, "4.2"), "must be cause known"),
        (Event(Kind.FIX_DONE, NOW), "must be fix planned"),
        (Event(Kind.REOPEN, NOW, "x"), "must be verifying or solved"),
    ],
)
def test_what_cannot_be_done_says_why(event: Event, says: str) -> None:
    decision = decide(Standing(), event)
    assert not decision.allowed
    assert says in decision.reason
    assert decision.after == Standing()


EVENTS = st.builds(
    Event,
    st.sampled_from(Kind),
    st.integers(0, 4000).map(lambda hours: NOW + timedelta(hours=hours)),
    st.sampled_from(["", "INC-1", "words"]),
)


@given(st.lists(EVENTS, max_size=30))
def test_whatever_happens_the_states_keep_their_promises(events: list[Event]) -> None:
    standing = Standing()
    for event in events:
        before, decision = standing, decide(standing, event)
        standing = decision.after
        assert decision.reason
        assert decision.allowed or standing == before
        assert course.possible(before.state, event.kind) or not decision.allowed
        # The window is open while it is verified, and a solved one was verified or its fix is known.
        assert (standing.state is not State.VERIFYING) or (standing.since and standing.fix)
        if standing.state is State.SOLVED and before.state is not State.SOLVED:
            assert event.kind is Kind.LOOK
            assert before.until is not None
            assert event.at >= before.until
        if standing.state in {State.CAUSE_KNOWN, State.FIX_PLANNED, State.VERIFYING}:
            assert standing.cause
        if before.state is State.DISMISSED and standing.state is not State.DISMISSED:
            assert event.kind is Kind.TAKE


def at(number: int, days_ago: float, **more: object) -> Occurrence:
    return Occurrence(number, NOW - timedelta(days=days_ago), "pay", **more)  # type: ignore[arg-type]


def test_a_proposal_needs_enough_within_the_days() -> None:
    rule = Rule(3, 30)
    assert not proposal([at(1, 1), at(2, 2)], NOW, rule).yes
    assert not proposal([at(1, 1), at(2, 2), at(3, 40)], NOW, rule).yes
    found = proposal([at(1, 1), at(2, 2), at(3, 20)], NOW, rule)
    assert (found.yes, found.reason) == (True, "3 times in 30 days")
    assert not proposal([at(1, 1), at(2, 2), at(3, 20, problems=frozenset({7}))], NOW, rule).yes


@given(st.sets(st.integers(1, 9), max_size=9), st.sets(st.integers(1, 9), max_size=9))
def test_a_dismissed_set_comes_back_with_as_many_new_ones_alone(numbers: set[int], dismissed: set[int]) -> None:
    found = proposal([at(number, 1) for number in sorted(numbers)], NOW, Rule(3, 30), [dismissed])
    if found.yes:
        assert len(numbers) >= 3
        assert len(numbers - dismissed) >= 3 or not numbers & dismissed


def test_traits_say_what_is_shared_and_what_varies() -> None:
    same, varies = traits(
        [
            at(1, 1, labels={"env": "prod", "pod": "a"}, version="4.1"),
            at(2, 8, labels={"env": "prod", "pod": "b"}, version="4.1"),
            at(3, 8.25, labels={"env": "prod", "pod": "b"}, version="4.2"),
        ]
    )
    assert {one.name: one.values[0][0] for one in same} == {"service": "pay", "env": "prod", "weekday": "Saturday"}
    assert {one.name: one.values for one in varies} == {
        "version": (("4.1", 2), ("4.2", 1)),
        "hour": (("12:00", 2), ("06:00", 1)),
        "pod": (("b", 2), ("a", 1)),
    }


@pytest.mark.parametrize(
    ("text", "signs", "service", "same"),
    [
        (0.2, 0.9, 1.0, True),
        (0.2, 0.9, 0.5, True),
        (0.9, 0.9, 0.0, False),
        (0.75, 0.0, 1.0, True),
        (0.5, 0.4, 1.0, True),
        (0.5, 0.1, 1.0, False),
    ],
)
def test_the_same_kind_takes_the_same_place(text: float, signs: float, service: float, same: bool) -> None:
    assert recurrence.same_kind(Like(1, 0.5, text, signs, service)).yes is same


def test_the_cost_of_an_incident() -> None:
    times = Times(NOW, NOW + timedelta(minutes=5), NOW + timedelta(minutes=30), NOW + timedelta(minutes=65))
    hit: list[dict[str, object]] = [
        {"cost_per_hour": "1000.00", "open_now": True},
        {"cost_per_hour": "500", "open_now": False},
        {"cost_per_hour": None, "open_now": True},
    ]
    assert cost_of(times, hit, 3, NOW) == Cost(Decimal("500.00"), 30, 60, 3, 1)
    assert cost_of(Times(NOW, None, None, None), [], 0, NOW + timedelta(hours=1)) == Cost(None, 60, 0, 0, 1)


SPANS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200)), max_size=8)


@given(SPANS)
def test_a_minute_that_two_incidents_hurt_counts_once(parts: list[tuple[int, int]]) -> None:
    hit = ({"key": "checkout", "cost_per_hour": "60", "open_now": True},)
    spans = [
        Span(NOW + timedelta(minutes=start), NOW + timedelta(minutes=start + length), hit) for start, length in parts
    ]
    minutes = {minute for start, length in parts for minute in range(start, start + length)}
    found = whole([Cost(Decimal(9), 9, 2, 1, 1)] * len(spans), spans)
    assert found.minutes_down == len(minutes)
    assert found.money == (Decimal(len(minutes)) if spans else None)
    assert (found.incidents, found.pages, found.minutes_of_people) == (len(spans), len(spans), 2 * len(spans))


@given(st.dictionaries(st.integers(1, 50), st.integers(0, 10_000), max_size=20))
def test_pareto_is_in_order_and_sums_to_all(amounts: dict[int, int]) -> None:
    found = pareto({number: Cost(Decimal(amount), 1, 1, 0, 1) for number, amount in amounts.items()})
    assert [one.cost.money for one in found] == sorted((Decimal(one) for one in amounts.values()), reverse=True)
    if any(amounts.values()):
        assert found[-1].up_to == pytest.approx(1)
    assert all(one.up_to >= one.part for one in found)
