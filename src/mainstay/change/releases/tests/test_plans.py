"""What plans expect, decided: conditions, places in texts and answers, rows, series, certificates, batches."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mainstay.catalog.calendar.civil import wall, zone_of
from mainstay.change.releases.evidence import Evidence, overall
from mainstay.change.releases.judge import Verdict
from mainstay.change.releases.plans import expect, text
from mainstay.change.releases.plans.bound import Bound, BoundError
from mainstay.change.releases.plans.expect import Reply, Rows
from mainstay.change.releases.plans.model import Batch, Metric, ReleasePlan, Request, Sql

pytestmark = pytest.mark.once
P, F, N = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE
ZONES = sorted(available_timezones())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
KEYED = {"key": "p", "service": "s"}


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_are_compared_exactly(left: Any, right: Any) -> None:
    for sign, wanted in {"<": left < right, "<=": left <= right, "==": left == right, "!=": left != right}.items():
        assert Bound.of(f"{sign} {right}").holds(left) is wanted
        assert Bound.of(f"{sign}{right}").holds(str(left)) is wanted


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("== paid", "paid", True),
        ("!= paid", "open", True),
        ("== true", True, True),
        ("== null", None, True),
        ("== 1.0", 1, True),
        ("== 1", True, False),
        ("<= 5", "many", None),
        ("<= 5", float("nan"), None),
        (">= 0.1", 0.1, True),
    ],
)
def test_conditions(condition: str, value: Any, holds: bool | None) -> None:
    assert Bound.of(condition).holds(value) is holds


@pytest.mark.parametrize("condition", ["", "5", "<", "< five", "=> 5", "~ x"])
def test_what_is_no_condition_is_refused(condition: str) -> None:
    with pytest.raises(BoundError):
        Bound.of(condition)


def pointers(document: Any, before: str = "") -> list[tuple[str, Any]]:
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    below = [(f"{before}/{str(key).replace('~', '~0').replace('/', '~1')}", one) for key, one in inner]
    return [(before, document), *(found for path, one in below for found in pointers(one, path))]


@given(JSON)
def test_a_pointer_leads_to_every_value(document: Any) -> None:
    for pointer, value in pointers(document):
        assert text.at(document, pointer) is value or text.at(document, pointer) == value


@given(JSON, st.text())
def test_a_pointer_to_nothing_says_so(document: Any, lost: str) -> None:
    pointer = f"/{lost.replace('~', '~0').replace('/', '~1')}"
    if pointer not in dict(pointers(document)):
        with pytest.raises(text.MissingError):
            text.at(document, pointer)


@given(st.text(), st.text())
def test_what_is_put_in_stays_a_value(value: str, before: str) -> None:
    values = {"it": value}
    assert json.loads(text.fill('{"a": "${it}"}', values, {}, text.in_json)) == {"a": value}
    if not any("\ud800" <= sign <= "\udfff" for sign in value):
        filled = text.fill("https://x/${it}?q=1", values, {}, text.in_url)
        assert filled.count("/") == 3
        assert filled.count("?") == 1
    assert not set("\r\n") & set(text.in_header(value))
    # What an answer holds is not read for places again.
    assert text.fill("${it}", {"it": "${secret:x}"}, {"x": before}, text.as_it_is) == "${secret:x}"


@pytest.mark.parametrize(
    ("wanted", "reply", "problem"),
    [
        ({}, (204, "{}"), ""),
        ({}, (500, ""), "status 500, not below 400"),
        ({"status": [201, 202]}, (200, ""), "status 200, not 201 or 202"),
        ({"contains": ["thanks"]}, (200, "Sorry"), "the answer does not hold 'thanks'"),
        ({"lacks": ["Sorry"]}, (200, "Sorry"), "the answer holds 'Sorry'"),
        ({"values": {"/state": "== paid"}}, (200, '{"state": "open"}'), "/state is 'open', not == paid"),
        ({"values": {"/a/0": ">= 2"}}, (200, '{"a": [2]}'), ""),
        ({"values": {"/a": ">= 2"}}, (200, '{"a": "x"}'), "/a is 'x', not >= 2"),
        ({"values": {"/b": ">= 2"}}, (200, '{"a": 1}'), "there is no /b"),
        ({"values": {"/b": ">= 2"}}, (200, "<html>"), "the answer is no JSON"),
    ],
)
def test_answers(wanted: dict[str, Any], reply: tuple[int, str], problem: str) -> None:
    request = Request.model_validate({"url": "https://x", **wanted})
    assert expect.problem_of(request, Reply(reply[0], (), reply[1])) == problem


def test_values_are_taken_from_json_headers_and_text() -> None:
    take = {"order": "/id", "place": "header:Location", "sign": 'text:name="csrf" value="([^"]+)"'}
    request = Request.model_validate({"url": "https://x", "take": {name: take[name] for name in ("order", "place")}})
    reply = Reply(200, [("location", "/o/7")], '{"id": 7}')
    assert expect.taken(request, reply) == {"order": "7", "place": "/o/7"}
    form = Request.model_validate({"url": "https://x", "take": {"sign": take["sign"]}})
    assert expect.taken(form, Reply(200, (), '<input name="csrf" value="ab">')) == {"sign": "ab"}
    with pytest.raises(text.MissingError):
        expect.taken(form, reply)


@pytest.mark.parametrize(
    ("wanted", "found", "among", "verdict"),
    [
        ({"rows": "none"}, Rows(0), None, P),
        ({"rows": "none"}, Rows(1, cut=True), None, F),
        ({"rows": "none", "among": "SELECT 1"}, Rows(0), 0, N),
        ({"rows": "none", "among": "SELECT 1"}, Rows(0), 1, P),
        ({"rows": "none", "among": "SELECT 1"}, Rows(0), None, N),
        ({"rows": "none", "among": "SELECT 1", "among_at_least": 20}, Rows(0), 19, N),
        ({"at_least": 2}, Rows(1), None, F),
        ({"at_least": 2}, Rows(2, cut=True), None, P),
        ({"at_least": 2}, Rows(1, cut=True), None, N),
        ({"at_most": 2}, Rows(2), None, P),
        ({"at_most": 2}, Rows(2, cut=True), None, N),
        ({"at_most": 2}, Rows(3), None, F),
        ({"value": ">= 0.9"}, Rows(1, 0.95), None, P),
        ({"value": ">= 0.9"}, Rows(1, 0.5), None, F),
        ({"value": ">= 0.9"}, Rows(1, None), None, N),
        ({"value": ">= 0.9"}, Rows(0), None, N),
        ({"value": ">= 0.9"}, Rows(2, 1), None, N),
        ({"value": ">= 0.9"}, Rows(1, 1, masked=True), None, N),
        ({"value": ">= 0.9"}, Rows(1, "much"), None, N),
    ],
)
def test_rows(wanted: dict[str, Any], found: Rows, among: Any, verdict: Verdict) -> None:
    step = Sql.model_validate({"connection": "c", "statement": "SELECT 1", **wanted})
    assert expect.of_rows(step, found, among).verdict is verdict


@given(st.lists(st.floats()), st.floats(allow_nan=False, allow_infinity=False))
def test_series_pass_only_when_each_is_known_and_within(values: list[float], bound: float) -> None:
    said = expect.of_series(
        Metric(expr="x", want=f"<= {bound!r}"), [({"n": str(n)}, one) for n, one in enumerate(values)]
    )
    finite = [one for one in values if abs(one) != float("inf") and one == one]
    if any(one > bound for one in finite):
        assert said.verdict is F
    else:
        assert said.verdict is (P if values and len(finite) == len(values) else N)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC)),
    st.times(),
    st.sampled_from(ZONES),
)
def test_a_batch_is_due_the_next_time_that_clocks_show_it(finished: datetime, by: Any, zone: str) -> None:
    step = Batch.model_validate({"metric": "x", "by": f"{by:%H:%M}", "timezone": zone})
    until = expect.due(step, finished)
    assert finished < until <= finished + timedelta(hours=50)
    shown = wall(until, zone_of(zone))
    assert f"{shown:%H:%M}" >= step.by or shown.date() > wall(finished, zone_of(zone)).date()
    assert expect.of_batch(step, came=False, until=until, now=until - timedelta(seconds=1)).verdict is N
    assert expect.of_batch(step, came=False, until=until, now=until).verdict is F
    assert expect.of_batch(step, came=True, until=until, now=until).verdict is P


def test_a_certificate_has_to_last() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert expect.of_certificate(now + timedelta(days=14), now, 14).verdict is P
    assert expect.of_certificate(now + timedelta(days=13), now, 14).verdict is F


@given(st.sampled_from(list(Verdict)), st.lists(st.sampled_from(list(Verdict))))
def test_the_verdict_passes_only_when_all_passed(metrics: Verdict, pieces: list[Verdict]) -> None:
    verdict, reason = overall(metrics, "so", [Evidence("it", one, "says") for one in pieces])
    every = [metrics, *pieces]
    assert verdict is (F if F in every else N if N in every else P)
    assert reason


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "at least 1 item"),
        ([{"key": "a"}], "write one of http, tls"),
        ([{"key": "a", "port": {"host": "h", "port": 1}, "tls": {"host": "h"}}], "write one of http, tls"),
        ([{"key": "a", "tls": {"host": "h"}}, {"key": "a", "tls": {"host": "h"}}], "'a' stands twice"),
        ([{"key": "a", "http": {"requests": [{"url": "https://x/${secret:t}"}]}}], "does not belong in an address"),
        ([{"key": "a", "http": {"requests": [{"url": "https://x/${id}"}]}}], "no earlier request takes 'id'"),
        ([{"key": "a", "sql": {"connection": "c", "statement": "SELECT 1"}}], "write one of rows"),
        ([{"key": "a", "sql": {"connection": "c", "statement": "SELECT ${x}", "rows": "none"}}], "only ${since}"),
        ([{"key": "a", "metric": {"expr": "x", "want": "== paid"}}], "is no number"),
        ([{"key": "a", "batch": {"by": "06:00"}}], "either metric or log"),
        ([{"key": "a", "batch": {"metric": "x", "by": "06:00", "timezone": "Mars"}}], "not a time zone"),
        ([{"key": "a", "integration": {"host": "h"}}], "either url, or host and port"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_the_remedy(steps: list[Any], said: str) -> None:
    with pytest.raises(ValidationError) as told:
        ReleasePlan.model_validate({**KEYED, "steps": steps})
    assert said in str(told.value)
