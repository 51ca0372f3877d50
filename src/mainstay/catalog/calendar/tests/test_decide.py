"""The gate's decision, pure: every rule with its reason, and no for whatever cannot be judged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.catalog.calendar.domain import Allowance, Answer, Broken, Picture, decide
from mainstay.catalog.calendar.entries import Raw, entry_from

pytestmark = pytest.mark.once
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # A Wednesday.
SERVICES = {"front": False, "pay": True, "stock": False, "lonely": False}
EDGES = (("front", "pay"), ("pay", "stock"))
WINDOW = Raw(
    "w", "window", "Sunday night", "UTC", "2026-01-04T02:00", 7200, rrule="FREQ=WEEKLY", services=frozenset({"pay"})
)
FREEZE = Raw(
    "f", "freeze", "Month end", "UTC", "2026-02-27T18:00", 5 * 86_400, rrule="FREQ=MONTHLY", reason="the books close"
)


def ask(*entries: Raw, services: tuple[str, ...] = ("front",), now: datetime = NOW, kind: str = "job") -> Answer:
    picture = Picture([entry_from(one) for one in entries], (), SERVICES, EDGES)
    return decide(picture, services, kind, now)


def test_without_entries_everything_may_change() -> None:
    assert ask() == Answer(True, "no freeze covers front")


def test_a_freeze_is_a_no_with_its_reason_until_its_end() -> None:
    ends = datetime(2026, 3, 4, 18, tzinfo=UTC)
    answer = ask(FREEZE)
    assert (answer.allowed, answer.until) == (False, ends)
    assert answer.reason == "Month end (freeze) holds until Wed 4 Mar 2026 18:00 +00:00: the books close"
    assert [one.key for one in answer.entries] == ["f"]
    assert ask(FREEZE, now=ends).allowed
    longer = replace(FREEZE, key="g", name="Audit", lasts=9 * 86_400)
    assert ask(FREEZE, longer).until == ends + timedelta(days=4)
    assert "also frozen by Month end" in ask(FREEZE, longer).reason


def test_a_yes_says_when_the_next_freeze_begins() -> None:
    answer = ask(FREEZE, now=NOW + timedelta(days=2))
    assert (answer.allowed, answer.until) == (True, datetime(2026, 3, 27, 18, tzinfo=UTC))
    assert "Month end (freeze) begins Fri 27 Mar 2026 18:00" in answer.reason


@pytest.mark.parametrize(
    ("reach", "stopped"),
    [
        ("alone", {"pay"}),
        ("dependents", {"pay", "front"}),
        ("dependencies", {"pay", "stock"}),
        ("both", {"pay", "front", "stock"}),
    ],
)
def test_a_freeze_reaches_as_far_as_it_says(reach: str, stopped: set[str]) -> None:
    freeze = replace(FREEZE, services=frozenset({"pay"}), reach=reach)
    open_window = replace(WINDOW, lasts=86_400 * 7)
    assert {one for one in SERVICES if not ask(freeze, open_window, services=(one,)).allowed} == stopped


def test_a_service_that_demands_a_window_is_closed_outside_of_it() -> None:
    answer = ask(WINDOW, services=("pay",))
    assert not answer.allowed
    assert answer.until == datetime(2026, 3, 8, 2, tzinfo=UTC)
    assert answer.reason == (
        "pay may change in maintenance windows only; the next, Sunday night, begins Sun 8 Mar 2026 02:00 +00:00"
    )
    inside = ask(WINDOW, services=("pay", "front"), now=datetime(2026, 3, 8, 3, tzinfo=UTC))
    assert (inside.allowed, inside.until) == (True, datetime(2026, 3, 8, 4, tzinfo=UTC))
    assert inside.reason == "the maintenance window Sunday night is open until Sun 8 Mar 2026 04:00 +00:00"
    assert ask(services=("pay",)).reason.endswith("and none is planned for pay")
    assert ask(WINDOW, FREEZE, services=("pay",), now=datetime(2026, 3, 1, 3, tzinfo=UTC)).reason.startswith(
        "Month end"
    )


def test_an_entry_about_some_kinds_of_change_leaves_the_others_alone() -> None:
    freeze = replace(FREEZE, changes=frozenset({"release"}))
    assert not ask(freeze, kind="release").allowed
    assert ask(freeze, kind="correction").allowed


def test_a_business_event_warns_and_stops_nothing() -> None:
    answer = ask(replace(FREEZE, kind="event", name="Spring sale"))
    assert answer.allowed
    assert "be careful, it is the time of Spring sale" in answer.reason


@pytest.mark.parametrize(
    ("services", "kind", "said"),
    [
        ((), "job", "no service is named"),
        (("nosuch",), "job", "there is no service 'nosuch'"),
        (("front", "nosuch"), "job", "there is no service 'nosuch'"),
        (("front",), "party", "'party' is not a kind of change"),
    ],
)
def test_what_cannot_be_judged_is_refused(services: tuple[str, ...], kind: str, said: str) -> None:
    answer = ask(services=services, kind=kind)
    assert not answer.allowed
    assert said in answer.reason


def test_an_entry_that_cannot_be_understood_closes_the_gate() -> None:
    picture = Picture((), (Broken(FREEZE, "timezone: gone"),), SERVICES, EDGES)
    answer = decide(picture, ["lonely"], "job", NOW)
    assert not answer.allowed
    assert "'Month end' cannot be understood: timezone: gone" in answer.reason


@given(
    st.lists(
        st.builds(
            Raw,
            key=st.sampled_from("abcdef"),
            kind=st.sampled_from(["window", "freeze", "event"]),
            name=st.just("x"),
            timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]),
            start=st.integers(0, 200).map(lambda day: f"{datetime(2026, 1, 1) + timedelta(days=day):%Y-%m-%dT%H:%M}"),
            lasts=st.integers(3600, 86_400 * 9),
            rrule=st.sampled_from(["", "FREQ=WEEKLY", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=DAILY;INTERVAL=3;COUNT=5"]),
            services=st.frozensets(st.sampled_from(sorted(SERVICES)), max_size=2),
            reach=st.sampled_from(["alone", "dependents", "dependencies", "both"]),
        ),
        max_size=6,
    ),
    st.integers(0, 24 * 300),
    st.sampled_from(sorted(SERVICES)),
)
def test_an_answer_stands_until_it_says_and_not_longer(raws: list[Raw], hours: int, service: str) -> None:
    now = datetime(2026, 1, 1, 0, 30, tzinfo=UTC) + timedelta(hours=hours)
    answer = ask(*raws, services=(service,), now=now)
    if answer.until is None:
        return
    assert answer.until > now
    step = (answer.until - now) / 7
    for part in range(7):
        assert ask(*raws, services=(service,), now=now + part * step).allowed == answer.allowed
    if answer.allowed and SERVICES[service] is False:
        assert not ask(*raws, services=(service,), now=answer.until).allowed


ALLOWANCE = Allowance("Payments", "front", 0.1, frozenset({"release", "job"}), 0.05)


def with_budgets(*found: Allowance, services: tuple[str, ...] = ("front",), kind: str = "release") -> Answer:
    return decide(Picture([], (), SERVICES, EDGES, found), services, kind, NOW)


def test_a_budget_of_which_too_little_is_left_is_a_no_to_its_kinds_and_its_service() -> None:
    answer = with_budgets(ALLOWANCE)
    assert (answer.allowed, answer.until) == (False, None)
    assert answer.reason == "5.0% of the budget of errors of Payments is left, and 10% must be"
    assert with_budgets(ALLOWANCE, kind="correction").allowed
    assert with_budgets(ALLOWANCE, services=("stock",)).allowed
    assert with_budgets(replace(ALLOWANCE, left=0.1)).allowed


def test_it_says_when_the_last_of_them_is_whole_again_if_that_is_known_of_all() -> None:
    soon, later = NOW + timedelta(days=1), NOW + timedelta(days=9)
    both = replace(ALLOWANCE, until=soon), replace(ALLOWANCE, name="Orders", until=later)
    assert with_budgets(*both).until == later
    assert "whole again Thu 5 Mar 2026 12:00 +00:00" in with_budgets(both[0]).reason
    assert with_budgets(ALLOWANCE, *both).until is None


def test_a_budget_that_is_not_known_is_a_no_unless_it_says_otherwise() -> None:
    unknown = replace(ALLOWANCE, left=None, why="nobody answers")
    assert (
        with_budgets(unknown).reason == "what is left of the budget of errors of Payments is not known (nobody answers)"
    )
    assert with_budgets(replace(unknown, unknown_closes=False)).allowed
