import pytest
import yaml

from mainstay.observe.metrics.rules.files import RuleError, rules_of, seconds

FILE = """
groups:
  - name: api
    interval: 30s
    rules:
      - alert: Slow
        expr: latency > 1
        for: 5m
        keep_firing_for: 1m30s
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.job }} is slow"}
      - record: job:x:rate
        expr: rate(x[5m])
      - alert: Broken
        expr: y > 1
        fro: 5m
      - alert: Fine
        expr: z > 1
"""


def test_a_rule_file_of_prometheus_loads_as_it_is_and_a_bad_rule_does_not_stop_the_good_ones() -> None:
    good, errors = rules_of(yaml.safe_load(FILE))
    assert [rule.name for rule in good] == ["Slow", "Fine"]
    assert (good[0].for_seconds, good[0].keep_firing_for_seconds, good[0].interval_seconds) == (300, 90, 30)
    assert errors == [
        "groups[0].rules[1].record: recording rules are not evaluated; write their expression into the alert",
        "groups[0].rules[2].fro: unknown field; known are alert, annotations, expr, for, keep_firing_for, labels",
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("5m", 300), ("1h30m", 5400), ("1d", 86400), ("100ms", 0.1), (7, 7), ("0", 0)]
)
def test_durations(text: object, expected: float) -> None:
    assert seconds(text, "for") == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "5", "m", "5x", -1, None, "1s1h"])
def test_bad_durations_name_the_field(text: object) -> None:
    with pytest.raises(RuleError, match="for:"):
        seconds(text, "for")
