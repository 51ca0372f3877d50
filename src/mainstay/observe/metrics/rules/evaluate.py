"""One round of rules: evaluate those that are due, decide, and write all of it in one commit."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import promql_parser
from django.db import transaction

from mainstay.core import clock, inbox, locks
from mainstay.core.ids import fingerprint
from mainstay.core.settings import current
from mainstay.observe.metrics import promql
from mainstay.observe.metrics.models import Rule, RuleSeries
from mainstay.observe.metrics.rules import domain, template
from mainstay.observe.metrics.rules.domain import Breach, Measured, Phase, Watched
from mainstay.observe.telemetry import services as telemetry

log = logging.getLogger(__name__)

# What finds the breaches of a rule over log lines: of its definition, the labels of what fires already, and the time.
AskLogs: TypeAlias = Callable[[Mapping[str, Any], Sequence[Mapping[str, str]], datetime], Sequence[Breach]]


@dataclass
class _Result:
    """What one rule's evaluation gave: its breaching series by fingerprint, or an error."""

    rule: Rule
    at: datetime
    seconds: float
    breaching: dict[str, Breach] = field(default_factory=dict)
    error: str = ""
    # Whether the store did not answer at all, or not in time.
    silent: bool = False


def metric_names(expr: str) -> frozenset[str] | None:
    """The metrics that an expression selects by name, or nothing when it may select any."""
    found: set[str] = set()
    waiting: list[Any] = [promql_parser.parse(expr)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, promql_parser.VectorSelector):
            if not node.name:
                return None
            found.add(node.name)
        for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs", "args"):
            child = getattr(node, name, None)
            waiting += list(child) if isinstance(child, (list, tuple)) else [child] if child is not None else []
    return frozenset(found)


def no_logs(*_: object) -> Sequence[Breach]:
    """Stands where nobody can ask log lines."""
    raise ValueError("rules over log lines are not evaluated here")


def evaluate(rule: Rule, now: datetime, ask_logs: AskLogs = no_logs) -> _Result:
    """Run one rule's query. A failure becomes the rule's error and changes no state."""
    began = time.perf_counter()
    result = _Result(rule, now, 0.0)
    try:
        found = _of_logs(rule, now, ask_logs) if rule.log is not None else _of_samples(rule, now)
        limit = current().rule_max_series
        if len(found) > limit:
            result.error = f"it returns {len(found)} series, more than {limit} (rule_max_series)"
        else:
            for one in found:
                full = Measured(_full_labels(rule, one.labels, one.value), one.value, one.notes, one.link)
                result.breaching[fingerprint(full.labels)] = full
    except ValueError as error:  # A query, an expression or a template that cannot be read.
        result.error = str(error)
    except telemetry.TelemetryError as error:
        result.error, result.silent = str(error), error.code == 0
    result.seconds = time.perf_counter() - began
    return result


def _of_samples(rule: Rule, now: datetime) -> Sequence[Breach]:
    answer = promql.evaluate_instant(
        telemetry.rows_with, rule.expr, int(now.timestamp() * 1000), lookback_ms=int(current().rule_lookback * 1000)
    )
    return [Measured(one.labels, one.value) for one in answer.series]


def _of_logs(rule: Rule, now: datetime, ask_logs: AskLogs) -> Sequence[Breach]:
    firing = RuleSeries.objects.filter(rule=rule, state=RuleSeries.State.FIRING)
    return ask_logs(rule.log or {}, list(firing.values_list("labels", flat=True)), now)


def _full_labels(rule: Rule, labels: Mapping[str, str], value: float) -> dict[str, str]:
    own = {name: text for name, text in labels.items() if name != "__name__"}
    given = {name: template.render(text, own, value) for name, text in rule.labels.items()}
    return {**own, **given, "alertname": rule.name}


def _evaluate_all(rules: Sequence[Rule], ask_logs: AskLogs) -> list[_Result]:
    """One result a rule. Once the engine has not answered at all, the others are not made to wait for it too."""
    results: list[_Result] = []
    for rule in rules:
        silent = next((one.error for one in results if one.silent), "")
        results.append(
            _Result(rule, clock.now(), 0.0, error=silent) if silent else evaluate(rule, clock.now(), ask_logs)
        )
    return results


def run(rules: Sequence[Rule], ask_logs: AskLogs = no_logs) -> int:
    """Evaluate these rules now. Returns how many signals that gave."""
    results = _evaluate_all(rules, ask_logs)
    with transaction.atomic():
        # Two workers must not take the same rule from the same state.
        locks.one_at_a_time("rules")
        # A rule that was edited or deleted meanwhile is left for its next round.
        alive = dict(
            Rule.objects.filter(pk__in=[rule.pk for rule in rules], enabled=True).values_list("pk", "changed_at")
        )
        results = [one for one in results if alive.get(one.rule.pk) == one.rule.changed_at]
        watched: dict[int, dict[str, RuleSeries]] = {}
        for row in RuleSeries.objects.filter(rule_id__in=[one.rule.pk for one in results]):
            watched.setdefault(row.rule_id, {})[row.fingerprint] = row
        count = sum(_settle(one, watched.get(one.rule.pk, {})) for one in results if not one.error)
        for one in results:
            Rule.objects.filter(pk=one.rule.pk).update(
                last_evaluated_at=one.at, last_seconds=one.seconds, last_error=one.error[:1000]
            )
    return count


