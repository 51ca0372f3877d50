"""What plugins print, as the guidelines of the monitoring plugins have it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.checks.perfdata import Measure, Range, parse_range, read

pytestmark = pytest.mark.once


def test_text_and_data_of_one_line() -> None:
    found = read("DISK OK - free space: / 3326 MB (56%);| /=2643MB;5948;5958;0;5968\n")
    mb = 1024.0**2
    assert found.text == "DISK OK - free space: / 3326 MB (56%);"
    assert found.measures == (
        Measure("/", 2643 * mb, "bytes", Range(0, 5948 * mb), Range(0, 5958 * mb), 0.0, 5968 * mb),
    )


def test_long_output_with_data_behind_it() -> None:
    found = read(
        "DISK OK | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n/boot 68 MB (69%);\n"
        "/home 69357 MB (27%) | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414\n'a b'=3\n"
    )
    assert found.more == "/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%) "
    assert [one.label for one in found.measures] == ["/", "/boot", "/home", "a b"]


@pytest.mark.parametrize(
    ("data", "label", "value", "unit"),
    [
        ("time=0.05s", "time", 0.05, "seconds"),
        ("'response time'=120ms", "response time", 0.12, "seconds"),
        ("t=15us", "t", 15e-6, "seconds"),
        ("load1=0,45", "load1", 0.45, ""),
        ("used=56%", "used", 0.56, "ratio"),
        ("mem=2KB", "mem", 2048.0, "bytes"),
        ("mem=1.5GiB", "mem", 1.5 * 1024**3, "bytes"),
        ("packets=17c", "packets", 17.0, "total"),
        ("'it''s'=-3.5e2", "it's", -350.0, ""),
        ("rpm=900rpm", "rpm", 900.0, "rpm"),
    ],
)
def test_units_become_base_units(data: str, label: str, value: float, unit: str) -> None:
    (one,) = read(f"OK|{data}").measures
    assert (one.label, one.unit) == (label, unit)
    assert one.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "wanted", "alerts", "quiet"),
    [
        ("10", Range(0, 10), (-1, 11), (0, 10)),
        ("10:", Range(10, math.inf), (9,), (10, 1e9)),
        ("~:10", Range(-math.inf, 10), (10.1,), (-1e9, 10)),
        ("10:20", Range(10, 20), (9, 21), (10, 20)),
        ("@10:20", Range(10, 20, inside=True), (10, 15, 20), (9, 21)),
    ],
)
def test_ranges_are_those_of_the_guidelines(
    text: str, wanted: Range, alerts: tuple[float, ...], quiet: tuple[float, ...]
) -> None:
    found = parse_range(text)
    assert found == wanted
    assert all(map(found.alerts, alerts))
    assert not any(map(found.alerts, quiet))


def test_what_is_no_data_is_said_and_stops_nothing() -> None:
    found = read("OK | a=1 nonsense b=x 'c=2 d=U e=5;x:y;20:10")
    assert found.measures[0] == Measure("a", 1.0)
    assert found.measures[-1] == Measure("e", 5.0)
    assert "nonsense" in found.unread
    assert "b=x" in found.unread
    assert not [one for one in found.unread if one.startswith("d=")]


LABELS = st.text(
    st.characters(codec="utf-8", exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), min_size=1
)


@given(LABELS.filter(lambda text: text == " ".join(text.split()) and "|" not in text), st.floats(-1e12, 1e12))
def test_any_label_that_is_quoted_comes_back(label: str, value: float) -> None:
    quoted = label.replace("'", "''")
    (one,) = read(f"fine|'{quoted}'={value!r};~:5;@1:2").measures
    assert one.label == label
    assert one.value == pytest.approx(value)
    assert (str(one.warning), str(one.critical)) == ("~:5", "@1:2")


@given(st.text(max_size=200))
def test_nothing_that_is_printed_raises(printed: str) -> None:
    found = read(printed)
    assert all(one.label for one in found.measures)
    assert found == read(printed)
