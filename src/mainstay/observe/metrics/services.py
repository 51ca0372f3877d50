"""Rules and scrape targets, for the rooms above."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import clock, inbox
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import not_found
from mainstay.core.settings import current
from mainstay.observe.metrics import charts, promql
from mainstay.observe.metrics.models import Rule, RuleSeries, ScrapeTarget
from mainstay.observe.metrics.rules.evaluate import metric_names
from mainstay.observe.telemetry import services as telemetry


def rules_by_id(ids: Iterable[int]) -> dict[int, Rule]:
    """Rules by their numbers, with their service."""
    return {rule.pk: rule for rule in Rule.objects.select_related("service").filter(pk__in=set(ids))}


@lru_cache(maxsize=10_000)
def names_in(expr: str) -> frozenset[str]:
    """The metrics that an expression selects by name; none when it cannot be read or selects by labels alone."""
    try:
        return metric_names(expr) or frozenset()
    except ValueError:
        return frozenset()


def visible_rules(actor: Actor) -> QuerySet[Rule]:
    """The one door to rules."""
    require(actor, Right.READ)
    return Rule.objects.select_related("service").prefetch_related("series").order_by("group", "name")


def rule_by_key(actor: Actor, key: str) -> Rule:
    """One rule."""
    found = visible_rules(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"rule {key}")
    return found


def visible_targets(actor: Actor) -> QuerySet[ScrapeTarget]:
    """The one door to scrape targets."""
    require(actor, Right.READ)
    return ScrapeTarget.objects.select_related("service").order_by("name")


def evaluate(actor: Actor, expr: str, at_ms: int | None = None) -> list[tuple[Mapping[str, str], float]]:
    """The series that a PromQL expression gives now, or at a moment. Raises ``PromQLError`` and ``TelemetryError``."""
    require(actor, Right.READ)
    lookback, moment = int(current().rule_lookback * 1000), clock.now_ms() if at_ms is None else at_ms
    answer = promql.evaluate_instant(telemetry.rows_with, expr, moment, lookback_ms=lookback)
    return [(one.labels, one.value) for one in answer.series]


def retire_rules(rules: QuerySet[Rule]) -> None:
    """Delete rules, and end what they have firing."""
    with transaction.atomic():
        end_series(rules)
        rules.delete()


def end_series(rules: QuerySet[Rule]) -> None:
    """End what rules have firing by a signal, so that no alert is left that nobody watches."""
    now = clock.now()
    with transaction.atomic():
        watched = RuleSeries.objects.filter(rule__in=rules)
        signals = [
            {
                "source": "rule",
                "rule_id": None,
                "fingerprint": row.fingerprint,
                "labels": row.labels,
                "annotations": {},
                "state": "resolved",
                "starts_at": row.active_since.isoformat(),
                "ends_at": now.isoformat(),
            }
            for row in watched.filter(state=RuleSeries.State.FIRING)
        ]
        inbox.put("alert", signals)
        watched.delete()


chart = charts.chart


def threshold_of(rule: Rule) -> tuple[str, float] | None:
    """How a rule compares and with what, for example ``(">", 0.05)``; nothing when it is no plain comparison."""
    if rule.log is not None:
        return None
    try:
        parts = promql.split_threshold(rule.expr)
    except promql.PromQLError:
        return None
    return (parts.operator, parts.value) if parts else None
