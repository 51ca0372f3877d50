"""From the tree of a query to a condition on ``log_lines`` with parameters that the server binds.

The condition first asks what the skip indexes can answer (whole words of the body in lower case, values of attributes)
and then what makes the answer exact. Values never become part of the statement.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.search.query import (
    LEVELS,
    And,
    Between,
    Compare,
    Everything,
    Exists,
    Field,
    Glob,
    Node,
    Not,
    Or,
    Regex,
    Test,
    Text,
)

MAX_TERMS = 100
# The names that people may use, and the column behind each.
TEXT_COLUMNS: Mapping[str, str] = {
    "service": "service",
    "level": "level",
    "stream": "stream",
    "source": "source",
    "format": "format",
    "trace": "trace_id",
    "trace_id": "trace_id",
    "span": "span_id",
    "span_id": "span_id",
    "exception": "exception",
    "frame": "frame",
}
NUMBER_COLUMNS: Mapping[str, str] = {"pattern": "pattern", "fingerprint": "fingerprint"}
BODY = frozenset({"body", "message"})
FIELDS = (*TEXT_COLUMNS, *NUMBER_COLUMNS, "cause", *sorted(BODY))
_ALIASES = {
    "warn": "warning",
    "err": "error",
    "critical": "fatal",
    "crit": "fatal",
    "emerg": "fatal",
    "notice": "info",
    "information": "info",
}
# Letters and digits as the index of words sees them: every byte outside of ASCII belongs to a word.
_TOKEN = re.compile(r"[0-9A-Za-z\u0080-\U0010ffff]+")
_EDGE = r"[^0-9A-Za-z\x{80}-\x{10FFFF}]"
_MINUTES_KNOW = frozenset({"service", "level", "pattern"})


@dataclass(frozen=True)
class Condition:
    """What follows WHERE. ``params`` are bound by the server; ``columns`` are the columns that are asked.

    ``needle`` says that every match holds a word that looks like a number of its own, so that few lines match and the
    index leads right to them.
    """

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)
    columns: frozenset[str] = frozenset()
    needle: bool = False

    @property
    def counted_by_minute(self) -> bool:
        """Whether ``log_minutes`` can answer how many match."""
        return self.columns <= _MINUTES_KNOW


def condition(node: Node, prefix: str = "q") -> Condition:
    """The condition of a query. Raises ``QueryError`` where a field cannot be asked so.

    ``prefix`` begins the names of its parameters, so that two conditions fit into one statement.
    """
    compiler = _Compiler(prefix)
    sql = compiler.node(node)
    return Condition(sql, compiler.params, frozenset(compiler.columns), _is_needle(node))


def _is_needle(node: Node) -> bool:
    if isinstance(node, And):
        return any(map(_is_needle, node.parts))
    if isinstance(node, Field):
        return node.name in {"trace", "trace_id", "span", "span_id"} and isinstance(node.test, Text)
    tokens = _TOKEN.findall(node.text) if isinstance(node, Text) else []
    return any(len(token) >= 7 and any(map(str.isdigit, token)) for token in tokens)


def _escaped(text: str) -> str:
    """Text as a regular expression of RE2 that matches it and nothing else."""
    return re.sub(r"([^\w\s]|_)", r"\\\1", text, flags=re.ASCII) if text.isascii() else _escaped_wide(text)


def _escaped_wide(text: str) -> str:
    return "".join(sign if ord(sign) > 127 else _escaped(sign) for sign in text)


class _Compiler:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.params: dict[str, Any] = {}
        self.columns: set[str] = set()
        self._terms = 0

    def param(self, value: Any, kind: str = "String") -> str:
        name = f"{self._prefix}{len(self.params)}"
        self.params[name] = value
        return f"{{{name}:{kind}}}"

    def node(self, node: Node) -> str:
        match node:
            case Everything():
                return "1"
            case Not():
                return f"NOT ({self.node(node.part)})"
            case And():
                return " AND ".join(f"({self.node(part)})" for part in node.parts)
            case Or():
                return " OR ".join(f"({self.node(part)})" for part in node.parts)
            case Field():
                return self._counted(lambda: self._field(node))
            case _:
                return self._counted(lambda: self._body(node))

    def _counted(self, compile_one: Callable[[], str]) -> str:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise QueryError(f"more than {MAX_TERMS} words and fields", 0, remedy="Search for less at once.")
        return compile_one()

    # The body: words, phrases, stars.

    def _body(self, test: Text | Glob | Regex) -> str:
        self.columns.add("body")
        if isinstance(test, Regex):
            return f"match(body, {self.param(test.pattern)})"
        parts = (test.text,) if isinstance(test, Text) else test.parts
        conditions = [f"hasToken(lower(body), {self.param(token)})" for token in _whole_words(parts)]
        if len(parts) == 1 and _TOKEN.fullmatch(parts[0]) and parts[0].isascii():
            return conditions[0]
        pieces = [part for part in parts if part]
        if all(map(str.isascii, pieces)):
            conditions += [f"position(lower(body), {self.param(piece.lower())}) > 0" for piece in pieces]
        if not (len(pieces) == 1 and parts == ("", pieces[0], "") and pieces[0].isascii()):
            conditions += self._as_written(parts)
        return " AND ".join(conditions)

    def _as_written(self, parts: tuple[str, ...]) -> list[str]:
        """The parts in their order, at the edges of words, where edges or the order or the case are still open."""
        first, last = parts[0][:1], parts[-1][-1:]
        left = rf"(?:\A|{_EDGE})" if _TOKEN.match(first) else ""
        right = rf"(?:\z|{_EDGE})" if _TOKEN.match(last) else ""
        plain = len([part for part in parts if part]) == 1
        if plain and not left and not right and all(map(str.isascii, parts)):
            return []
        pattern = "(?i)" + left + r"\S*".join(map(_escaped, parts)) + right
        return [f"match(body, {self.param(pattern)})"]

    # Fields.

    def _field(self, node: Field) -> str:
        name, test = node.name.removeprefix("attributes."), node.test
        if name == node.name:
            if name in BODY:
                return self._body_field(test)
            if name == "level":
                return self._level(test)
            if name in TEXT_COLUMNS:
                return self._text_column(name, TEXT_COLUMNS[name], test)
            if name in NUMBER_COLUMNS:
                return self._number_column(name, NUMBER_COLUMNS[name], test)
            if name == "cause":
                self.columns.add("causes")
                if isinstance(test, Exists):
                    return "notEmpty(causes)"
                return f"arrayExists(one -> {self._text('one', 'cause', test)}, causes)"
        return self._attribute(name, test)

    def _body_field(self, test: Test) -> str:
        if isinstance(test, Text | Glob | Regex):
            return self._body(test)
        self.columns.add("body")
        return self._text("body", "body", test)

    def _text_column(self, name: str, column: str, test: Test) -> str:
        self.columns.add(column)
        if column in {"trace_id", "span_id"} and isinstance(test, Text):
            test = Text(test.text.lower(), test.at)
        return self._text(column, name, test)

    def _text(self, column: str, name: str, test: Test) -> str:
        match test:
            case Text():
                return f"{column} = {self.param(test.text)}"
            case Glob():
                pattern = r"(?is)\A" + ".*".join(map(_escaped, test.parts)) + r"\z"
                return f"match({column}, {self.param(pattern)})"
            case Regex():
                return f"match({column}, {self.param(test.pattern)})"
            case Exists():
                return f"{column} != ''"
        raise QueryError(
            f"{name} holds text, which cannot be compared",
            test.at,
            expected="a value, a value with *, or /regex/",
            remedy="Levels (level:>=warning) and numbers in attributes (duration_ms:>500) can be compared.",
        )

    def _level(self, test: Test) -> str:
        self.columns.add("level")
        match test:
            case Text():
                return f"level = {self.param(_level_of(test.text, test.at))}"
            case Compare():
                place = LEVELS.index(_level_of(test.value, test.at))
                known = {">": LEVELS[place + 1 :], ">=": LEVELS[place:], "<": LEVELS[:place], "<=": LEVELS[: place + 1]}
                return f"level IN {self.param(list(known[test.op]), 'Array(String)')}"
            case Between():
                low = 0 if test.low == "*" else LEVELS.index(_level_of(test.low, test.at))
                high = len(LEVELS) - 1 if test.high == "*" else LEVELS.index(_level_of(test.high, test.at))
                return f"level IN {self.param(list(LEVELS[low : high + 1]), 'Array(String)')}"
        return self._text("level", "level", test)

    def _number_column(self, name: str, column: str, test: Test) -> str:
        self.columns.add(column)
        if isinstance(test, Exists):
            return f"{column} != 0"
        if isinstance(test, Text):
            digits = test.text.removeprefix("0x")
            base = 10 if digits == test.text else 16
            try:
                value = int(digits, base)
            except ValueError:
                value = -1
            if 0 <= value < 2**64 and digits.isalnum():
                return f"{column} = {self.param(value, 'UInt64')}"
        raise QueryError(
            f"{name} is a number", test.at, expected="its digits, or * for any", remedy=f"Write {name}:17."
        )

    def _attribute(self, name: str, test: Test) -> str:
        self.columns.add("attributes")
        value = f"attributes[{self.param(name)}]"
        match test:
            case Text():
                # The first part is what the index of values knows; the second makes it exact.
                wanted = self.param(test.text)
                return f"has(mapValues(attributes), {wanted}) AND {value} = {wanted}"
            case Compare():
                wanted = self.param(_number_of(test.value, test.at), "Float64")
                return f"ifNull(toFloat64OrNull({value}) {test.op} {wanted}, 0)"
            case Between():
                sides = [
                    f"toFloat64OrNull({value}) {op} {self.param(_number_of(side, test.at), 'Float64')}"
                    for op, side in ((">=", test.low), ("<=", test.high))
                    if side != "*"
                ]
                return f"ifNull({' AND '.join(sides) or f'toFloat64OrNull({value}) IS NOT NULL'}, 0)"
        return self._text(value, name, test)


def _whole_words(parts: tuple[str, ...]) -> list[str]:
    """The words in lower case that a match must hold whole: those that no star can make longer."""
    found = []
    for place, part in enumerate(parts):
        for word in _TOKEN.finditer(part):
            is_open = (word.start() == 0 and place > 0) or (word.end() == len(part) and place < len(parts) - 1)
            # The engine knows upper and lower case of ASCII alone.
            if not is_open and word[0].isascii():
                found.append(word[0].lower())
    return list(dict.fromkeys(found))


def _level_of(text: str, at: int) -> str:
    level = _ALIASES.get(text.lower(), text.lower())
    if level not in LEVELS:
        raise QueryError(f"no level is called {text}", at, length=len(text), expected=f"one of {', '.join(LEVELS)}")
    return level


def _number_of(text: str, at: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise QueryError(f"not a number: {text}", at, length=len(text), expected="a number, such as 500 or 0.5")
    return value


def literal(value: Any, kind: str = "String") -> str:
    """A value as ClickHouse writes it, for people to read and copy."""
    if isinstance(value, list):
        return "[" + ", ".join(literal(one) for one in value) + "]"
    if kind in {"UInt64", "Int64", "UInt32", "Float64"}:
        return repr(value)
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return f"'{escaped}'"


_PARAM = re.compile(r"\{(\w+):([\w()]+)\}")


def readable(sql: str, params: Mapping[str, Any]) -> str:
    """The statement with its values in place, to be shown and copied. It is never run from here."""
    return _PARAM.sub(lambda found: literal(params[found[1]], found[2]), sql)


__all__ = ["FIELDS", "Condition", "condition", "readable"]
