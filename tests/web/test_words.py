"""Sentences and drawings of the screens."""

from datetime import UTC, datetime, timedelta

import pytest

from mainstay.faces.web import words
from mainstay.faces.web.depmap import lay_out
from mainstay.faces.web.templatetags.show import breakable, safe_link
from mainstay.faces.web.views.panels import draw, spark_line
from mainstay.observe.metrics.charts import Chart


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((0, 0, 0), "Nothing is open"),
        ((1, 0, 0), "One open, taken"),
        ((2, 1, 1), "Two open, one needs you"),
        ((12, 3, 2), "12 open, two need you"),
        ((3, 2, 0), "Three open, two not taken"),
        ((2, 0, 0), "Two open, all taken"),
    ],
)
def test_the_headline(counts: tuple[int, int, int], sentence: str) -> None:
    assert words.headline(*counts) == sentence


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7500, "2 h 05 min"), (90_000, "1 d 1 h")],
)
def test_lengths_of_time(seconds: int, told: str) -> None:
    assert words.duration(timedelta(seconds=seconds)) == told


def test_the_impact_counts_what_is_open_now_and_names_the_rest() -> None:
    processes = [
        {"name": "Checkout", "users": "400 customers", "cost_per_hour": "1000.00", "open_now": True},
        {"name": "Close", "users": "", "cost_per_hour": "50.50", "open_now": True},
        {"name": "Payroll", "users": "", "cost_per_hour": "9", "open_now": False},
    ]
    told = words.impact({"processes": processes}, "EUR")
    assert told == "Checkout is hit: 400 customers, EUR 1,050.50 an hour. Also Close, Payroll."
    assert words.impact({"impact": "not known"}, "EUR") == "Not known."


def test_a_chart_in_words_and_as_a_line() -> None:
    chart = Chart((0, 60_000, 120_000), (("a", (1.0, None, 3.0)),), 2.0, ">", "")
    drawing = draw(chart)
    assert "between 1 and 3; at the end 3; alerts when > 2." in drawing.summary
    assert [values for _, values in drawing.table] == [[3.0], [None], [1.0]]
    line = spark_line(chart)
    assert line
    assert line["lines"] == ["0.0,27.0 128.0,3.0"]
    empty = Chart((), (), None, "", "")
    assert draw(empty).is_empty
    assert spark_line(empty) is None


def test_the_map_ends_in_a_circle_of_calls_and_counts_what_has_no_room() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "a"), *((f"x{number}", "b") for number in range(20))]
    made = lay_out("b", {"b": "B" * 60}, edges, [("p", "Checkout", frozenset({"a"}))], frozenset({"c"}))
    by_key = {node.key: node for node in made.nodes}
    assert by_key["process:p"].x < by_key["a"].x < by_key["b"].x
    assert by_key["c"].trouble
    assert len(by_key["b"].shown) == 22
    assert made.left_out > 0
    assert all(node.x + 172 <= made.width and node.y + 34 <= made.height for node in made.nodes)


def test_only_addresses_of_the_web_become_links() -> None:
    assert safe_link("https://example.com/a?b") == "https://example.com/a?b"
    for bad in ("javascript:alert(1)", "data:text/html,x", "//evil.example", "http://[", "ftp://x.example"):
        assert safe_link(bad) == ""


def test_long_names_break_and_stay_escaped() -> None:
    assert breakable("a.b<c") == "a.<wbr>b&lt;c"


def test_a_time_names_its_day_when_it_is_not_today() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert words.clock_time(now, now) == "12:00 +00:00"
    assert words.clock_time(now - timedelta(days=1), now, seconds=True) == "22 Nov 12:00:00 +00:00"
    assert words.clock_time(now - timedelta(days=400), now) == "19 Oct 2025 12:00 +00:00"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.08, "ratio", "8 %"),
        (0.12, "seconds", "120 ms"),
        (75.0, "seconds", "75 seconds"),
        (920 * 1024.0**3, "bytes", "920 GiB"),
        (12.0, "bytes", "12 bytes"),
        (900.0, "rpm", "900 rpm"),
        (3.0, "", "3"),
    ],
)
def test_what_a_check_measured_is_said_in_its_unit(value: float, unit: str, said: str) -> None:
    assert words.measured(value, unit) == said
