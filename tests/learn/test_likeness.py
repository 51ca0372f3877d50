"""Earlier incidents like one: found by words, alerts and place, whatever was added in whichever order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.faces.bench import similar
from mainstay.learn.problems.domain.likeness import Entry, Index

pytestmark = pytest.mark.once

SHOP = [
    Entry(1, "Payments time out", "provider timeout after 2000 ms", "payments", frozenset({"rule=timeouts"})),
    Entry(2, "Disk of ledger is full", "no space left on device /var/lib/ledger", "ledger", frozenset({"rule=disk"})),
    Entry(3, "Queue of orders grows", "consumer lag of orders-queue over 10000", "orders", frozenset({"rule=lag"})),
    Entry(4, "Certificate of gateway ends", "x509 certificate expires in 3 days", "gateway", frozenset({"rule=tls"})),
]


def index(*entries: Entry) -> Index:
    found = Index()
    found.add(entries)
    return found


def test_the_same_thing_again_comes_first_and_says_why() -> None:
    asked = Entry(9, "Payments time out", "provider timeout after 1900 ms", "payments", frozenset({"rule=timeouts"}))
    first = index(*SHOP).nearest(asked, 3)[0]
    assert first.number == 1
    assert first.text > 0.7
    assert first.signs == pytest.approx(1)
    assert first.service == 1


def test_names_that_are_put_together_are_found_by_their_parts() -> None:
    found = index(*SHOP).nearest(Entry(9, "ProviderTimeoutException in charge"), 1)
    assert [one.number for one in found] == [1]


def test_a_neighbour_and_closeness_in_time_lift_what_is_as_like() -> None:
    twins = [Entry(number, "Heap is exhausted", "", f"service-{number}", day=100.0 * number) for number in (1, 2, 3)]
    made = index(*twins, *(Entry(10 + one.number, one.title) for one in SHOP))
    assert made.nearest(Entry(99, "Heap is exhausted", "", "service-9"), 1, near=("service-1",))[0].number == 1
    assert made.nearest(Entry(99, "Heap is exhausted", day=105.0), 1)[0].number == 1
    assert made.nearest(Entry(99, "Heap is exhausted"), 1)[0].number == 3


def test_nothing_in_common_is_nothing_found() -> None:
    assert index(*SHOP).nearest(Entry(9, "Zebra crossing"), 5) == []
    assert index().nearest(Entry(9, "Payments"), 5) == []
    assert index(*SHOP).nearest(Entry(9, ""), 5) == []


def test_itself_and_later_ones_are_left_out() -> None:
    made = index(*SHOP, Entry(5, "Payments time out"))
    assert 5 not in [one.number for one in made.nearest(Entry(5, "Payments time out"), 5)]
    assert made.nearest(Entry(9, "Payments time out"), 5, before=1) == []


def test_what_is_added_again_replaces_what_was() -> None:
    made = index(*SHOP)
    made.add([Entry(1, "Payments time out", "the acquirer had renewed its certificate")])
    assert (len(made), made.replaced) == (4, 1)
    found = [one.number for one in made.nearest(Entry(9, "acquirer certificate"), 5)]
    assert sorted(found) == sorted(set(found))
    assert 1 in found


WORDS = ("disk", "full", "queue", "lag", "ledger", "payments", "timeout", "orders", "heap")
TEXT = st.lists(st.sampled_from(WORDS), max_size=6)


@settings(deadline=None, max_examples=40)
@given(st.lists(TEXT, min_size=1, max_size=12), st.data())
def test_in_how_many_steps_it_is_added_changes_nothing(texts: list[list[str]], data: st.DataObject) -> None:
    entries = [Entry(number, " ".join(text), day=1.0) for number, text in enumerate(texts, 1)]
    whole, steps = index(*entries), Index()
    at = 0
    while at < len(entries):
        size = data.draw(st.integers(1, 4))
        steps.add(entries[at : at + size])
        at += size
    asked = Entry(99, " ".join(data.draw(TEXT)), day=2.0)
    one, other = whole.nearest(asked, 20), steps.nearest(asked, 20)
    assert [(like.number, round(like.score, 2)) for like in one] == [
        (like.number, round(like.score, 2)) for like in other
    ]
    assert all(0 < like.score <= 1 for like in one)


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_can_be_added_and_asked(title: str, text: str) -> None:
    made = index(*SHOP, Entry(7, title, text))
    assert all(np.isfinite(one.score) for one in made.nearest(Entry(8, text, title), 5))


def test_the_measurement_finds_the_same_fault_among_many() -> None:
    figures = {one.name: one for one in similar.speed(2000, 1)}
    assert figures["the same fault among the first five"].measured > 0.99
    assert figures["resident for the index"].measured < 20
