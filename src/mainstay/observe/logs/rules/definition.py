"""What a rule over log lines says. Pure: texts in, frozen dataclasses out, and a sentence for people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mainstay.observe.logs.search import compile as compiling
from mainstay.observe.logs.search import query as language
from mainstay.observe.logs.search.parser import parse

_RATE = re.compile(r"(>=|<=|>|<)\s*(\d+(?:\.\d+)?)\s+(?:per|/)\s*(\d{0,6})\s*([smhd])\Z")
_RATIO = re.compile(r"(>=|<=|>|<)\s*(\d+(?:\.\d+)?)\s*%\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MINUTE, DAY = 60.0, 86_400.0
MOST_FIELDS = 5
TESTS = ("rate", "ratio", "new_pattern", "absent", "unusual")


class LogRuleError(ValueError):
    """A rule over log lines cannot be used. The text names the field and the remedy."""


@dataclass(frozen=True)
class Rate:
    """Lines in ``per`` seconds compare so with ``limit``."""

    op: str
    limit: float
    per: float


@dataclass(frozen=True)
class Ratio:
    """The share (0 to 1) of matches among the lines that match ``of`` compares so with ``limit``."""

    op: str
    limit: float
    of: str


@dataclass(frozen=True)
class NewPattern:
    """A pattern of one of these levels was first seen within the window."""

    levels: tuple[str, ...]


@dataclass(frozen=True)
class Absent:
    """What was there regularly has not been there for ``seconds``."""

    seconds: float


@dataclass(frozen=True)
class Unusual:
    """The number of lines is further from the usual than ``score`` times the usual scatter."""

    score: float


Test: TypeAlias = Rate | Ratio | NewPattern | Absent | Unusual


@dataclass(frozen=True)
class LogRule:
    """A rule. ``window`` is in seconds; fewer than ``at_least`` lines are never judged by share or as unusual.

    ``query`` holds the service and the pattern that the rule names; ``fixed`` are the labels that follow from these.
    """

    query: str
    window: float
    by: tuple[str, ...]
    test: Test
    at_least: float
    fixed: Mapping[str, str]

    def text(self) -> str:
        """The rule as a sentence."""
        lines = f"lines that match {self.query}" if self.query else "lines"
        grouped = f", by {', '.join(self.by)}" if self.by else ""
        over = f" over {span(self.window)}{grouped}"
        match self.test:
            case Rate(op, limit, per):
                return f"{lines}: {op} {limit:g} per {span(per)}{over}"
            case Ratio(op, limit, of):
                return f"{lines}: {op} {limit * 100:g} % of {f'those that match {of}' if of else 'all'}{over}"
            case NewPattern(levels):
                return f"{lines}: a pattern of level {' or '.join(levels)} first seen within {span(self.window)}"
            case Absent(seconds):
                return f"{lines}: none for {span(seconds)} where they were regular{grouped}"
            case Unusual(score):
                return f"{lines}: {score:g} times the usual scatter off the usual{over}"


def span(seconds: float) -> str:
    """Seconds as people write them: 90 is 90s, 300 is 5m."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def parse_rule(entry: Mapping[str, Any]) -> LogRule:
    """The rule that an entry of a configuration file means; its lengths are seconds already.

    Raises ``LogRuleError``, and ``QueryError`` for a query that cannot be read.
    """
    given = [name for name in TESTS if entry.get(name)]
    if len(given) != 1:
        raise LogRuleError(f"write one of {', '.join(TESTS)}" + (f", not {' and '.join(given)}" if given else ""))
    test = _test(given[0], entry)
    fixed = {name: str(entry[name]) for name in ("service", "pattern") if entry.get(name)}
    by = tuple(name for name in fields_of(entry.get("by")) if name not in fixed)
    query = query_of(entry)
    condition = compiling.condition(parse(query))
    window = float(entry.get("window") or _usual_window(test))
    minutes_know = condition.counted_by_minute and set(by) <= {"service", "level", "pattern"}
    _check(test, window, by, minutes_know=minutes_know)
    return LogRule(query, window, by, test, float(entry.get("at_least") or 20), fixed)


def _test(name: str, entry: Mapping[str, Any]) -> Test:
    value = entry[name]
    if entry.get("of") and name != "ratio":
        raise LogRuleError("of: only a ratio has it")
    match name:
        case "rate":
            found = _RATE.match(str(value).strip())
            if not found:
                raise LogRuleError(f"rate: {value!r} is no rate; write '> 5 per 1m'")
            return Rate(found[1], float(found[2]), float((int(found[3] or 1) or 1) * _UNITS[found[4]]))
        case "ratio":
            found = _RATIO.match(str(value).strip())
            if not found:
                raise LogRuleError(f"ratio: {value!r} is no ratio; write '> 5%'")
            of = str(entry.get("of") or "")
            compiling.condition(parse(of))
            return Ratio(found[1], float(found[2]) / 100, of)
        case "new_pattern":
            level = str(entry.get("level") or "warning")
            if level not in language.LEVELS:
                raise LogRuleError(f"level: no level is called {level!r}; write one of {', '.join(language.LEVELS)}")
            return NewPattern(language.LEVELS[language.LEVELS.index(level) :])
        case "absent":
            return Absent(float(value))
        case _:
            return Unusual(float(value))


def _usual_window(test: Test) -> float:
    match test:
        case Rate(_, _, per):
            return max(per, MINUTE)
        case Ratio():
            return 5 * MINUTE
        case NewPattern():
            return 30 * MINUTE
        case Absent(seconds):
            return seconds
        case Unusual():
            return 10 * MINUTE


def query_of(entry: Mapping[str, Any]) -> str:
    """The query with the service and the pattern that the entry names beside it."""
    parts: list[language.Node] = [
        language.Field(name, language.Text(str(entry[name]))) for name in ("service", "pattern") if entry.get(name)
    ]
    known = parse(str(entry.get("query") or ""))
    if not isinstance(known, language.Everything):
        parts.append(known)
    return language.text_of(language.joined(language.And, parts)) if parts else ""


def fields_of(by: Any) -> tuple[str, ...]:
    """The fields that lines are told apart by. Raises ``LogRuleError``."""
    fields = ("service",) if by is None else (by,) if isinstance(by, str) else tuple(by)
    if len(fields) > MOST_FIELDS:
        raise LogRuleError(f"by: name at most {MOST_FIELDS} fields")
    bad = [name for name in fields if name in compiling.BODY or name == "cause" or not name.strip()]
    if bad:
        raise LogRuleError(f"by: {bad[0]!r} has too many values to watch each; name another field")
    return tuple(dict.fromkeys(fields))


def _check(test: Test, window: float, by: tuple[str, ...], *, minutes_know: bool) -> None:
    match test:
        case Rate(op, _, _) if op in {"<", "<="} and by:
            raise LogRuleError("rate: what has no lines cannot be counted by value; name a service, or use absent")
        case Absent(seconds) if seconds < MINUTE or seconds > DAY:
            raise LogRuleError("absent: write a duration from 1m to 1d")
        case Absent(seconds) if seconds % MINUTE:
            raise LogRuleError("absent: write whole minutes")
        case Unusual() if not minutes_know:
            raise LogRuleError("unusual: works on counts per minute, which know service, level and pattern alone")
        case Unusual() if window % MINUTE or not MINUTE <= window <= 60 * MINUTE:
            raise LogRuleError("window: write whole minutes, at most an hour, for unusual")
    if window > 7 * DAY:
        raise LogRuleError("window: write at most 7d")
