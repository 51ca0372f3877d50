"""What no change makes is heard, and what a change could have made is not taken for it."""

import pytest

from mainstay.learn.diagnosis.domain.beyond import outside
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign

pytestmark = pytest.mark.once


def line(text: str, group: Group = Group.FAILING) -> Sign:
    return Sign(group, 2.0, f"says for the first time: {text}", "logs", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kernel: critical medium error, dev sda", "a machine or its network"),
        ("x509: certificate has expired or is not yet valid", "a certificate has expired"),
        ("remote error: tls: expired certificate", "a certificate has expired"),
        ('Post "https://api.bank.example/v2/pay": 503 Service Unavailable', "api.bank.example, which pay asks"),
    ],
)
def test_what_lies_beyond_is_named(text: str, why: str) -> None:
    found = outside({"pay": [line(text)], "web": []}, {"pay": 1.0})
    assert why in found.why
    assert found.share > 0
    assert not found.surge


@pytest.mark.parametrize(
    "text",
    [
        'Post "https://api.bank.example/v2/pay": 401 Unauthorized',
        'Get "http://web.shop.internal:8080/cart": 503 Service Unavailable',
        "field 'until' is missing",
    ],
)
def test_what_may_be_our_own_doing_is_not(text: str) -> None:
    assert outside({"pay": [line(text)], "web": []}, {"pay": 1.0}).share == 0


def test_a_crowd_and_one_record_are() -> None:
    crowd = Sign(Group.BUSY, 2.0, "requests_per_sec 20 → 90", "metrics", "", 20.0, 90.0, "requests_per_sec")
    assert outside({"pay": [crowd]}, {"pay": 1.0}).surge
    again = Sign(Group.FAILING, 2.0, "cannot read id=41178", "logs", "", again="id=41178")
    assert "id=41178" in outside({"pay": [again]}, {"pay": 1.0}).why
