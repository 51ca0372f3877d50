"""Lines of many makers, read without being told their format."""

from datetime import UTC, datetime

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.logs.frame import from_lines
from mainstay.observe.logs.lines import LEVELS, Lines, Origin
from mainstay.observe.logs.reading.read import Source, read

NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)
AT = datetime(2026, 1, 31, 3, 4, 5, tzinfo=UTC)
TRACE = [
    "Traceback (most recent call last):",
    '  File "/srv/shop/pay.py", line 4, in charge',
    "    post()",
    "TimeoutError: provider",
]


def records(*lines: str, whole: bool = False, source: Source | None = None) -> list[dict[str, object]]:
    found = read(from_lines(Lines([Origin()], [0] * len(lines), lines)), NOW, source or Source(), whole=whole)
    return found.to_dicts()


@pytest.mark.parametrize(
    ("line", "format_", "level", "body", "attributes"),
    [
        (
            "2026-01-31 03:04:05,000 INFO [main] org.example.Shop: order 12 placed",
            "level and logger",
            "info",
            "order 12 placed",
            {"thread.name": "main", "logger": "org.example.Shop"},
        ),
        ("2026-01-31T03:04:05Z WARN cache is cold", "level", "warning", "cache is cold", {}),
        (
            "[Sat Jan 31 03:04:05 2026] [core:error] [pid 7] no file",
            "marked level",
            "error",
            "no file",
            {"module": "core"},
        ),
        ("01-31 03:04:05.000  17  23 E Camera : no focus", "tag", "error", "no focus", {"logger": "Camera"}),
        ("20260131-03:04:05:000|Steps|30|counted 7", "bars", "", "counted 7", {}),
        (
            "Jan 31 03:04:05 web1 sshd[42]: session opened",
            "syslog",
            "",
            "session opened",
            {"host.name": "web1", "logger": "sshd", "process.pid": "42"},
        ),
        ("[01.31 03:04:05] shop.exe - started", "program", "", "started", {"logger": "shop.exe"}),
        ("2026-01-31T03:04:05Z plain words", "time", "", "plain words", {}),
        ('{"time":"2026-01-31T03:04:05Z","level":"error","msg":"boom","n":3}', "json", "error", "boom", {"n": "3"}),
        ('ts=2026-01-31T03:04:05Z level=warn msg="a b" n=3', "logfmt", "warning", "a b", {"n": "3"}),
    ],
)
def test_what_a_line_says_of_itself(line: str, format_: str, level: str, body: str, attributes: dict[str, str]) -> None:
    (found,) = records(line)
    said = orjson.loads(str(found["attributes"]))
    assert (found["format"], found["level"], found["body"]) == (format_, level, body)
    assert found["time"] == int(AT.timestamp() * 1_000_000)
    assert {name: said.get(name) for name in attributes} == attributes


def test_an_access_log_keeps_its_line_and_has_the_level_of_its_status() -> None:
    line = '10.0.0.9 - ana [31/Jan/2026:03:04:05 +0000] "GET /cart?x=1 HTTP/1.1" 503 12 "-" "curl/8"'
    (found,) = records(line)
    said = orjson.loads(str(found["attributes"]))
    assert (found["format"], found["level"], found["body"]) == ("access", "error", line)
    assert (said["url.path"], said["http.response.status_code"], said["user.name"]) == ("/cart?x=1", "503", "ana")


def test_a_trace_belongs_to_the_line_before_it_and_is_an_object() -> None:
    found = records("2026-01-31 03:04:05 ERROR charge failed", *TRACE, "2026-01-31 03:04:06 INFO next")
    assert [one["lines"] for one in found] == [5, 1]
    assert (found[0]["exception"], found[0]["frame"], found[0]["level"]) == ("TimeoutError", "charge", "error")
    assert str(found[0]["body"]).startswith("charge failed\nTraceback")


def test_a_trace_without_anything_before_it_is_a_record() -> None:
    found = records("all is well", *TRACE, "all is well again")
    assert [one["lines"] for one in found] == [1, 4, 1]
    assert (found[1]["exception"], found[1]["level"]) == ("TimeoutError", "error")


def test_lines_of_two_streams_are_not_joined() -> None:
    origins = [Origin(stream="a"), Origin(stream="b")]
    bodies = ["2026-01-31 03:04:05 ERROR one", "2026-01-31 03:04:05 ERROR two", "\tat a.B.c(B.java:1)"]
    found = read(from_lines(Lines(origins, [0, 1, 0], bodies)), NOW, Source(), whole=False)
    assert found["body"].to_list() == ["one\n\tat a.B.c(B.java:1)", "two"]


def test_what_the_sender_said_goes_before_what_the_line_says() -> None:
    lines = Lines([Origin("pay")], [0], ['{"time":1,"level":"info","service":"x","msg":"m"}'], [5_000_000], ["error"])
    (found,) = read(from_lines(lines), NOW, Source(), whole=True).to_dicts()
    assert (found["time"], found["level"], found["service"]) == (5_000_000, "error", "pay")


def test_a_record_that_is_too_long_goes_on_in_another() -> None:
    found = records("2026-01-31 03:04:05 INFO x", *["  more"] * 9, source=Source(most_lines=4))
    assert [one["lines"] for one in found] == [4, 4, 2]


@pytest.mark.parametrize("line", ['{"time": bad json}', "{}", "[1, 2]", "=", "level=", "\x1b[31mred\x1b[0m", "💥 bäng"])
def test_what_is_not_understood_is_kept(line: str) -> None:
    (found,) = records(line)
    assert found["body"] == line


@given(
    st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=50), min_size=1, max_size=12), st.booleans()
)
def test_no_line_is_lost(lines: list[str], whole: bool) -> None:
    found = read(from_lines(Lines([Origin()], [0] * len(lines), lines)), NOW, Source(), whole=whole)
    assert int(found["lines"].sum()) == len(lines)
    assert found["level"].is_in(["", *LEVELS]).all()
    assert found.schema["fingerprint"] == pl.UInt64
