"""Reading the test language, and running small files of our own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.metrics.promql import conformance, testlang
from mainstay.observe.metrics.promql.conformance import ChdbStore

pytestmark = pytest.mark.once


def test_values_are_written_out() -> None:
    assert testlang.values("0+10x3 _ _x2 stale 1x2 -1-1x1 .5") == (
        0.0, 10.0, 20.0, 30.0, None, None, None, testlang.STALE, 1.0, 1.0, 1.0, -1.0, -2.0, 0.5,
    )  # fmt: skip
    assert testlang.values("{{sum:1 buckets:[1 2]}}x2 Inf 0x2") == (*[testlang.HISTOGRAM] * 3, math.inf, 0.0, 0.0, 0.0)


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.just(testlang.STALE)), max_size=20))
def test_values_survive_being_written(values: list[testlang.Value]) -> None:
    text = " ".join("_" if value is None else "stale" if value is testlang.STALE else repr(value) for value in values)
    assert testlang.values(text) == tuple(values)


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True), st.text(min_size=1), max_size=4))
def test_labels_survive_being_written(labels: dict[str, str]) -> None:
    labels.pop("__name__", None)
    pairs = ", ".join(f"{name}={value!a}" for name, value in labels.items())
    assert testlang.metric(f"m{{{pairs}}}") == {"__name__": "m", **labels}


@given(st.integers(0, 10**9))
def test_durations_survive_being_written(milliseconds: int) -> None:
    seconds, rest = divmod(milliseconds, 1000)
    assert testlang.duration_ms(f"{seconds}s{rest}ms") == milliseconds


@pytest.mark.parametrize("text", ["evil", "eval instant at soon m", "load 5m\n  m{a=} 1", "load 5m\n  m 1 two"])
def test_an_error_names_its_line(text: str) -> None:
    with pytest.raises(testlang.TestLanguageError, match="line 3"):
        list(testlang.commands(f"clear\n\n{text}\n"))


_FILE = """
load 1m
  http{job="a"} 0+60x10
  http{job="b"} 0+120x10
  native {{sum:1 count:1}}x10

eval instant at 5m rate(http[5m])
  {job="a"} 1
  {job="b"} 2

eval range from 0 to 2m step 1m http{job="a"}
  http{job="a"} 0 60 120

eval instant at 5m sort_desc(http)
  expect ordered
  http{job="b"} 600
  http{job="a"} 300

eval instant at 5m sum(http)
  {} 901

eval instant at 5m native
  native {{sum:1 count:1}}

eval instant at 5m http[5m:1m]
  http{job="a"} 60

eval instant at 5m -{__name__=~"h.*"} + on() http
  expect fail msg: found duplicate series

eval instant at 5m 1 + 1
  2

eval_fail instant at 5m rate(http)
"""


def test_a_file_is_run_and_counted(store: ChdbStore) -> None:
    report = conformance.run_text("own.test", _FILE, store)
    assert [outcome.verdict for outcome in report.outcomes] == [
        "hold", "hold", "hold", "fail", "refused", "refused", "hold", "hold", "hold",
    ]  # fmt: skip
    whole = conformance.Report([report], 0.5).to_dict()
    assert whole["files"] == [{"file": "own.test", "cases": 9, "hold": 6, "fail": 1, "refused": 2}]
    assert whole["refused"] == {"native histograms": ["own.test:22"], "a range vector as the answer": ["own.test:25"]}
    assert "own.test" in conformance.Report([report], 0.5).table()