def _settle(one: _Result, rows: dict[str, RuleSeries]) -> int:
    """Write what one evaluation means. What goes wrong here is the error of this rule and stops no other."""
    try:
        with transaction.atomic():
            return inbox.put("alert", _decide(one, rows))
    except Exception as error:
        log.exception("rule %s could not be settled", one.rule.key)
        one.error = f"{type(error).__name__}: {error}"
        return 0


def _decide(one: _Result, rows: dict[str, RuleSeries]) -> list[dict[str, Any]]:
    rule = one.rule
    known = {
        key: Watched(Phase(row.state), row.active_since, row.fired_at, row.keep_since) for key, row in rows.items()
    }
    decisions = domain.decide_all(
        known,
        frozenset(one.breaching),
        one.at,
        timedelta(seconds=rule.for_seconds),
        timedelta(seconds=rule.keep_firing_for_seconds),
    )
    signals, kept, gone = [], [], []
    for key, decision in decisions.items():
        row = rows.get(key) or RuleSeries(rule=rule, fingerprint=key)
        if key in one.breaching:
            row.labels, row.value = dict(one.breaching[key].labels), _finite(one.breaching[key].value)
        if decision.fires or decision.resolves:
            signals.append(_signal(rule, row, one, fires=decision.fires))
        if decision.watched is None:
            gone.append(key)
            continue
        row.state, row.active_since = str(decision.watched.phase), decision.watched.active_since
        row.fired_at, row.keep_since = decision.watched.fired_at, decision.watched.keep_since
        kept.append(row)
    _store(rule, kept, [key for key in gone if key in rows])
    return signals


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _store(rule: Rule, kept: Sequence[RuleSeries], gone: Sequence[str]) -> None:
    RuleSeries.objects.filter(rule=rule, fingerprint__in=gone).delete()
    fields = ["labels", "value", "state", "active_since", "fired_at", "keep_since"]
    RuleSeries.objects.bulk_create([row for row in kept if row.pk is None], batch_size=500)
    RuleSeries.objects.bulk_update([row for row in kept if row.pk is not None], fields, batch_size=200)


def _signal(rule: Rule, row: RuleSeries, one: _Result, *, fires: bool) -> dict[str, Any]:
    breach = one.breaching.get(row.fingerprint)
    value = breach.value if breach else (row.value or 0.0)
    written = {name: template.render(text, row.labels, value) for name, text in rule.annotations.items()}
    return {
        "source": "rule",
        "rule_id": rule.pk,
        "fingerprint": row.fingerprint,
        "labels": row.labels,
        "annotations": {**(breach.notes if breach else {}), **written},
        "link": breach.link if breach else "",
        "state": "firing" if fires else "resolved",
        "starts_at": row.active_since.isoformat() if row.active_since else one.at.isoformat(),
        "ends_at": None if fires else one.at.isoformat(),
        "value": _finite(value),
    }


class Schedule:
    """Which rules are due. A rule is due at its interval, and at once when samples that it selects have arrived."""

    # However fast samples arrive, a rule waits at least this part of its interval between two evaluations.
    LEAST = 0.5

    def __init__(self) -> None:
        self._done: dict[int, float] = {}
        self._names: dict[str, frozenset[str] | None] = {}
        self._came: set[str] = set()
        self._any = False

    def samples_came(self, names: Iterable[str] | None) -> None:
        """Note that samples of these metrics arrived; nothing means of any."""
        if names is None:
            self._any = True
        else:
            self._came.update(names)

    def put_back(self, rules: Iterable[Rule]) -> None:
        """These were due and could not be evaluated; they are due still."""
        for rule in rules:
            self._done.pop(rule.pk, None)

    def due(self, rules: Iterable[Rule], now: float) -> list[Rule]:
        """Those rules that are to be evaluated now."""
        came, any_came = frozenset(self._came), self._any
        found, waits = [], set[str]()
        for rule in rules:
            age = now - self._done.get(rule.pk, -math.inf)
            names = self._selected(rule.expr) if rule.log is None else frozenset()
            hit = (any_came and rule.log is None) or (names is None and bool(came)) or bool(names and names & came)
            interval = rule.interval_seconds or current().rule_interval
            if age >= interval or (hit and age >= interval * self.LEAST):
                found.append(rule)
                self._done[rule.pk] = now
            elif hit and names:
                waits |= names & came
        self._came, self._any = self._came - came | waits, False
        return found

    def _selected(self, expr: str) -> frozenset[str] | None:
        if expr not in self._names:
            if len(self._names) > 10_000:
                self._names.clear()
            try:
                self._names[expr] = metric_names(expr)
            except ValueError:
                self._names[expr] = frozenset()
        return self._names[expr]
