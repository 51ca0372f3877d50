"""What a query says, as a tree of frozen dataclasses, and the same as text.

``parse(text_of(node)) == node`` for every tree in normal form: ``And`` and ``Or`` hold two or more parts and never one
of their own kind. Places (``at``, the character in the text where a part begins) tell errors where they belong and do
not count when trees are compared.
"""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")


@dataclass(frozen=True)
class Everything:
    """The empty query."""


@dataclass(frozen=True)
class Text:
    """A word or a phrase: whole words, in any case, one after the other as written."""

    text: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Glob:
    """Text with ``*`` in it, as the parts between the stars: ``time*`` is ``("time", "")``."""

    parts: tuple[str, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Regex:
    """A regular expression (RE2) that is found somewhere in the text."""

    pattern: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Exists:
    """The field is there and not empty."""

    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Compare:
    """``>``, ``>=``, ``<`` or ``<=`` a value: a number, or the name of a level."""

    op: str
    value: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Between:
    """From ``low`` to ``high``, both included. ``*`` leaves a side open."""

    low: str
    high: str
    at: int = field(default=0, compare=False)


Test: TypeAlias = Text | Glob | Regex | Exists | Compare | Between


@dataclass(frozen=True)
class Field:
    """A test of a field instead of the body."""

    name: str
    test: Test
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Not:
    """What does not match."""

    part: "Node"


@dataclass(frozen=True)
class And:
    """What matches all parts."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Or:
    """What matches one part or more."""

    parts: "tuple[Node, ...]"


Node: TypeAlias = Everything | Text | Glob | Regex | Field | Not | And | Or

WORDS_OF_THE_LANGUAGE = frozenset({"AND", "OR", "NOT", "TO", "&&", "||"})
# What may stand in a word without quotes. A colon ends the name of a field, brackets group.
_BARE = re.compile(r"[^\s\"():\[\]*\\<>=/-][^\s\"():\[\]*\\]*\Z")
BARE_NAME = re.compile(r"[A-Za-z_@][\w.@/-]*\Z", re.ASCII)


def joined(kind: "type[And] | type[Or]", parts: "list[Node]") -> "Node":
    """Parts under one roof in normal form."""
    flat: list[Node] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else [part]
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def quoted(text: str) -> str:
    """Text between quotes, as the language reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _word(text: str) -> str:
    bare = _BARE.match(text) and text not in WORDS_OF_THE_LANGUAGE
    return text if bare else quoted(text)


def name_of(name: str) -> str:
    """The name of a field, in quotes where it needs them."""
    return name if BARE_NAME.match(name) and name not in WORDS_OF_THE_LANGUAGE else quoted(name)


def _test(test: Test) -> str:
    match test:
        case Text():
            return _word(test.text)
        case Glob():
            return "*".join(re.sub(r'([\\\s"():\[\]*<>=/-])', r"\\\1", part) for part in test.parts)
        case Regex():
            return "/" + re.sub(r"(\\.)|/", lambda found: found[1] or "\\/", test.pattern, flags=re.DOTALL) + "/"
        case Exists():
            return "*"
        case Compare():
            return test.op + _word(test.value)
        case Between():
            low, high = (side if side == "*" else _word(side) for side in (test.low, test.high))
            return f"[{low} TO {high}]"


def text_of(node: Node) -> str:
    """The query as a person would write it."""
    match node:
        case Everything():
            return ""
        case Field():
            return f"{name_of(node.name)}:{_test(node.test)}"
        case Not():
            return f"NOT {_in_brackets(node.part)}"
        case And():
            return " ".join(map(_in_brackets, node.parts))
        case Or():
            return " OR ".join(map(_in_brackets, node.parts))
        case _:
            return _test(node)


def _in_brackets(node: Node) -> str:
    return f"({text_of(node)})" if isinstance(node, And | Or) else text_of(node)
