"""Syslog: what real senders write, whatever way it is cut, and that nothing that comes is lost."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.intake import syslog
from mainstay.observe.intake.listening.framers import Delimited, Syslog
from mainstay.observe.intake.listening.gather import Frame
from mainstay.observe.intake.syslog.parse import Clock, parse

pytestmark = pytest.mark.once
NOW = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
JUST = 1_767_227_399_000_000  # 2026-01-01T00:29:59Z
OCTOBER = 1_760_220_855_000_000  # 2025-10-11T22:14:15Z


def clock(zone: str = "UTC") -> Clock:
    return Clock(NOW, ZoneInfo(zone))


def micros(*numbers: int) -> int:
    return int(datetime(*numbers, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "time", "host", "app", "process", "said"),
    [
        # The examples of RFC 5424, section 6.5.
        (
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed",
            micros(2003, 10, 11, 22, 14, 15) + 3000,
            "mymachine.example.com",
            "su",
            "",
            "'su root' failed",
        ),
        (
            "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
            micros(2003, 8, 24, 12, 14, 15) + 3,
            "192.0.2.1",
            "myproc",
            "8710",
            "%% It's time to make the do-nuts.",
        ),
        ("<34>1 - - - - - -", 0, "", "", "", ""),
        # RFC 3164, section 5.4, and what is sent in its name.
        ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed", OCTOBER, "mymachine", "su", "", "'su root' failed"),
        ("<13>Jan  1 00:29:59 db-1 cron[77]: done", JUST, "db-1", "cron", "77", "done"),
        ("<13>Dec 31 23:59:59 db-1 cron[77]: done", micros(2025, 12, 31, 23, 59, 59), "db-1", "cron", "77", "done"),
        ("<13>Jan  1 00:29:59 cron: no host", JUST, "", "cron", "", "no host"),
        ("<13>2026-01-01T01:29:59.5+01:00 db-1 cron: iso", JUST + 500_000, "db-1", "cron", "", "iso"),
        ("<189>Jan  1 2026 00:29:59: %SYS-5: Configured", JUST, "", "%SYS-5", "", "Configured"),
        ("<14>shop: basket is empty", 0, "", "shop", "", "basket is empty"),
        ("<14>ERROR: no answer", 0, "", "", "", "ERROR: no answer"),
        ("<14>plain words", 0, "", "", "", "plain words"),
        ("<11>Jan  1 00:29:59 h a: java.E#012#011at x", JUST, "h", "a", "", "java.E\n\tat x"),
    ],
)
def test_messages_as_real_senders_write_them(
    text: str, time: int, host: str, app: str, process: str, said: str
) -> None:
    found = parse(text, clock())
    assert found is not None
    assert (found.time, found.host, found.app, found.process, found.text) == (time, host, app, process, said)


def test_structured_data_becomes_attributes() -> None:
    text = '<165>1 - h a - ID [ex@1 iut="3" quoted="a\\"b\\]c\\\\d"][other x="1 ] 2"] text'
    found = parse(text, clock())
    assert found is not None
    assert found.attributes == {
        "syslog.msg.id": "ID",
        "ex@1.iut": "3",
        "ex@1.quoted": 'a"b]c\\d',
        "other.x": "1 ] 2",
    }
    assert found.text == "text"


def test_structured_data_that_breaks_the_rules_stays_in_the_text() -> None:
    found = parse('<165>1 - h a - - [good x="1"][bad x=1] text', clock())
    assert found is not None
    assert (found.attributes, found.text) == ({"good.x": "1"}, "[bad x=1] text")


def test_a_time_without_zone_is_in_the_senders_zone() -> None:
    found = parse("<13>Jul  1 12:00:00 h a: x", clock("Europe/Berlin"))
    assert found is not None
    assert found.time == micros(2025, 7, 1, 10)


@pytest.mark.parametrize("said", ["Feb 30 12:00:00", "Xyz  1 12:00:00", "2026-13-45T99:00:00Z"])
def test_a_time_that_is_none_is_kept_as_said(said: str) -> None:
    found = parse(f"<13>{said} h a: x", clock())
    assert found is not None
    assert (found.time, found.said, found.app) == (0, said, "a")


@given(st.text(max_size=300))
def test_any_text_is_kept(text: str) -> None:
    frames = [
        Frame("10.0.0.1", text.encode("utf-8", "replace"), 1),
        Frame("10.0.0.1", f"<13>{text}".encode("utf-8", "replace"), 1),
    ]
    collector = syslog.decode(frames, NOW)
    assert len(collector) <= 2
    assert len(collector) == 2 or not text.rstrip("\r\n\x00")


@given(st.binary(max_size=300))
def test_any_header_is_survived(data: bytes) -> None:
    frames = [Frame("10.0.0.1", b"<34>1 " + data, 1), Frame("10.0.0.1", b"<13>Oct 11 " + data, 1)]
    assert len(syslog.decode(frames, NOW)) == 2


MESSAGE = st.text(st.characters(blacklist_characters="\n\x00", blacklist_categories=["Cs"]), min_size=1, max_size=60)


@given(st.lists(st.tuples(MESSAGE, st.booleans()), max_size=12), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_however_a_stream_is_cut_the_messages_are_the_same(sent: list[tuple[str, bool]], cuts: list[int]) -> None:
    messages = [(f"<13>{text}".encode(), counted) for text, counted in sent]
    stream = b"".join(b"%d %s" % (len(one), one) if counted else one + b"\n" for one, counted in messages)
    framer, found, place, turn = Syslog(10_000), [], 0, 0
    while place < len(stream):
        step = cuts[turn % len(cuts)]
        found += framer.feed(stream[place : place + step])
        place, turn = place + step, turn + 1
    found += framer.end()
    assert found == [(one, 0) for one, _ in messages]


@given(st.binary(max_size=500), st.lists(st.integers(1, 50), min_size=1, max_size=10), st.integers(5, 60))
def test_no_byte_of_a_stream_is_lost_whatever_it_is(data: bytes, cuts: list[int], limit: int) -> None:
    framer, found, place, turn = Delimited(b"\x00", limit), [], 0, 0
    while place < len(data):
        step = cuts[turn % len(cuts)]
        found += framer.feed(data[place : place + step])
        place, turn = place + step, turn + 1
    found += framer.end()
    assert all(len(one) <= limit for one, _ in found)
    assert b"".join(one for one, _ in found) == data.replace(b"\x00", b"")


@pytest.mark.parametrize("counted", [True, False])
def test_a_message_over_the_limit_comes_in_pieces(counted: bool) -> None:
    body = b"<13>" + b"x" * 2500
    framer = Syslog(1000)
    found = framer.feed(b"%d %s" % (len(body), body) if counted else body + b"\n")
    found += framer.feed(b"<13>next\n")
    assert [(len(one), piece) for one, piece in found] == [(1000, 1), (1000, 2), (504, 3), (8, 0)]
    collector = syslog.decode([Frame("h:1", one, len(one), piece) for one, piece in found], NOW)
    lines = collector.lines()
    assert "".join(lines.bodies[:3]) == "x" * 2500
    assert [one and one.get("log.piece") for one in lines.attributes] == ["1", "2", "3", None]


def test_a_count_without_an_end_does_not_stop_what_follows() -> None:
    framer = Syslog(1000)
    assert framer.feed(b"99999999999999 no count\n<13>good\n") == [(b"99999999999999 no count", 0), (b"<13>good", 0)]
    assert framer.feed(b"12 monkeys\n<13>good\n") == [(b"12 monkeys", 0), (b"<13>good", 0)]
    assert framer.feed(b"500 <13>cut") == []
    assert framer.end() == [(b"<13>cut", 0)]
