"""Rules over the tables, with the engine's answers handed in."""

import pytest

from mainstay.config import read, services
from mainstay.core.access import LOCAL
from mainstay.core.models import InboxItem
from mainstay.observe.metrics.models import Rule, RuleSeries
from mainstay.observe.metrics.rules import evaluate
from mainstay.observe.telemetry.services import TelemetryError

pytestmark = pytest.mark.django_db
Row = tuple[list[tuple[str, str]], list[float | None]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Row] | Exception]:
    """What the engine says to a statement that names a metric."""
    found: dict[str, list[Row] | Exception] = {}

    def rows(sql: str, settings: object) -> list[Row]:
        answer = next((one for name, one in found.items() if f"'{name}'" in sql), [])
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("mainstay.observe.telemetry.services.rows_with", rows)
    return found


def apply(text: str) -> list[Rule]:
    services.apply(LOCAL, read.read([("rules.yaml", text)]))
    return list(Rule.objects.filter(enabled=True).order_by("key"))


def test_a_rule_that_cannot_be_settled_stops_no_other(answers: dict[str, list[Row] | Exception]) -> None:
    rules = apply(
        "rules: [{key: a, expr: m1 > 0, annotations: {s: '{{ printf \"%d\" $value }}'}}, {key: b, expr: m2 > 0}]"
    )
    answers["m1"] = [([("x", "1")], [float("inf")])]
    answers["m2"] = [([("x", "1")], [2.0])]
    assert evaluate.run(rules) == 2
    assert InboxItem.objects.order_by("id").first().payload["annotations"] == {"s": "+Inf"}  # type: ignore[union-attr]


def test_an_engine_that_is_silent_is_asked_once_and_changes_no_state(answers: dict[str, list[Row] | Exception]) -> None:
    rules = apply("rules: [{key: a, expr: m1 > 0}, {key: b, expr: m2 > 0}]")
    answers["m2"] = [([], [2.0])]
    evaluate.run(rules)
    assert RuleSeries.objects.get().state == "firing"
    answers["m1"] = TelemetryError("nobody answers")
    assert evaluate.run(rules) == 0
    assert RuleSeries.objects.get().state == "firing"
    assert set(Rule.objects.values_list("last_error", flat=True)) == {"nobody answers"}


def test_switching_a_rule_off_or_deleting_it_ends_what_it_has_firing(answers: dict[str, list[Row] | Exception]) -> None:
    rules = apply("rules: [{key: a, expr: m1 > 0}]")
    answers["m1"] = [([], [2.0])]
    evaluate.run(rules)
    apply("rules: [{key: a, expr: m1 > 0, enabled: false}]")
    states = [item.payload["state"] for item in InboxItem.objects.order_by("id")]
    assert states == ["firing", "resolved"]
    assert not RuleSeries.objects.exists()
