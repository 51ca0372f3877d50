"""What is found: exactly the lines that a query describes, whatever the index skips."""

import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import engine

from mainstay.core.access import LOCAL
from mainstay.core.problems import ProblemError
from mainstay.observe.logs.search import asking, services, times
from mainstay.observe.logs.search.answers import Cursor
from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.search.query import Glob, Text, text_of
from mainstay.observe.logs.search.tests.conftest import BODIES, START
from mainstay.observe.telemetry import client

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("night")]
NIGHT = times.of(START, START + timedelta(hours=1))


def found(query: str) -> list[int]:
    """Places of the lines that match, in order of time."""
    page = services.search(LOCAL, query, NIGHT, 1000)
    assert page.scan.exact
    return sorted(int((line.time - START).total_seconds()) for line in page.lines)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("", list(range(10))),
        ("timeout", [0, 1]),
        ("TIMEOUT", [0, 1]),
        ("timeout*", [0, 1, 2]),
        ("*imeou*", [0, 1, 2]),
        ("88001", [0]),
        ("88001*", [0, 1]),
        ('"provider timeout"', [0, 1]),
        ('"timeout provider"', []),
        ("stock-db-3", [3]),
        ("tock-db-3", []),
        ('"stock-db-3.internal:5432"', [3]),
        ("3f2a-77b1-9c0d", [4]),
        ("f2a-77b1-9c0d", []),
        ("*f2a-77b1-9c*", [4]),
        ("cart*add", [4]),
        ("is*closed", []),
        ("shop*add", [4]),
        ("/api/v1/orders", [5]),
        ("orders?id=5", [5]),
        ("order_id=77", [6]),
        ('"100% sure it\'s \\\\ fine"', [6]),
        ("überweisung", [7]),
        ("MÜLLER", [7]),
        ("mülle", []),
        ("mülle*", [7]),
        ("/after \\d{4} ms/", [0]),
        ("/Provider/", [1]),
        ("level:error", [0, 3]),
        ("level:WARN", [1]),
        ("level:>=warning", [0, 1, 3, 4]),
        ("level:<info", [6, 7]),
        ("level:[info TO warning]", [1, 2, 5, 9]),
        ("-level:*", [8]),
        ("service:payments", [0, 2, 4, 6, 8]),
        ("service:pay*", [0, 2, 4, 6, 8]),
        ("service:/^ord/", [1, 3, 5, 7, 9]),
        ("zone:b level:error", [3]),
        ("trace:" + "AB" * 16, [0, 3, 6, 9]),
        ("order:883", [3]),
        ("order:*", list(range(9))),
        ("duration_ms:>=73.5", [7, 8]),
        ("duration_ms:[10 TO 21]", [1, 2]),
        ("NOT duration_ms:>0", [0, 9]),
        ('"cart id":"x y"', [9]),
        ("attributes.service:shadow", [9]),
        ("source:(test OR otlp) stream:host-1*", [0, 2, 4, 6, 8]),
        ("timeout OR refused -order", [0, 1, 3]),
        ("(timeout OR refused) -order", [3]),
        ("pattern:0 fingerprint:0x0", list(range(10))),
    ],
)
def test_a_query_finds_its_lines_and_no_others(query: str, places: list[int]) -> None:
    assert found(query) == places


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("level:purple", "no level is called"),
        ("service:>5", "cannot be compared"),
        ("duration_ms:>fast", "not a number"),
        ("duration_ms:>nan", "not a number"),
        ("pattern:x", "is a number"),
        ("/a(b/", "regular expression"),
        ("service:/[/", "regular expression"),
        (" ".join(["a"] * 101), "more than"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_remedy(query: str, said: str) -> None:
    with pytest.raises(QueryError, match=said) as caught:
        services.search(LOCAL, query, NIGHT)
    assert caught.value.expected or caught.value.remedy


def reference(parts: tuple[str, ...], body: str) -> bool:
    """What whole words and stars mean, by a regular expression of Python over the whole body."""
    word = r"0-9A-Za-z\u0080-\U0010ffff"
    left = rf"(?<![{word}])" if re.match(f"[{word}]", parts[0][:1]) else ""
    right = rf"(?![{word}])" if re.match(f"[{word}]", parts[-1][-1:]) else ""
    pattern = left + r"[^\t\n\f\r ]*".join(map(re.escape, parts)) + right
    return re.search(pattern, body, re.IGNORECASE) is not None


_sign = st.sampled_from("abAB19 -_.%'\\\"/é{}")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(_sign, max_size=4), min_size=1, max_size=3).filter(any),
    st.lists(st.text(_sign, max_size=14), min_size=1, max_size=8),
)
def test_words_and_stars_mean_the_same_as_in_python(parts: list[str], bodies: list[str]) -> None:
    test = Text(parts[0]) if len(parts) == 1 else Glob(tuple(parts))
    asked = asking.ask_for(text_of(test), NIGHT)
    rows = client.rows(
        f"SELECT {asked.condition.sql} FROM (SELECT arrayJoin({{bodies:Array(String)}}) AS body)",
        {**asked.condition.params, "bodies": bodies},
    )
    assert [bool(row[0]) for row in rows] == [reference(tuple(parts), body) for body in bodies]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("88001", "words"),
        ("3f2a-77b1-9c0d", "words"),
        ('"order 88001"', "words"),
        ("trace:" + "ab" * 16, "traces"),
        ("order:883", "attribute_values"),
        ("pattern:7", "patterns"),
        ("fingerprint:7", "fingerprints"),
    ],
)
def test_skip_indexes_are_used(query: str, index: str) -> None:
    asked = asking.ask_for(query, NIGHT)
    rows = client.rows(f"EXPLAIN indexes = 1 SELECT count() FROM log_lines WHERE {asked.where}", asked.params)
    assert f"Name: {index}" in "\n".join(str(row[0]) for row in rows)


