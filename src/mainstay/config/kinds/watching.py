"""Scrape targets, rules, and policies, metrics and formats of log lines."""

from collections.abc import Mapping
from typing import Any

from mainstay.catalog.models import Service
from mainstay.config.kinds.references import one
from mainstay.core.access import Actor
from mainstay.observe.logs.formats import services as formats
from mainstay.observe.logs.formats.models import LogFormat
from mainstay.observe.logs.metering.models import LogMetric
from mainstay.observe.logs.metering.services import parse_metric
from mainstay.observe.logs.models import LogPolicy
from mainstay.observe.logs.rules.definition import parse_rule
from mainstay.observe.metrics import promql
from mainstay.observe.metrics.models import Rule, ScrapeTarget
from mainstay.observe.metrics.services import end_series, retire_rules

Entry = dict[str, Any]
Loaded = dict[str, tuple[Entry, str]]


class ExpressionError(ValueError):
    """A rule's expression cannot be evaluated; the text says why."""


def load_targets() -> Loaded:
    """Scrape targets as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "url": row.url,
                "service": row.service.key if row.service else None,
                "labels": row.labels,
                "relabel": row.relabel,
                "metric_relabel": row.metric_relabel,
                "interval": row.interval_seconds,
                "enabled": row.enabled,
            },
            row.source,
        )
        for row in ScrapeTarget.objects.select_related("service")
    }


def save_target(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a scrape target."""
    del actor
    ScrapeTarget.objects.update_or_create(
        key=entry["key"],
        defaults={
            "name": entry["name"],
            "url": entry["url"],
            "service": one(Service, entry["service"], "service"),
            "labels": entry["labels"],
            "relabel": entry["relabel"],
            "metric_relabel": entry["metric_relabel"],
            "interval_seconds": entry["interval"],
            "enabled": entry["enabled"],
            "source": source,
        },
    )


def remove_target(actor: Actor, ident: str) -> None:
    """Delete a scrape target; its samples stay until they are too old."""
    del actor
    ScrapeTarget.objects.filter(key=ident).delete()


def load_rules() -> Loaded:
    """Rules as entries."""
    rows = Rule.objects.filter(log=None).select_related("service")
    return {row.key: (_entry(row, {"expr": row.expr}), row.source) for row in rows}


def _entry(row: Rule, asked: Mapping[str, Any]) -> Entry:
    """A rule as it is written, with what it asks of samples or of log lines."""
    return {
        "key": row.key,
        "name": row.name,
        "group": row.group,
        **asked,
        "for": row.for_seconds,
        "keep_firing_for": row.keep_firing_for_seconds,
        "interval": row.interval_seconds,
        "labels": row.labels,
        "annotations": row.annotations,
        "service": row.service.key if row.service else None,
        "urgency": row.urgency,
        "enabled": row.enabled,
    }


def save_rule(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a rule. Its expression must be one that Mainstay evaluates."""
    del actor
    try:
        promql.compile_query(entry["expr"], start_ms=0, end_ms=0, step_ms=1)
    except promql.PromQLError as error:
        raise ExpressionError(f"expr: {error}") from error
    _save(entry, source, entry["expr"], None)


def _save(entry: Entry, source: str, expr: str, log: Entry | None) -> None:
    taken = Rule.objects.filter(key=entry["key"], log__isnull=log is not None).exists()
    if taken:
        raise ExpressionError(f"key: {entry['key']} is taken by a rule in {'rules' if log else 'log_rules'}")
    Rule.objects.update_or_create(
        key=entry["key"],
        defaults={
            "name": entry["name"],
            "group": entry["group"],
            "expr": expr,
            "log": log,
            "for_seconds": entry["for"],
            "keep_firing_for_seconds": entry["keep_firing_for"],
            "interval_seconds": entry["interval"],
            "labels": entry["labels"],
            "annotations": entry["annotations"],
            "service": one(Service, entry["service"], "service"),
            "urgency": entry["urgency"],
            "enabled": entry["enabled"],
            "source": source,
        },
    )
    if not entry["enabled"]:
        end_series(Rule.objects.filter(key=entry["key"]))


def remove_rule(actor: Actor, ident: str) -> None:
    """Delete a rule; what it has firing ends with it."""
    del actor
    retire_rules(Rule.objects.filter(key=ident))


def load_log_policies() -> Loaded:
    """Policies of log lines as entries."""
    return {
        row.service: (
            {"key": row.service, "name": row.name, "keep_days": row.keep_days, "mb_per_day": row.mb_per_day},
            row.source,
        )
        for row in LogPolicy.objects.all()
    }


def save_log_policy(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change the policy of a service. It holds for lines that come from now on."""
    del actor
    about = {name: entry[name] for name in ("name", "keep_days", "mb_per_day")}
    LogPolicy.objects.update_or_create(service=entry["key"], defaults={**about, "source": source})


def remove_log_policy(actor: Actor, ident: str) -> None:
    """Delete a policy; lines that were kept under it stay as long as they were to."""
    del actor
    LogPolicy.objects.filter(service=ident).delete()


# What of an entry says what is counted; the rest is shared with the rules over samples.
_LOG_FIELDS = (
    *("query", "service", "pattern", "window", "by", "rate", "ratio", "of", "new_pattern", "level", "absent"),
    *("unusual", "at_least"),
)


def load_log_rules() -> Loaded:
    """Rules over log lines as entries."""
    rows = Rule.objects.exclude(log=None).select_related("service")
    return {row.key: (_entry(row, row.log or {}), row.source) for row in rows}


def save_log_rule(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a rule over log lines."""
    del actor
    definition = {name: entry[name] for name in _LOG_FIELDS}
    _save(entry, source, parse_rule(definition).text(), definition)


def load_log_metrics() -> Loaded:
    """Metrics made of log lines as entries."""
    return {
        row.key: (
            {
                "key": row.key,
                "name": row.name,
                "metric": row.metric,
                "query": row.query,
                "service": row.service.key if row.service else None,
                "by": row.by,
                "value": row.value,
                "pattern": row.pattern,
                "slot": row.slot,
                "buckets": row.buckets,
                "interval": row.interval_seconds,
                "enabled": row.enabled,
            },
            row.source,
        )
        for row in LogMetric.objects.select_related("service")
    }


def save_log_metric(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a metric made of log lines. What was counted stays, so that counters go on."""
    del actor
    parse_metric(entry)
    LogMetric.objects.update_or_create(
        key=entry["key"],
        defaults={
            **{name: entry[name] for name in ("name", "metric", "query", "by", "value", "pattern", "slot", "buckets")},
            "service": one(Service, entry["service"], "service"),
            "interval_seconds": entry["interval"],
            "enabled": entry["enabled"],
            "source": source,
        },
    )


def remove_log_metric(actor: Actor, ident: str) -> None:
    """Delete a metric; its samples stay until they are too old."""
    del actor
    LogMetric.objects.filter(key=ident).delete()


def load_log_formats() -> Loaded:
    """Formats of log lines as entries."""
    return {row.key: (formats.entry_of(row), row.source) for row in LogFormat.objects.all()}


def save_log_format(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a format. It holds for lines that come from some seconds later on."""
    formats.save(actor, entry, source=source)


def remove_log_format(actor: Actor, ident: str) -> None:
    """Delete a format; lines that it was applied to stay as they are."""
    formats.remove(actor, ident, source=LogFormat.objects.get(key=ident).source)
