"""Rule files of Prometheus: ``groups`` of ``rules`` with ``alert`` and ``expr``.

A bad rule is reported with its place beside the good ones; whether these are then applied is the caller's to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mainstay.observe.metrics.rules import template

_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?\Z")
_SECONDS = (31_536_000.0, 604_800.0, 86_400.0, 3600.0, 60.0, 1.0, 0.001)
_GROUP_KEYS = {"name", "interval", "rules", "labels", "limit", "query_offset"}
_RULE_KEYS = {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}


class RuleError(ValueError):
    """A rule cannot be used. The text names the field and the remedy."""


@dataclass(frozen=True)
class RuleText:
    """A rule as a file has it, checked."""

    name: str
    expr: str
    group: str = ""
    for_seconds: float = 0.0
    keep_firing_for_seconds: float = 0.0
    interval_seconds: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def seconds(value: Any, where: str) -> float:
    """A duration of Prometheus (``1h30m``, ``0``) or a number of seconds, as seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    text = str(value).strip()
    if text == "0":
        return 0.0
    found = _DURATION.match(text)
    if not text or not found:
        raise RuleError(f"{where}: {value!r} is not a duration; write one such as 30s, 5m or 1h30m")
    return sum(int(part) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part)


def check_texts(texts: Any, where: str) -> dict[str, str]:
    """Labels or annotations: names to templates."""
    if texts is None:
        return {}
    if not isinstance(texts, dict):
        raise RuleError(f"{where}: write names and texts")
    found = {str(name): str(text) for name, text in texts.items()}
    for name, text in found.items():
        try:
            template.check(text)
        except template.TemplateError as error:
            raise RuleError(f"{where}.{name}: {error}") from error
    return found


def rules_of(document: Any) -> tuple[list[RuleText], list[str]]:
    """The rules of a parsed rule file, and what is wrong with the others: (good, errors)."""
    groups = document.get("groups") if isinstance(document, dict) else None
    if not isinstance(groups, list):
        return [], ["groups: write a list of groups"]
    good: list[RuleText] = []
    errors: list[str] = []
    for number, group in enumerate(groups):
        where = f"groups[{number}]"
        if not isinstance(group, dict) or not isinstance(group.get("rules"), list):
            errors.append(f"{where}.rules: write a list of rules")
            continue
        errors += _group_errors(group, where)
        for place, rule in enumerate(group["rules"]):
            try:
                good.append(_rule(rule, group, f"{where}.rules[{place}]"))
            except RuleError as error:
                errors.append(str(error))
    return good, errors


def _group_errors(group: Mapping[str, Any], where: str) -> list[str]:
    """What a group asks for that is not done here; it would change what its rules mean, so it is not passed over."""
    errors = [f"{where}.{name}: unknown field" for name in sorted(set(group) - _GROUP_KEYS)]
    if group.get("limit"):
        errors.append(f"{where}.limit: not evaluated here; the setting rule_max_series limits every rule")
    if group.get("query_offset"):
        errors.append(f"{where}.query_offset: not evaluated here; write 'offset' into the expressions")
    return errors


def _rule(rule: Any, group: Mapping[str, Any], where: str) -> RuleText:
    if not isinstance(rule, dict):
        raise RuleError(f"{where}: write a rule with alert and expr")
    if "record" in rule:
        raise RuleError(f"{where}.record: recording rules are not evaluated; write their expression into the alert")
    unknown = sorted(set(rule) - _RULE_KEYS)
    if unknown:
        raise RuleError(f"{where}.{unknown[0]}: unknown field; known are {', '.join(sorted(_RULE_KEYS))}")
    for name in ("alert", "expr"):
        if not str(rule.get(name) or "").strip():
            raise RuleError(f"{where}.{name}: this field is required")
    interval = group.get("interval")
    return RuleText(
        name=str(rule["alert"]),
        expr=str(rule["expr"]).strip(),
        group=str(group.get("name") or ""),
        for_seconds=seconds(rule.get("for", 0), f"{where}.for"),
        keep_firing_for_seconds=seconds(rule.get("keep_firing_for", 0), f"{where}.keep_firing_for"),
        interval_seconds=seconds(interval, f"{where}.interval") if interval else None,
        labels={
            **check_texts(group.get("labels"), f"{where}.labels"),
            **check_texts(rule.get("labels"), f"{where}.labels"),
        },
        annotations=check_texts(rule.get("annotations"), f"{where}.annotations"),
    )
