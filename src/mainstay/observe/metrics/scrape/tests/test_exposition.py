import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from mainstay.observe.metrics.scrape import exposition

pytestmark = pytest.mark.once
values = st.floats(allow_nan=False, width=64)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(texts, values, max_size=6))
def test_what_the_official_client_writes_is_read_back(found: dict[str, float]) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("temperature", "of a thing", ["thing"], registry=registry)
    for thing, value in found.items():
        gauge.labels(thing).set(value)
    scraped = exposition.parse(generate_latest(registry).decode())
    read = {
        exposition.parse_series(text)[1]["thing"]: value
        for text, value in zip(scraped.series, scraped.values, strict=True)
    }
    assert read == found


def test_openmetrics_with_exemplars_and_times_is_read() -> None:
    registry = CollectorRegistry()
    counter = Counter("hits", "hits", registry=registry)
    counter.inc(3, {"trace_id": "abc"})
    Histogram("wait", "wait", registry=registry).observe(0.2, {"trace_id": "def"})
    scraped = exposition.parse(generate_openmetrics(registry).decode())  # type: ignore[no-untyped-call]
    assert scraped.values[scraped.series.index("hits_total")] == 3


def test_times_are_milliseconds_or_absent() -> None:
    scraped = exposition.parse('# HELP a b\na 1 1700000000123\nb{x="y"} NaN\nc +Inf\n\n')
    assert scraped.series == ["a", 'b{x="y"}', "c"]
    assert scraped.times.tolist() == [1700000000123, -1, -1]
    assert np.isnan(scraped.values[1])


@pytest.mark.parametrize(
    ("text", "line"), [("a 1\nnonsense here too\n", "line 2"), ('a{b="c} 1\n', "line 1"), ("<html>\n", "line 1")]
)
def test_what_is_no_exposition_names_the_line(text: str, line: str) -> None:
    with pytest.raises(exposition.ExpositionError, match=line):
        exposition.parse(text)


def test_a_value_that_is_no_number_is_an_error() -> None:
    with pytest.raises(exposition.ExpositionError, match="not a number"):
        exposition.parse("a one\n")


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser_in_another_way(text: str) -> None:
    try:
        exposition.parse(text)
    except exposition.ExpositionError:
        return
