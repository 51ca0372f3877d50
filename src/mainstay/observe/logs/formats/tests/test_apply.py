"""Formats laid over lines: what fits is taken apart, what does not stays as it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.logs import frame
from mainstay.observe.logs.formats import apply
from mainstay.observe.logs.formats.definition import Format, format_of
from mainstay.observe.logs.formats.pattern import FormatError
from mainstay.observe.logs.formats.trying import tried
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.logs.reading.read import Source, read

pytestmark = pytest.mark.once

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BATCH = {
    "key": "batch",
    "services": ["ledger"],
    "contains": "|STL",
    "pattern": r"(?<at>\S+ \S+)\|STL%{INT:code:int}\|%{WORD:grade}\|(?<message>[^|]*)\|%{NUMBER:seconds:float}",
    "time": "at",
    "time_format": "%d.%m.%Y %H:%M:%S,%3f",
    "timezone": "Europe/Berlin",
    "level": "grade",
    "levels": {"X7": "fatal"},
}
LINE = "01.03.2026 11:00:00,250|STL007|X7|disk full|1.50"


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1e6)


def records(lines: list[str], *formats: Format, service: str = "ledger", whole: bool = False) -> list[dict[str, Any]]:
    made = frame.from_lines(Lines([Origin(service)], [0] * len(lines), lines))
    begun = None if whole else apply.begun(made, formats, 4096)
    read_ = read(apply.with_lines(made), NOW, Source(), whole=whole, begun=begun)
    rows = apply.laid_over(read_, formats, NOW, Source(), 4096).to_dicts()
    for row in rows:
        row["said"] = {name: value for name, value in orjson.loads(row["attributes"]).items() if value is not None}
    return rows


def test_a_line_that_fits_is_taken_apart() -> None:
    row = records([LINE], format_of(BATCH))[0]
    assert (row["time"], row["level"], row["body"], row["format"]) == (
        micros("2026-03-01T10:00:00.25+00:00"), "fatal", "disk full", "batch",
    )  # fmt: skip
    assert row["said"] == {"code": "7", "seconds": "1.5", apply.ORIGINAL: LINE}
    assert not row["missed"]


def test_the_line_is_not_kept_beside_its_message_where_that_is_not_wanted() -> None:
    assert apply.ORIGINAL not in records([LINE], format_of({**BATCH, "keep_line": False}))[0]["said"]


def test_a_line_that_does_not_fit_stays_as_it_was_and_says_so() -> None:
    lines = ["01.03.2026 11:00:01,250|STL008|W|disk|x", "2026-03-01T10:00:02Z INFO other", LINE]
    rows = records(lines, format_of(BATCH))
    assert [row["body"] for row in rows] == [lines[0], "other", "disk full"]
    assert [row["format"] for row in rows] == ["raw", "level", "batch"]
    assert [row["missed"] for row in rows] == ["batch", "", ""]
    assert [row["body"] for row in records(lines, format_of(BATCH), service="other")][-1] == LINE


def test_what_the_format_says_goes_before_what_was_guessed() -> None:
    one = format_of({"key": "f", "pattern": r"\S+ %{WORD} at %{TIMESTAMP_ISO8601:time} is %{WORD:level}"})
    row = records(["2026-01-31T03:04:05Z ERROR at 2026-02-28 01:02:03 is debug"], one)[0]
    assert (row["time"], row["level"]) == (micros("2026-02-28T01:02:03+00:00"), "debug")
    # Nothing names the message, so it stays what was read.
    assert row["body"] == "at 2026-02-28 01:02:03 is debug"


def test_a_pattern_may_describe_the_message_alone() -> None:
    one = format_of({"key": "f", "pattern": "settled %{INT:payments:int} payments"})
    rows = records(
        ["2026-01-31T03:04:05Z INFO settled 12 payments", '{"level":"warn","msg":"settled 3 payments"}'], one
    )
    assert [(row["said"]["payments"], row["level"]) for row in rows] == [("12", "info"), ("3", "warning")]


def test_a_stack_trace_below_the_line_stays_with_it() -> None:
    trace = ["Traceback (most recent call last):", '  File "/srv/pay.py", line 4, in charge', "TimeoutError: provider"]
    rows = records([LINE, *trace, LINE], format_of(BATCH))
    assert [row["body"] for row in rows] == ["\n".join(["disk full", *trace]), "disk full"]
    assert rows[0]["exception"] == "TimeoutError"


def test_lines_of_a_format_do_not_grow_into_those_before_them() -> None:
    lines = ["2026-03-01T10:00:02Z INFO a", "2026-03-01T10:00:02Z INFO b", LINE, LINE]
    assert len(records(lines, format_of(BATCH))) == 4


def test_values_that_are_no_moment_no_level_and_no_number_stay_as_written() -> None:
    pattern = r"(?<at>\S+) (?<grade>\S+) (?<n>\S+)"
    one = format_of({"key": "f", "pattern": pattern, "time": "at", "level": "grade"})
    row = records(["soon bad many"], one)[0]
    assert (row["time"], row["level"], row["said"]) == (None, "", {"at": "soon", "grade": "bad", "n": "many"})
    typed = records(
        ["x 99999999999999999999 inf"], format_of({"key": "f", "pattern": r"x %{INT:a:int} %{WORD:b:float}"})
    )
    assert typed[0]["said"] == {"a": "99999999999999999999", "b": "inf"}


def test_trace_and_span_are_columns() -> None:
    one = format_of({"key": "f", "pattern": "%{WORD:trace_id} %{WORD:span_id}"})
    row = records(["ab cd"], one)[0]
    assert (row["trace_id"], row["span_id"], row["said"]) == ("ab", "cd", {})


def test_the_first_format_that_fits_has_the_line() -> None:
    formats = [
        format_of({"key": key, "pattern": pattern}) for key, pattern in (("a", "%{INT:n}$"), ("b", "%{DATA:d}x"))
    ]
    assert [row["format"] for row in records(["12", "12x", "y"], *formats, whole=True)] == ["a", "b", "raw"]
    assert records(["y"], *formats)[0]["missed"] == "a,b"


@pytest.mark.parametrize(
    ("layout", "zone", "text", "meant"),
    [
        ("%d/%m/%Y %H:%M", "", "31/01/2026 03:04", "2026-01-31T03:04:00+00:00"),
        ("%d/%m/%Y %H:%M", "-05:30", "31/01/2026 03:04", "2026-01-31T08:34:00+00:00"),
        ("%Y%m%d%H%M%S", "Europe/Berlin", "20260701030405", "2026-07-01T01:04:05+00:00"),
        ("%d.%m.%y %H:%M:%S%.f %z", "Europe/Berlin", "31.01.26 03:04:05.5 +0200", "2026-01-31T01:04:05.5+00:00"),
        ("%s", "Europe/Berlin", "1769828645", "2026-01-31T03:04:05+00:00"),
        ("", "+01:00", "2026-01-31 03:04:05", "2026-01-31T02:04:05+00:00"),
        ("", "+01:00", "1769828645000", "2026-01-31T03:04:05+00:00"),
    ],
)
def test_moments_are_read_as_the_format_says(layout: str, zone: str, text: str, meant: str) -> None:
    entry = {"key": "f", "pattern": "(?<time>[^|]+)[|]", "time_format": layout, "timezone": zone}
    assert records([f"{text}|x"], format_of(entry), whole=True)[0]["time"] == micros(meant)


def test_the_correction_of_a_source_holds_for_the_moments_of_a_format() -> None:
    source = Source(correction=timedelta(seconds=90))
    found = tried(format_of(BATCH), [LINE], NOW, 4096, source)[0]
    assert found.time == datetime(2026, 3, 1, 10, 1, 30, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pattern": "no names"}, "no part of it has a name"),
        ({"time": "when"}, "the pattern has no part 'when'; its parts are at, code, grade, message, seconds"),
        ({"timezone": "Mars/Base"}, "there is no zone 'Mars/Base'"),
        ({"timezone": "../etc/passwd"}, "there is no zone"),
        ({"time_format": "%H:%M"}, "names no whole day"),
        ({"time_format": "%c"}, "not supported"),
        ({"levels": {"X": "awful"}}, "levels.X: 'awful' is no level"),
        ({"services": []}, "name services"),
    ],
)
def test_what_is_wrong_with_a_format_is_said(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(FormatError, match=says.replace("*", r"\*")):
        format_of({**BATCH, **changes})


def test_a_trial_tells_the_parts_of_a_line_and_how_far_the_pattern_reached() -> None:
    good, bad, header, skipped = tried(
        format_of(BATCH),
        [LINE, "01.03.2026 11:00:01,250|STL008|W|disk|x", f"2026-03-01T10:00:02Z INFO {LINE}", "something else"],
        NOW,
        4096,
    )
    assert good.fits
    assert [(one.field, one.text) for one in good.pieces if one.field] == [
        ("at", "01.03.2026 11:00:00,250"), ("code", "007"), ("grade", "X7"), ("message", "disk full"),
        ("seconds", "1.50"),
    ]  # fmt: skip
    assert (good.fields, good.message, good.level) == ({"code": "7", "seconds": "1.5"}, "disk full", "fatal")
    assert (bad.fits, bad.rest, bad.stopped_at) == (False, "x", "%{NUMBER:seconds:float}")
    assert (header.fits, header.pieces[0].text) == (True, "2026-03-01T10:00:02Z INFO ")
    assert (skipped.fits, skipped.stopped_at) == (False, "")


@given(
    st.lists(st.text(max_size=80), max_size=8),
    st.sampled_from(["%{DATA:a} %{GREEDYDATA:b}", r"(?<m>\d+)|x%{INT:m}", BATCH["pattern"]]),
)
def test_a_trial_loses_no_sign_and_agrees_with_intake(lines: list[str], pattern: str) -> None:
    one = format_of(
        {**BATCH, "contains": "", "time": "", "time_format": "", "level": "", "services": ["*"], "pattern": pattern}
    )
    for line, found in zip(lines, tried(one, lines, NOW, 4096), strict=True):
        assert "".join(piece.text for piece in found.pieces) + found.rest == line.partition("\n")[0]
    whole = records(lines, one, whole=True) if lines else []
    assert [found.fits for found in tried(one, lines, NOW, 4096)] == [row["format"] == "batch" for row in whole]


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=60), min_size=1, max_size=12)
)
def test_no_text_is_lost_whatever_lines_say(lines: list[str]) -> None:
    rows = records(lines, format_of({"key": "f", "pattern": "%{WORD:first} %{GREEDYDATA:message}"}))
    kept = "\n".join(row["said"].get(apply.ORIGINAL, row["body"]) + row["body"] for row in rows)
    assert all(
        word in kept for line in lines for word in line.split() if pl.Series([word]).str.contains(r"^\w+$").all()
    )
