"""What the time asks of planned work."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mainstay.change.maintenance.domain import Act, Decision, Facts, Limits, decide, overlap

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LIMITS = Limits(10 * MINUTE, 2 * HOUR)
WORK = Facts(NOON, NOON + HOUR, None, False, False, False)
minutes = st.integers(-60, 600).map(lambda count: NOON + count * MINUTE)


def at(work: Facts, moment: datetime) -> Act:
    return decide(work, LIMITS, moment).act


def test_work_that_nobody_begins_is_late_once_and_lapses() -> None:
    assert at(WORK, NOON - MINUTE) is Act.NOTHING
    assert at(WORK, NOON + 9 * MINUTE) is Act.NOTHING
    assert decide(WORK, LIMITS, NOON + 10 * MINUTE) == Decision(Act.SAY_LATE, "it should have begun 10 min ago")
    assert at(replace(WORK, late_told=True), NOON + 20 * MINUTE) is Act.NOTHING
    assert at(replace(WORK, late_told=True), NOON + HOUR) is Act.LAPSE


def test_work_that_nobody_ends_overruns_once_and_is_forgotten() -> None:
    running = replace(WORK, began_at=NOON)
    assert at(running, NOON + HOUR - MINUTE) is Act.NOTHING
    assert at(running, NOON + HOUR) is Act.SAY_OVERRUN
    told = replace(running, overran_told=True)
    assert at(told, NOON + 2 * HOUR) is Act.NOTHING
    assert at(told, NOON + 3 * HOUR) is Act.FORGET


@given(
    st.builds(Facts, minutes, st.just(NOON), st.none() | minutes, st.booleans(), st.booleans(), st.booleans()), minutes
)
def test_whatever_it_is_it_ends(work: Facts, now: datetime) -> None:
    work = replace(work, ends_at=work.starts_at + HOUR)
    act = at(work, now)
    assert act is not Act.BEGIN or (work.by_itself and work.began_at is None and work.starts_at <= now < work.ends_at)
    late = at(work, work.ends_at + LIMITS.forgotten)
    assert late is (Act.LAPSE if work.began_at is None else Act.FORGET)


@given(minutes, minutes, minutes, minutes)
def test_spans_meet_as_seen_from_either(a: datetime, b: datetime, c: datetime, d: datetime) -> None:
    one, other = (min(a, b), max(a, b)), (min(c, d), max(c, d))
    assert overlap(one, other) == overlap(other, one)
    assert not overlap((a, b), (b, max(b, d)))
