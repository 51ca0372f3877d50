"""The index finds what looking at every signature would find, in the same order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.catalog.known.index import Index, Recognised
from mainstay.catalog.known.signature import Condition, Matcher, Signature, Symptom, why

pytestmark = pytest.mark.once

NAMES, VALUES = st.sampled_from(["env", "zone", "alertname"]), st.sampled_from(["", "prod", "prod-1", "b"])
WORDS = st.sampled_from(["disk", "full", "timeout", "Lock", "ledger"])
SERVICES = st.sampled_from(["pay", "orders", "stock"])
MATCHERS = st.builds(Matcher, NAMES, st.sampled_from(["=", "!="]), VALUES) | st.builds(
    Matcher, NAMES, st.sampled_from(["=~", "!~"]), st.sampled_from(["prod.*", "b|c", "", "[a-p]rod"])
)
CONDITIONS = st.builds(Condition, st.sampled_from(["slow", "up"]), st.sampled_from([">", "<="]), st.just(1.0))
SIGNATURES = st.lists(
    st.builds(
        Signature,
        st.just(0),
        st.uuids().map(str),
        st.frozensets(SERVICES, max_size=2),
        st.booleans(),
        st.frozensets(st.sampled_from(["slow", "full"]), max_size=2),
        st.lists(MATCHERS, max_size=2).map(tuple),
        st.sampled_from(["", "", "imeou", "disk full", "k"]),
        st.frozensets(WORDS.map(str.casefold), max_size=2),
        st.none() | CONDITIONS,
    ),
    max_size=30,
)
SYMPTOMS = st.builds(
    Symptom,
    st.none() | SERVICES,
    st.sampled_from(["", "slow", "other"]),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.lists(WORDS, max_size=5).map(" ".join),
    st.none() | st.sampled_from([0.5, 1.0, 2.0]),
    st.frozensets(st.just("up"), max_size=1),
)


@settings(max_examples=300)
@given(SIGNATURES, SYMPTOMS)
def test_the_index_gives_what_a_look_at_each_would_give(signatures: list[Signature], symptom: Symptom) -> None:
    plain = [Recognised(one, found) for one in signatures if one.tells and (found := why(one, symptom))]
    assert Index(signatures).match(symptom) == sorted(plain, key=lambda one: one.rank)


def test_few_are_looked_at() -> None:
    many = [
        Signature(place, f"KE-{place}", frozenset({"pay"}), True, words=frozenset({"disk", f"w{place}"}))
        for place in range(5000)
    ]
    index = Index(many)
    assert [one.key for one in index.candidates(Symptom("pay", text="the disk w17 is full"))] == ["KE-17"]
    assert not index.candidates(Symptom("pay", text="the disk is full"))


def test_the_one_with_the_most_fitting_parts_is_first() -> None:
    index = Index(
        [
            Signature(1, "KE-1", frozenset({"pay"}), True, text="timeout"),
            Signature(2, "KE-2", frozenset({"pay"}), True, text="timeout", rules=frozenset({"slow"})),
            Signature(3, "KE-3", frozenset({"pay"}), True),
        ]
    )
    found = index.match(Symptom("pay", "slow", text="Provider TIMEOUT"))
    assert [(one.signature.key, one.reason) for one in found] == [
        ("KE-2", "service pay, rule slow, text “timeout”"),
        ("KE-1", "service pay, text “timeout”"),
    ]
