"""Rules come true when RFC 5545 says, judged by python-dateutil, and the work does not grow with their age."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mainstay.catalog.calendar import recurrence
from mainstay.catalog.calendar.recurrence import WEEKDAYS, RecurrenceError, civil_starts, complete, parse_rule

pytestmark = pytest.mark.once
BERLIN = ZoneInfo("Europe/Berlin")


def starts(text: str, start: datetime, after: datetime, before: datetime) -> list[datetime]:
    return list(civil_starts(complete(parse_rule(text, BERLIN), start), start, after, before))


def joined(name: str, values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[str]:
    several = st.lists(values, min_size=1, max_size=most, unique=True)
    return several.map(lambda found: f"{name}={','.join(map(str, found))}")


def signed(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most) | st.integers(-most, -1)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(recurrence.FREQUENCIES))
    plain = joined("BYDAY", st.sampled_from(WEEKDAYS), 4)
    numbered = joined("BYDAY", st.builds(lambda n, day: f"{n}{day}", signed(5), st.sampled_from(WEEKDAYS)))
    choices: list[st.SearchStrategy[str]] = [
        joined("BYMONTH", st.integers(1, 12)),
        plain,
        joined("BYHOUR", st.integers(0, 23)),
    ]
    if frequency != "WEEKLY":
        choices.append(joined("BYMONTHDAY", signed(31)))
    if frequency == "YEARLY":
        choices.append(joined("BYYEARDAY", signed(366)))
    if frequency in {"MONTHLY", "YEARLY"}:
        choices.append(numbered)
    if frequency == "HOURLY":
        choices.pop(2)  # The reference refuses hours that an interval does not meet.
    parts: list[int] = draw(st.lists(st.integers(0, len(choices) - 1), max_size=3, unique=True))
    texts = [draw(choices[place]) for place in parts]
    assume(sum(text.startswith("BYDAY") for text in texts) < 2)
    chooses: bool = draw(st.booleans())
    if texts and chooses:
        texts.append(draw(joined("BYSETPOS", signed(5), 2)))
    if draw(st.booleans()):
        texts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    end = draw(st.sampled_from(["", "COUNT=7", "UNTIL=20270401T120000"]))
    return ";".join(filter(None, [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 5))}", *texts, end]))


def _days_into_week(text: str, day: datetime) -> int:
    """The days since the first of the week; the reference forgets them when it chooses in the week of the start."""
    first = next((WEEKDAYS.index(part[5:]) for part in text.split(";") if part.startswith("WKST=")), 0)
    return (day.weekday() - first) % 7


@given(rules(), st.integers(0, 500), st.integers(0, 23 * 60), st.integers(0, 900))
@settings(max_examples=300)
def test_a_rule_comes_true_when_the_reference_says(text: str, day: int, minute: int, later: int) -> None:
    start = datetime(2025, 1, 1) + timedelta(days=day, minutes=minute)
    if "WEEKLY" in text and "BYSETPOS" in text:
        start -= timedelta(days=_days_into_week(text, start))
    after = start + timedelta(days=later)
    # Hourly rules give many, rules that rarely come true make the reference walk far.
    before = after + timedelta(days=20 if "HOURLY" in text else 500)
    bounded = text if "COUNT" in text or "UNTIL" in text else f"{text};UNTIL={before:%Y%m%dT%H%M%S}"
    # The reference walks to the year 9999 when a rule comes true no more, or too seldom for its count.
    endless = text.partition(";COUNT")[0].partition(";UNTIL")[0]
    rest = before + timedelta(days=20 if "HOURLY" in text else 3000)
    enough = 7 if "COUNT" in text else 1
    assume(len(starts(endless, start, start if "COUNT" in text else before, rest)) >= enough)
    expected: list[datetime] = []
    for found in rrulestr(bounded, dtstart=start).xafter(after, inc=True):
        if found >= before:
            break
        expected.append(found)
    assert starts(text, start, after, before) == expected


@given(rules(), st.integers(1, 600))
def test_a_span_gives_the_same_however_it_is_cut(text: str, cut: int) -> None:
    start = datetime(2026, 1, 31, 10, 30)
    end = start + timedelta(days=30 if "HOURLY" in text else 900)
    middle = min(start + timedelta(days=cut, hours=cut % 24), end)
    parts = starts(text, start, start, middle) + starts(text, start, middle, end)
    assert parts == starts(text, start, start, end)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FREQ=MINUTELY", "FREQ=MINUTELY is too frequent"),
        ("FREQ=SECONDLY;COUNT=3", "FREQ=SECONDLY is too frequent"),
        ("FREQ=OFTEN", "FREQ: write one of"),
        ("weekly", "'WEEKLY' is not NAME=VALUE"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ stands twice"),
        ("FREQ=DAILY;BYFOO=1", "BYFOO is not known"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL: 0 is not from 1 to 1000"),
        ("FREQ=DAILY;COUNT=5000", "COUNT: 5000 is not from 1 to 1000"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL: 'TOMORROW' is not written as"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY with a number"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY: 'XX' is not a weekday"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY does not go"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS chooses"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO needs"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(text: str, said: str) -> None:
    with pytest.raises(RecurrenceError, match=said):
        parse_rule(text, BERLIN)


@pytest.mark.parametrize("text", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=4;BYMONTHDAY=31"])
def test_a_rule_that_never_comes_true_is_refused(text: str) -> None:
    with pytest.raises(RecurrenceError, match="never comes true"):
        recurrence.check_ever(complete(parse_rule(text, BERLIN), datetime(2026, 1, 1)), datetime(2026, 1, 1))


def test_the_weeks_of_the_iso_calendar_reach_over_the_turn_of_the_year() -> None:
    found = starts("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", datetime(2018, 1, 1), datetime(2018, 1, 2), datetime(2027, 1, 1))
    assert all(one.isocalendar()[1:] == (1, 1) for one in found)
    assert [one.year for one in found] == [2018, 2019, 2021, 2022, 2023, 2024, 2024, 2025]


@pytest.mark.parametrize(("position", "first"), [("1", 13), ("-1", 8)])
def test_a_position_counts_the_days_of_the_first_week_that_lie_before_the_start(position: str, first: int) -> None:
    wednesday = datetime(2025, 1, 8)
    text = f"FREQ=WEEKLY;BYDAY=MO,TU,WE;BYSETPOS={position}"
    assert starts(text, wednesday, wednesday, wednesday + timedelta(days=7))[0] == datetime(2025, 1, first)


def test_until_in_utc_is_meant_in_the_zone_of_the_entry() -> None:
    found = starts(
        "FREQ=DAILY;UNTIL=20260603T220000Z", datetime(2026, 6, 1), datetime(2026, 6, 1), datetime(2027, 1, 1)
    )
    assert found[-1] == datetime(2026, 6, 4)  # 22:00 UTC is midnight in Berlin.


@pytest.mark.parametrize(
    "text", ["FREQ=HOURLY;INTERVAL=7", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY", "FREQ=MONTHLY;BYDAY=-1FR"]
)
def test_the_work_does_not_grow_with_the_age_of_a_rule(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worked = []
    inner = recurrence._in_period

    def counted(rule: recurrence.Rule, first: datetime) -> list[datetime]:
        worked.append(first)
        return inner(rule, first)

    monkeypatch.setattr(recurrence, "_in_period", counted)
    for years in (0, 20, 500):
        worked.clear()
        start = datetime(2026 - years, 1, 5, 3)
        now = datetime(2026, 3, 1)
        rule = complete(parse_rule(text, BERLIN), start)
        assert len(list(islice(civil_starts(rule, start, now, now + timedelta(days=60)), 1))) == 1
        assert len(worked) <= 3
