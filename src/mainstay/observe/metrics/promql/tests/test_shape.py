"""What is claimed of an answer before it is computed; a wrong claim would unite series that must be an error."""

import pytest

from mainstay.observe.metrics.promql.parser import parse
from mainstay.observe.metrics.promql.shape import distinct_without_name

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "expr",
    [
        "up",
        '{__name__="up"}',
        "rate(hits[1m])",
        "-abs(up)",
        "sum by (job) ({__name__=~'a|b'})",
        "sum without (job) (up)",
        "a / b",
        "a / on(job) b > 5",
        "topk(3, up)",
        "2 * up",
    ],
)
def test_these_cannot_collide(expr: str) -> None:
    assert distinct_without_name(parse(expr))


@pytest.mark.parametrize(
    "expr",
    [
        '{job="x"}',
        "{__name__=~'a|b'}",
        "rate({job='x'}[1m])",
        "sum by (__name__) (up)",
        'count_values("value", up)',
        "a or b",
        "a * on(job) group_left(team) b",
        'label_replace(up, "job", "x", "job", ".*")',
        "topk(3, {job='x'})",
        "a / on(__name__) b",
    ],
)
def test_these_may_and_are_checked(expr: str) -> None:
    assert not distinct_without_name(parse(expr))
