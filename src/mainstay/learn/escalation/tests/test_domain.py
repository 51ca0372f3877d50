"""What cleaning, counting, drawing and states promise, whatever they are given."""

import re
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mainstay.learn.escalation.bundle import pack, table, unpack
from mainstay.learn.escalation.domain import affected, drawing, states
from mainstay.learn.escalation.domain.cleaning import Cleaner, CleaningError, Rules
from mainstay.learn.escalation.domain.drawing import Chart, Line
from mainstay.learn.escalation.domain.queries import promql
from mainstay.learn.escalation.domain.states import State

pytestmark = pytest.mark.once
KINDS = ("cards", "secrets", "emails", "ibans")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc é\n=", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=12,
)


def cleaner(*expressions: str, fields: tuple[str, ...] = ("email",)) -> Cleaner:
    return Cleaner(Rules(KINDS, expressions, fields, b"key"))


@given(PLAIN, st.sampled_from(("a@b.example", "password=hunter2hunter2", "CUST-1")))
def test_plain_data_keeps_its_shape_and_loses_what_is_secret_at_any_depth(given: object, secret: str) -> None:
    clean = cleaner(r"CUST-\d")
    assert clean.plain(given) == given
    assert clean.taken == {}
    found = clean.plain({"deep": [given, {"deeper": [f"x {secret} y"]}], "number": 7})
    assert found["deep"][0] == given
    assert secret.rpartition("=")[2] not in str(found)
    assert found["number"] == 7
    assert sum(clean.taken.values()) == 1


def test_what_is_taken_out_is_counted_and_a_bad_expression_stops_everything() -> None:
    clean = cleaner()
    assert clean.rows(["id", "customer_email"], [[1, "x"], [2, None]]) == [[1, "[redacted:field]"], [2, None]]
    (masked,) = clean.configuration(["+db_password: correct horse battery, staple"])
    assert "horse" not in masked
    assert "staple" not in masked
    assert clean.taken == {"field": 2, "secret": 1}
    with pytest.raises(CleaningError, match="escalation_redact_expressions"):
        cleaner("(?=look)")


@given(st.dictionaries(st.tuples(st.sampled_from(("order", "host")), st.text("0123", min_size=1)), st.integers(1, 9)))
def test_nothing_that_was_hit_is_lost_from_the_counts(counts: dict[tuple[str, str], int]) -> None:
    rows, left = affected.ranked(counts, 3, {})
    kinds = Counter(kind for kind, _ in counts)
    listed = Counter(one.kind for one in rows)
    assert {kind: listed[kind] + left.get(kind, 0) for kind in kinds} == dict(kinds)
    for kind in kinds:
        mine = [one.count for one in rows if one.kind == kind]
        assert mine == sorted(mine, reverse=True)[:3]
    assert affected.ranked(counts, 3, {"order": 100})[1].get("order", 0) == (
        100 - listed["order"] if kinds["order"] else 0
    )


def test_ids_are_known_by_their_names() -> None:
    fields = [("order_id", "77", 3), ("trace_id", "ab", 1), ("duration_ms", "5", 9), ("customer_email", "x", 2)]
    assert affected.of_fields(fields) == {("order", "77"): 3, ("trace", "ab"): 1}
    assert affected.of_texts(["no stock for order 88001, batch=n-17", "order failed", "order 88001."]) == {
        ("order", "88001"): 2,
        ("batch", "n-17"): 1,
    }
    assert affected.of_rows(["id", "note"], [[5, "a"], [None, "b"]]) == {("id", "5"): 1}


VALUES = st.lists(st.none() | st.floats(-1e9, 1e9), min_size=2, max_size=20)


@example([None, 5e-324], None, "")
@given(VALUES, st.none() | st.floats(-1e6, 1e6), st.text(max_size=20))
def test_a_chart_is_well_formed_says_its_values_and_stays_in_its_frame(
    values: list[float | None], limit: float | None, name: str
) -> None:
    times = [1000.0 + 15 * one for one in range(len(values))]
    chart = Chart(name, "q", [Line(name, times, values)], times[0], times[-1], (times[1], times[-1]), limit)
    drawn = drawing.svg(chart)
    root = ElementTree.fromstring(drawn)
    assert root.attrib["role"] == "img"
    assert "script" not in drawn
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        ys = [float(y) for y in re.findall(r"[ML][\d.-]+ ([\d.-]+)", path.attrib["d"])]
        assert all(-0.1 <= y <= drawing.HEIGHT + 20 for y in ys)
    assert len(drawing.table(chart)) == 1 + sum(one is not None for one in values)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_ascend_and_lie_inside(low: float, span: float) -> None:
    found = drawing.ticks(low, low + span)
    assert 1 <= len(found) <= 10
    assert found == sorted(found)
    assert all(low - span * 1e-6 <= one <= low + span * 1.000001 for one in found)


def test_series_of_a_diagnosis_become_promql() -> None:
    assert promql("took_mean", "a") == 'sum(rate(took_sum{service="a"}[1m])) / sum(rate(took_count{service="a"}[1m]))'
    assert promql('hits_total{code="500"}', "a") == 'sum(rate(hits_total{service="a",code="500"}[1m]))'
    assert promql("depth", "a") == 'avg(depth{service="a"})'


@given(st.lists(st.sampled_from(states.SAID), max_size=8))
def test_whatever_is_said_a_case_ends_in_a_state_that_its_last_word_allows(words: list[State]) -> None:
    at = State.SENT
    for word in words:
        step = states.may_say(at, word)
        assert step.allowed or step.reason
        at = word if step.allowed else at
        assert at in {State.SENT, *states.SAID}
        assert states.waits(at) == (at in {State.SENT, State.ACCEPTED})
    assert not states.may_say(State.READY, State.FIXED).allowed
    assert states.heard("working", "Waiting for information") is State.ASKED
    assert states.heard("working", "doing") is State.ACCEPTED
    assert states.heard("open", "to do") is None


@given(st.dictionaries(st.text("abc/.", min_size=1, max_size=8).map(lambda one: f"f{one}"), st.binary(max_size=50)))
def test_what_is_packed_is_unpacked_and_the_same_files_make_the_same_bytes(files: dict[str, bytes]) -> None:
    from mainstay.core import clock

    at = clock.now()
    assert unpack(pack(files, at)) == files
    assert pack(files, at) == pack(dict(reversed(files.items())), at)


def test_a_spreadsheet_runs_nothing() -> None:
    assert table([["=1+1", 2, "plain"]]) == b"'=1+1,2,plain\n"
