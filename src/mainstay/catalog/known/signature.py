"""What a known error looks like, and why an alert looks like it. Everything that is given must fit."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mainstay.catalog.known.expression import ExpressionError, compiled

# Of a text that an alert carries so much is looked at.
LONGEST_TEXT = 20_000
_NAME = re.compile(r"[A-Za-z_][\w.:\-]{0,199}")
_MATCHER = re.compile(r"\s*(?P<name>[^\s=!~\"]+)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL)
_CONDITION = re.compile(r"\s*(?P<of>[^\s<>=!]+)\s*(?P<op><=|>=|==|!=|<|>)\s*(?P<bound>\S+)\s*")
_WORD = re.compile(r"\w+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class SignatureError(ValueError):
    """A part of a signature cannot be used: ``field`` names it, the text says what to write."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.field, self.problem = where, problem


def words_of(text: str) -> frozenset[str]:
    """The words of a text, whatever their case."""
    return frozenset(_WORD.findall(text[:LONGEST_TEXT].casefold()))


@dataclass(frozen=True)
class Symptom:
    """An alert as signatures see it. ``metrics`` are the names that its rule reads, ``value`` is what it measured."""

    service: str | None = None
    rule: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    value: float | None = None
    metrics: frozenset[str] = frozenset()

    @cached_property
    def folded(self) -> str:
        """Its text for comparing."""
        return self.text[:LONGEST_TEXT].casefold()

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its text."""
        return words_of(self.text)

    @cached_property
    def subjects(self) -> frozenset[str]:
        """What its value can be called: its rule or name, and the metrics behind it."""
        names = {self.rule, self.labels.get("alertname", ""), self.labels.get("__name__", "")}
        return frozenset(names | self.metrics) - {""}


@dataclass(frozen=True)
class Matcher:
    """A label and what it must be, as Alertmanager has it: a label that is not there counts as empty."""

    name: str
    op: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fit. Expressions must fit the whole value."""
        found = labels.get(self.name, "")
        if self.op in {"=", "!="}:
            return (found == self.value) is (self.op == "=")
        return compiled(self.value)(found) is (self.op == "=~")

    def __str__(self) -> str:
        """As it is written."""
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.op}"{quoted}"'


def parse_matcher(text: str) -> Matcher:
    """Read ``name="value"`` with ``=``, ``!=``, ``=~`` or ``!~``; quotes may be left out. Raises ``SignatureError``."""
    found = _MATCHER.fullmatch(text)
    if not found or not _NAME.fullmatch(found["name"]):
        raise SignatureError("matchers", f'{text!r} is no matcher; write severity="critical" or env=~"prod|stage"')
    value = found["value"]
    if value[:1] == '"':
        if len(value) < 2 or value[-1] != '"' or value[-2:] == '\\"':
            raise SignatureError("matchers", f"{text!r}: the quote is not closed")
        value = _ESCAPED.sub(lambda one: "\n" if one[1] == "n" else one[1], value[1:-1])
    if found["op"] in {"=~", "!~"}:
        try:
            compiled(value)
        except ExpressionError as error:
            raise SignatureError("matchers", f"{text!r}: {error}") from error
    return Matcher(found["name"], found["op"], value)


@dataclass(frozen=True)
class Condition:
    """What the alert measured, over or under a bound. ``of`` is its rule, its name, or a metric that its rule reads."""

    of: str
    op: str
    bound: float

    def holds(self, symptom: Symptom) -> bool:
        """Whether the alert carries such a value."""
        value = symptom.value
        if value is None or self.of not in symptom.subjects:
            return False
        return {
            ">": value > self.bound,
            ">=": value >= self.bound,
            "<": value < self.bound,
            "<=": value <= self.bound,
            "==": value == self.bound,
            "!=": value != self.bound,
        }[self.op]

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.of} {self.op} {self.bound:g}"


def parse_condition(text: str) -> Condition | None:
    """Read ``payment-timeouts > 0.5``; nothing for an empty text. Raises ``SignatureError``."""
    if not text.strip():
        return None
    found = _CONDITION.fullmatch(text)
    try:
        bound = float(found["bound"]) if found else float("nan")
    except ValueError:
        bound = float("nan")
    if not found or bound != bound:  # noqa: PLR0124 - that is what tells a number from none
        raise SignatureError("condition", f"{text!r} is no condition; write RULE > 0.5, or METRIC <= 10")
    return Condition(found["of"], found["op"], bound)


@dataclass(frozen=True)
class Signature:
    """How a known error is recognised. ``scoped`` without services: those that it was of are gone."""

    pk: int
    key: str
    services: frozenset[str] = frozenset()
    scoped: bool = False
    rules: frozenset[str] = frozenset()
    matchers: tuple[Matcher, ...] = ()
    text: str = ""
    words: frozenset[str] = frozenset()
    condition: Condition | None = None
    log: str = ""

    @property
    def tells(self) -> bool:
        """Whether anything but the service is asked for: the service alone is no symptom."""
        return bool(self.rules or self.matchers or self.text or self.words or self.condition or self.log)


def matchers_of(labels: Mapping[str, str], matchers: Iterable[str]) -> tuple[Matcher, ...]:
    """Labels with exact values, and matchers as text, in one; expressions last. Raises ``SignatureError``."""
    exact = [Matcher(name, "=", str(value)) for name, value in labels.items()]
    found = [*exact, *(parse_matcher(one) for one in matchers)]
    return tuple(sorted(found, key=lambda one: one.op[-1] == "~"))


def why(one: Signature, symptom: Symptom) -> tuple[str, ...] | None:
    """Why an alert fits, part by part; nothing when a part does not. The log template is not asked for here.

    What costs least is asked first; of the matchers expressions are the last.
    """
    said: list[str] = []
    if one.scoped or one.services:
        if symptom.service not in one.services:
            return None
        said.append(f"service {symptom.service}")
    if one.rules:
        if symptom.rule not in one.rules:
            return None
        said.append(f"rule {symptom.rule}")
    if not one.words <= symptom.words or one.text.casefold() not in symptom.folded:
        return None
    if one.condition and not one.condition.holds(symptom):
        return None
    if not all(matcher.holds(symptom.labels) for matcher in one.matchers):
        return None
    said += [f"{one.name}={one.value}" if one.op == "=" else str(one) for one in one.matchers]
    if one.condition:
        said.append(f"{one.condition} (it is {symptom.value:g})")
    if one.text:
        said.append(f"text “{one.text}”")
    if one.words:
        said.append(f"words {', '.join(sorted(one.words))}")
    return tuple(said)
