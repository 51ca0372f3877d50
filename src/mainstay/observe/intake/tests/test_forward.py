"""Fluentd's forward protocol: whatever MessagePack can say is kept."""

from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.intake import forward, keeping
from mainstay.observe.intake.listening.gather import Frame

pytestmark = pytest.mark.once
NOW = datetime(2026, 11, 23, tzinfo=UTC)

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=True)
    | TEXT
    | st.binary(max_size=20)
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.one_of(TEXT, st.integers(0, 99)), inner, max_size=4),
    max_leaves=12,
)
TIMES = (
    st.integers(0, 2**32)
    | st.floats()
    | st.builds(lambda raw: msgpack.ExtType(0, raw), st.binary(min_size=8, max_size=8))
)
RECORDS = st.dictionaries(TEXT, ANYTHING, max_size=5)


def through(message: Any) -> Any:
    """The message as it comes out of the wire, then as lines that are fit to keep."""
    reader = forward.unpacker(10_000_000)
    reader.feed(msgpack.packb(message))
    return keeping.fit(forward.decode([Frame("10.0.0.1:5", reader.unpack(), 1)], NOW).lines())


@given(TEXT, st.lists(st.tuples(TIMES, RECORDS), min_size=1, max_size=4), st.sampled_from(["list", "packed", "one"]))
def test_every_event_becomes_a_line(tag: str, events: list[tuple[Any, Any]], form: str) -> None:
    pairs = [list(event) for event in events]
    if form == "one":
        lines = through([tag, *pairs[0]])
        assert len(lines.bodies) == 1
    else:
        lines = through([tag, pairs if form == "list" else b"".join(map(msgpack.packb, pairs))])
        assert len(lines.bodies) == len(events)
    "".join(lines.bodies).encode()
    assert all(time == 0 or keeping.EARLIEST <= time <= keeping.LATEST for time in lines.times)


@given(ANYTHING)
def test_a_message_that_is_none_is_refused_by_name_or_kept(message: Any) -> None:
    reader = forward.unpacker(10_000_000)
    reader.feed(msgpack.packb(message))
    found = reader.unpack()
    try:
        forward.option_of(found)
    except forward.WrongMessageError:
        return
    assert len(forward.decode([Frame("10.0.0.1:5", found, 1)], NOW)) >= 1 or found[1] in ([], "", b"")


@given(st.binary(max_size=200))
def test_packed_events_that_are_broken_are_kept_as_they_came(packed: bytes) -> None:
    collector = forward.decode([Frame("10.0.0.1:5", ["tag", packed], 1)], NOW)
    assert len(collector) >= 1 or not packed


def test_events_before_a_broken_one_are_kept() -> None:
    packed = msgpack.packb([1_700_000_000, {"message": "good"}]) + b"\x92\x01"
    lines = forward.decode([Frame("10.0.0.1:5", ["tag", packed], 1)], NOW).lines()
    assert lines.bodies[0] == "good"
    assert len(lines.bodies) == 2


def test_fields_of_containers() -> None:
    record = {"log": "boom\n", "stream": "stderr", "kubernetes": {"container_name": "pay", "pod_name": "pay-1"}}
    lines = through(["kube.var.log", 1_700_000_000, record])
    origin = lines.origins[0]
    assert (origin.service, lines.bodies[0], origin.attributes["k8s.pod.name"]) == ("pay", "boom\n", "pay-1")
    assert "pay-1" in origin.stream
