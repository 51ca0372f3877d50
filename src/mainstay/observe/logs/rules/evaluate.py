"""What one round of a rule over log lines finds: its breaches, with what a person wants to read of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Min

from mainstay.core.settings import current
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.rules import counting, unusual
from mainstay.observe.logs.rules.counting import Group
from mainstay.observe.logs.rules.definition import Absent, LogRule, NewPattern, Rate, Ratio, Unusual, parse_rule, span
from mainstay.observe.logs.search import query as language
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.parser import parse

Labels = Mapping[str, str]
# Groups that an example is looked up for in one round.
EXAMPLES = 20


@dataclass(frozen=True)
class Breach:
    """A series that breaches. ``notes`` are annotations that the rule may overwrite, ``link`` leads to its lines."""

    labels: dict[str, str]
    value: float
    notes: Mapping[str, str]
    link: str


@dataclass(frozen=True)
class _Found:
    """A breach before it is written out: its labels, its value, what to say, and which lines to show."""

    keys: tuple[str, ...]
    value: float
    says: str
    within: times.Range


def breaches(
    definition: Mapping[str, Any], watched: Sequence[Labels], now: datetime, up_since: datetime
) -> list[Breach]:
    """The breaches of a rule, as an entry of a configuration file defines it.

    ``watched`` are the labels of the series that fire already. Lines of the last ``log_rule_lag`` seconds may still be
    on their way and are left for the next round. Since ``up_since`` this installation has been there to hear of lines.
    Raises ``ValueError`` for a bad definition and ``TelemetryError``.
    """
    rule = parse_rule(definition)
    end = now - timedelta(seconds=current().log_rule_lag)
    if isinstance(rule.test, NewPattern):
        return _new_patterns(rule, rule.test, now)
    found = _found(rule, watched, end, up_since)
    fresh = [one for one in found if not any(_is_of(labels, _labels(rule, one.keys)) for labels in watched)]
    examples = counting.examples(rule, [one.keys for one in fresh[:EXAMPLES]], found[0].within) if fresh else {}
    templates = _templates(pattern for _, pattern in examples.values())
    return [_breach(rule, one, *_example_of(examples.get(one.keys), templates)) for one in found]


def _found(rule: LogRule, watched: Sequence[Labels], end: datetime, up_since: datetime) -> list[_Found]:
    window = timedelta(seconds=rule.window)
    within = times.of(end - window, end)
    over = span(rule.window)
    match rule.test:
        case Rate(op, limit, per):
            groups = counting.rates(rule, op, limit * rule.window / per, within)
            return [
                _Found(one.keys, rate, f"{rate:.4g} lines per {span(per)} over {over}, {op} {limit:g}", within)
                for one in groups
                for rate in (one.value * per / rule.window,)
            ]
        case Ratio(op, limit, _):
            return [
                _Found(
                    one.keys,
                    one.value,
                    f"{one.value * 100:.3g} % ({one.lines} lines) over {over}, {op} {limit * 100:g} %",
                    within,
                )
                for one in counting.ratios(rule, rule.test, within)
            ]
        case Absent(seconds):
            return _silent(rule, seconds, watched, end, up_since)
        case Unusual(score):
            return _unusual(rule, score, end)
    return []


def _silent(
    rule: LogRule, seconds: float, watched: Sequence[Labels], end: datetime, up_since: datetime
) -> list[_Found]:
    """Groups that fell silent. One that fires already does so until it is heard of again, however long that takes."""
    length = timedelta(seconds=seconds)
    within = times.of(end - length * (counting.REGULAR_PARTS + 2), end)
    seen = {one.keys: one for one in counting.last_seen(rule, seconds, end)}
    # Whoever was away could not hear: silence is counted from the start on.
    began = [] if end - up_since < length else [one for one in seen.values() if one.value and one.known]
    silent = {one.keys: one for one in began}
    for labels in watched:
        keys = tuple(labels.get(_label(name), "") for name in rule.by)
        known = seen.get(keys)
        if known is None or known.value:
            silent[keys] = known or Group(keys, within_seconds(within))
    return [
        _Found(one.keys, one.value, f"no line for {span(round(one.value))}, and there were some regularly", within)
        for one in silent.values()
    ]


def within_seconds(within: times.Range) -> float:
    """The length of a range."""
    return (within.end - within.start).total_seconds()


def _unusual(rule: LogRule, score: float, end: datetime) -> list[_Found]:
    end = end.replace(second=0, microsecond=0)
    days, window = current().log_rule_history_days, int(rule.window)
    counts, reach = counting.history(rule, end, days)
    if counts.is_empty():
        return []
    fields = [f"f{place}" for place in range(len(rule.by))]
    scores = unusual.scored(counts, fields, window, reach, days, rule.at_least)
    within = times.of(end - timedelta(seconds=window), end)
    return [
        _Found(
            tuple(row[name] for name in fields),
            row["score"],
            f"{row['lines']:.0f} lines in {span(window)} where {row['usual']:.0f} are usual, "
            f"{abs(row['score']):.1f} times the usual scatter",
            within,
        )
        for row in scores.filter(scores["score"].abs() >= score).iter_rows(named=True)
    ]


def _new_patterns(rule: LogRule, test: NewPattern, now: datetime) -> list[Breach]:
    """Patterns that were first seen within the window. None is ever new again: it keeps the moment of its first line.

    When a service begins to log everything is new, so that nothing is new for a while then.
    """
    since, grace = now - timedelta(seconds=rule.window), timedelta(seconds=current().log_rule_grace)
    young = Pattern.objects.filter(
        first_seen__gt=since, first_seen__lte=now, merged_into=None, level__in=test.levels
    ).order_by("first_seen", "id")
    if "service" in rule.fixed:
        young = young.filter(first_service=rule.fixed["service"])
    candidates = list(young.values("id", "first_service", "first_seen", "level", "example", "template")[:1000])
    services = {one["first_service"] for one in candidates}
    began = dict(
        Pattern.objects.filter(first_service__in=services).values_list("first_service").annotate(Min("first_seen"))
    )
    fresh = [one for one in candidates if one["first_seen"] - began[one["first_service"]] >= grace]
    # The earliest first, so that those that are told of stay the same while more come in.
    fresh = fresh[: current().log_rule_new_patterns]
    if not fresh:
        return []
    within = times.of(since, now)
    numbers = language.joined(language.Or, [language.Field("pattern", language.Text(str(one["id"]))) for one in fresh])
    counted = LogRule(_narrowed(rule.query, [numbers]), rule.window, ("pattern",), test, rule.at_least, {})
    lines = {group.keys[0]: group.lines for group in counting.rates(counted, ">", 0, within)}
    return [_new(rule, one, lines[str(one["id"])], within) for one in fresh if str(one["id"]) in lines]


def _new(rule: LogRule, one: Mapping[str, Any], lines: int, within: times.Range) -> Breach:
    labels = {"pattern": str(one["id"]), "service": one["first_service"], "level": one["level"]}
    query = _narrowed(rule.query, [language.Field("pattern", language.Text(labels["pattern"]))])
    says = f"first seen {times.stamp(one['first_seen'].replace(microsecond=0))}, {lines} lines since"
    notes = {
        "summary": f"New {one['level']} pattern in {one['first_service'] or 'a log'}: {one['template'][:200]}",
        "description": says,
        "query": query,
        "pattern": one["template"][:1000],
        "example": one["example"][:1000],
    }
    return Breach({name: text for name, text in labels.items() if text}, float(lines), notes, _link(query, within))


def _breach(rule: LogRule, one: _Found, example: str, template: str) -> Breach:
    labels = _labels(rule, one.keys)
    query = _narrowed(rule.query, _tests(rule, one.keys))
    who = ", ".join(labels.values())
    notes = {
        "summary": f"{f'{who}: ' if who else ''}{one.says}",
        "description": f"Lines that match {query}: {one.says}" if query else f"Lines: {one.says}",
        "query": query,
        "pattern": template,
        "example": example,
    }
    return Breach(labels, one.value, {name: text for name, text in notes.items() if text}, _link(query, one.within))


def _labels(rule: LogRule, keys: Sequence[str]) -> dict[str, str]:
    own = {_label(name): value for name, value in zip(rule.by, keys, strict=True) if value}
    return {**own, **rule.fixed}


def _label(name: str) -> str:
    return name.removeprefix("attributes.")


def _is_of(watched: Labels, own: Labels) -> bool:
    return own.items() <= watched.items()


def _tests(rule: LogRule, keys: Sequence[str]) -> list[language.Node]:
    return [language.Field(name, language.Text(value)) for name, value in zip(rule.by, keys, strict=True) if value]


def _narrowed(query: str, more: Sequence[language.Node]) -> str:
    known = parse(query)
    parts = [*([] if isinstance(known, language.Everything) else [known]), *more]
    return language.text_of(language.joined(language.And, parts)) if parts else ""


def _link(query: str, within: times.Range) -> str:
    """The log screen with the query in the range as two moments, which mean the same for everybody and for good."""
    return f"{current().public_url}/logs?{urlencode({'query': query, 'range': within.locked})}"


def _templates(numbers: Any) -> dict[int, str]:
    wanted = {int(one) for one in numbers if 0 < int(one) < 2**63}
    return dict(Pattern.objects.filter(pk__in=wanted).values_list("pk", "template")) if wanted else {}


def _example_of(found: tuple[str, int] | None, templates: Mapping[int, str]) -> tuple[str, str]:
    """(line, template) of an example, empty where there is none."""
    return (found[0], templates.get(int(found[1]), "")[:1000]) if found else ("", "")
