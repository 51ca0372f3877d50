from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mainstay.respond.oncall.domain import Turns, due_step, steps_in, turn_at

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Turns("w", "Europe/Berlin", ("ana", "ben", "cy"), date(2026, 1, 5), time(8), 7)


def at(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def test_the_turn_changes_at_the_handover_and_not_before() -> None:
    before, after = turn_at(WEEKLY, at(2026, 1, 12, 7, 59)), turn_at(WEEKLY, at(2026, 1, 12, 8, 0))
    assert before is not None
    assert after is not None
    assert (before.person, after.person) == ("ana", "ben")
    assert before.until == at(2026, 1, 12, 8)
    assert (before.next_person, after.next_person) == ("ben", "cy")


def test_the_handover_stays_at_eight_over_a_clock_change() -> None:
    turn = turn_at(WEEKLY, at(2026, 3, 27, 12))
    assert turn is not None
    assert turn.until.astimezone(BERLIN).time() == time(8)
    assert turn.until == at(2026, 3, 30, 8)


moments = st.datetimes(datetime(2026, 1, 5, 9), datetime(2027, 12, 31), timezones=st.just(UTC))
rotations = st.builds(
    Turns,
    st.just("r"),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True).map(tuple),
    st.just(date(2026, 1, 4)),
    st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    st.integers(1, 14),
)


@given(rotations, moments)
def test_somebody_always_has_it_and_the_next_one_takes_over_at_the_end(turns: Turns, now: datetime) -> None:
    turn = turn_at(turns, now)
    assert turn is not None
    assert now < turn.until
    follower = turn_at(turns, turn.until + timedelta(hours=2))
    assert follower is not None
    if turns.days > 1:
        assert follower.person == turn.next_person


SNAPSHOT = {
    "name": "Main",
    "repeat": 1,
    "steps": [
        {"people": ["x"], "rotations": ["w"], "wait_seconds": 60},
        {"people": ["y"], "rotations": ["gone"], "wait_seconds": 120},
    ],
}


def test_steps_go_on_through_the_repeats_and_end() -> None:
    now = at(2026, 1, 6, 12)
    due = [due_step(SNAPSHOT, number, [WEEKLY], now) for number in range(5)]
    assert steps_in(SNAPSHOT) == 4
    assert [one.people if one else None for one in due] == [("x", "ana"), ("y",), ("x", "ana"), ("y",), None]
    assert [one.last for one in due if one] == [False, False, False, True]
    assert due[0] is not None
    assert due[0].reason == "on call in w, step 1 of Main"
    assert due[2] is not None
    assert due[2].reason.endswith("round 2")