def test_pages_meet_without_gap_or_overlap_in_both_directions() -> None:
    whole = [line.id for line in services.search(LOCAL, "", NIGHT, 10).lines]
    first = services.search(LOCAL, "", NIGHT, 10 - 6)
    second = services.search(LOCAL, "", NIGHT, 4, before=first.older)
    third = services.search(LOCAL, "", NIGHT, 4, before=second.older)
    assert [line.id for page in (first, second, third) for line in page.lines] == whole
    assert third.older is None
    back = services.search(LOCAL, "", NIGHT, 4, after=third.newer)
    assert [line.id for line in back.lines] == [line.id for line in second.lines]
    assert services.search(LOCAL, "", NIGHT, 4, after=first.lines[0].cursor).newer is None


def test_an_answer_says_what_was_scanned_and_what_was_cut() -> None:
    page = services.search(LOCAL, "order", NIGHT, 1)
    assert (page.scan.start, page.scan.end) == (NIGHT.start, NIGHT.end)
    assert (page.scan.matched, page.scan.exact, page.scan.cut, page.scan.sampled) == (2, False, True, False)
    assert page.scan.read_lines >= 1
    assert page.scan.elapsed_ms > 0


def test_counts_over_time_and_by_value() -> None:
    counted = services.histogram(LOCAL, "", NIGHT, 60)
    assert sum(map(sum, counted.counts.values())) == counted.scan.matched == 10
    assert counted.counts["error"][0] == 2
    by_word = services.histogram(LOCAL, "timeout*", times.of(START, START + timedelta(seconds=10)), 10)
    assert [sum(row[place] for row in by_word.counts.values()) for place in range(10)] == [1, 1, 1] + [0] * 7
    one, level, order = services.facets(LOCAL, "", NIGHT, ["service", "level", "duration_ms"]).facets
    assert dict(one.values) == {"payments": 5, "orders": 5}
    assert dict(level.values)["error"] == 2
    assert len(order.values) + order.other_values == 9


def test_many_values_are_cut_with_an_honest_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    from mainstay.core import settings as conf

    before = conf.current()
    conf.use(conf.load({"log_facet_values": "3"}))
    try:
        (facet,) = services.facets(LOCAL, "", NIGHT, ["order"]).facets
    finally:
        conf.use(before)
    assert (len(facet.values), facet.other_values, facet.other_lines) == (3, 6, 6)


def test_a_line_stands_between_its_neighbours() -> None:
    here = services.search(LOCAL, "refused", NIGHT).lines[0]
    assert services.line(LOCAL, here.cursor) == here
    near = services.context(LOCAL, here.cursor, 1, 2)
    assert [line.body for line in (*near.before, near.line, *near.after)] == [
        BODIES[1],
        BODIES[3],
        BODIES[5],
        BODIES[7],
    ]
    with pytest.raises(ProblemError, match="no such line"):
        services.line(LOCAL, Cursor(1, 1))
    with pytest.raises(ProblemError, match="stream, service"):
        services.context(LOCAL, here.cursor, scope="host")


def test_a_journey_goes_through_all_services_in_order() -> None:
    told = services.journey(LOCAL, "AB" * 16, NIGHT)
    assert [int((stop.line.time - START).total_seconds()) for stop in told.stops] == [0, 3, 6, 9]
    assert told.services == ("payments", "orders")
    assert [stop.first_error for stop in told.stops] == [True, False, False, False]
    assert [stop.line.body for stop in services.journey(LOCAL, "880", NIGHT).stops] == [BODIES[0]]


@pytest.mark.django_db
def test_a_tail_gives_what_came_in_since(monkeypatch: pytest.MonkeyPatch) -> None:
    from mainstay.core import clock
    from mainstay.observe.logs import frame
    from mainstay.observe.logs import services as logs
    from mainstay.observe.logs.lines import Lines, Origin

    # Another test may have moved the time of this process, and numbers never go back.
    monkeypatch.setattr(frame, "_numbers", frame._Numbers())
    since = services.number_now()
    logs.accept(Lines([Origin("live", "s", "test")], [0, 0], ["tailed one", "tailed two"]))
    engine.settle()
    assert [line.body for line in services.tail(LOCAL, "tailed", since)] == ["tailed one", "tailed two"]
    assert [line.body for line in services.tail(LOCAL, "tailed", since, 1)] == ["tailed two"]
    with clock.moved(timedelta(seconds=60)):
        assert services.tail(LOCAL, "tailed", services.number_now()) == ()


def test_what_is_shown_as_sql_gives_the_same_lines_in_the_box() -> None:
    for query in (
        "timeout",
        "stock-db-3",
        "level:>=warning",
        "duration_ms:>5",
        "mülle*",
        "order:*",
        "*f2a-77b1*",
        "/a'b/",
    ):
        page = services.search(LOCAL, query, NIGHT)
        rows = services.sql(LOCAL, page.sql).rows
        assert [row[3] for row in rows] == [line.body for line in page.lines], query
