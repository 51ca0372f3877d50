"""Signatures as people write them, and why an alert fits."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.catalog.known import expression
from mainstay.catalog.known.expression import ExpressionError
from mainstay.catalog.known.services import MATCH, signature_of
from mainstay.catalog.known.signature import Matcher, Signature, SignatureError, Symptom, parse_condition, parse_matcher
from mainstay.catalog.known.signature import why as reasons

pytestmark = pytest.mark.once


def signature(**match: object) -> Signature:
    services = frozenset({"pay"}) if match.pop("scoped", True) else frozenset[str]()
    return signature_of(1, "KE-1", services, bool(services), {**MATCH, **match})


def symptom(text: str = "", value: float | None = None, **labels: str) -> Symptom:
    return Symptom("pay", "slow", labels, text, value, frozenset({"charges_total"}))


@pytest.mark.parametrize(
    ("match", "labels", "fits"),
    [
        ('severity="critical"', {"severity": "critical"}, True),
        ("severity=critical", {"severity": "Critical"}, False),
        ('env!="test"', {"env": "prod"}, True),
        ('env!="test"', {}, True),
        ('env=""', {}, True),
        ('env=~"prod|stage"', {"env": "stage"}, True),
        ('env=~"prod|stage"', {"env": "stages"}, False),
        ('pod=~"pay-.*"', {"pod": "pay-77f"}, True),
        ('pod=~"pay-[0-9a-f]+"', {"pod": "pay-77f"}, True),
        ('pod=~"pay-[0-9a-f]+"', {"pod": "pay-xyz"}, False),
        ('pod!~"pay-.*"', {"pod": "pay-77f"}, False),
        ('pod!~"pay-.*"', {}, True),
        (r'path="C:\\logs \"x\""', {"path": 'C:\\logs "x"'}, True),
    ],
)
def test_matchers_are_those_of_alertmanager(match: str, labels: Mapping[str, str], fits: bool) -> None:
    found = parse_matcher(match)
    assert found.holds(labels) is fits
    assert parse_matcher(str(found)) == found


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("matchers", ["severity"], "is no matcher; write"),
        ("matchers", ['severity="critical'], "quote is not closed"),
        ("matchers", ['env=~"(prod"'], "cannot be compiled"),
        ("matchers", ['env=~"a)|(b"'], "cannot be compiled"),
        ("matchers", ['env=~"(?=x)y"'], "cannot be compiled"),
        ("matchers", ['env=~"(a{50}){50}"'], "write + or"),
        ("matchers", ['env=~"' + "a" * 301 + '"'], "write several known errors"),
        ("condition", "payments", "is no condition; write"),
        ("condition", "payments > many", "is no condition"),
    ],
)
def test_what_cannot_be_used_is_refused_by_the_name_of_its_part(field: str, value: object, said: str) -> None:
    with pytest.raises(SignatureError, match=re.escape(said)) as refused:
        signature(**{field: value})
    assert refused.value.field == field


def test_an_expression_that_would_take_for_ever_elsewhere_is_answered_at_once() -> None:
    assert not Matcher("x", "=~", "(a+)+b").holds({"x": "a" * 100_000})


PIECES = st.lists(st.sampled_from(["a", "bc", ".*", "-", r"\.", "|", "x"]), min_size=1, max_size=8).map("".join)


@given(PIECES, st.text("abcx-.", max_size=8))
def test_what_is_compared_as_text_is_what_an_expression_would_find(pattern: str, value: str) -> None:
    try:
        found = expression.compiled(pattern)(value)
    except ExpressionError:
        return
    assert found is bool(re.fullmatch(pattern, value, re.DOTALL))


def test_every_part_that_is_given_must_fit_and_is_told() -> None:
    one = signature(
        rules=["slow"],
        labels={"zone": "b"},
        matchers=['env=~"prod|stage"'],
        text="Provider Timeout",
        words=["acquirer"],
        condition="charges_total > 0.5",
    )
    whole = symptom("provider timeout at the ACQUIRER", 0.7, zone="b", env="prod")
    assert reasons(one, whole) == (
        "service pay",
        "rule slow",
        "zone=b",
        'env=~"prod|stage"',
        "charges_total > 0.5 (it is 0.7)",
        "text “Provider Timeout”",
        "words acquirer",
    )
    for less in (
        symptom("provider timeout at the bank", 0.7, zone="b", env="prod"),
        symptom("timeout at the acquirer", 0.7, zone="b", env="prod"),
        symptom("provider timeout at the acquirer", 0.5, zone="b", env="prod"),
        symptom("provider timeout at the acquirer", None, zone="b", env="prod"),
        symptom("provider timeout at the acquirer", 0.7, zone="a", env="prod"),
        symptom("provider timeout at the acquirer", 0.7, zone="b", env="test"),
        Symptom("orders", "slow", whole.labels, whole.text, 0.7, whole.metrics),
        Symptom("pay", "other", whole.labels, whole.text, 0.7, whole.metrics),
    ):
        assert reasons(one, less) is None


def test_a_condition_names_a_rule_an_alert_or_a_metric_and_nothing_else() -> None:
    for name in ("slow", "charges_total"):
        assert reasons(signature(condition=f"{name} >= 1"), symptom(value=1.0))
    assert reasons(signature(condition="PaymentsSlow < 2"), symptom(value=1.0, alertname="PaymentsSlow"))
    assert not reasons(signature(condition="other > 0"), symptom(value=1.0))
    assert str(parse_condition("slow>=0.50")) == "slow >= 0.5"


def test_one_whose_services_are_gone_is_not_one_of_everything() -> None:
    gone = signature_of(1, "KE-1", frozenset(), True, {**MATCH, "rules": ["slow"]})
    assert reasons(gone, symptom()) is None
    assert reasons(signature(scoped=False, rules=["slow"]), symptom()) == ("rule slow",)
