"""What a patch can do to a running service, read from its changed lines alone. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log
from typing import Final

from mainstay.learn.diagnosis.domain import edits
from mainstay.learn.diagnosis.domain.edits import MOST_LINES, SAME_LINE, VERSION, Edit
from mainstay.learn.diagnosis.domain.symptoms import Group

# What is not known may do this much.
_UNKNOWN: Final = 0.48
# Files that no running service reads.
_INERT_FILE: Final = re.compile(
    r"(?i)(?:^|/)(?:docs?|documentation|tests?|testdata|__tests__|fixtures|examples|\.github|\.circleci|\.gitlab)(?:/|$)|"
    r"[_.-]tests?\.|test_[^/]*$|_spec\.|\.spec\.|\.(?:md|rst|adoc|txt|css|scss|less|svg|png|jpe?g|gif|ico)$|"
    r"(?:^|/)(?:CODEOWNERS|LICENSE|CHANGELOG[^/]*|README[^/]*|\.gitignore|\.editorconfig|\.golangci[^/]*|\.eslintrc[^/]*|"
    r"Makefile|\.pre-commit[^/]*)$"
)
_INERT_WORD: Final = re.compile(
    r"(?i)^\W*(?:docs?|tests?|ci|style|lint|typo|comments?|chore\(docs\))\b(?:\([^)]*\))?\s*[:\-! ]"
)
_DEPENDENCY_FILE: Final = re.compile(
    r"(?i)(?:^|/)(?:go\.(?:mod|sum)|package(?:-lock)?\.json|yarn\.lock|poetry\.lock|requirements[^/]*\.txt|"
    r"Cargo\.(?:toml|lock)|pom\.xml)$"
)
_FILE: Final = re.compile(r"(?m)^(?:\+\+\+|---|@@|diff --git)\s+(?:[ab]/)?([\w./\-]+\.\w+|[\w./\-]*/[\w.\-]+)")
_COMMENT: Final = re.compile(r"^\s*(?:#(?!include)|//|/\*|\*|--|;|\"\"\"|<!--)")
_TOKEN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?|\S")
_NUMBER: Final = re.compile(r"(?<![\w.#])\d+(?:\.\d+)?")
_AMOUNT: Final = re.compile(
    r"(?i)(?<![\w.#])(\d+(?:\.\d+)?)(?:\s*\*?\s*(?:time\.)?"
    r"(milliseconds?|microseconds?|seconds?|minutes?|hours?|ms|us|s|m|h)\b)?"
)
_UNITS: Final = {
    "millisecond": 1e-3,
    "m": 60.0,
    "ms": 1e-3,
    "microsecond": 1e-6,
    "us": 1e-6,
    "minute": 60.0,
    "hour": 3600.0,
    "h": 3600.0,
}
# More of what a service may use seldom harms it.
_ROOM: Final = re.compile(r"(?i)mem(?:ory)?\b|cpu|pool|replica|worker|conn|quota|capacity|limit|heap|max")
_MORE_ROOM: Final = 0.6
_IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# What a changed line is about -> what may follow from it.
_ABOUT: Final = tuple(
    (re.compile(f"(?i){words}"), groups)
    for words, groups in (
        ("time-?_?out|deadline|wait|delay|sleep|backoff|interval|ttl|expir", (Group.SLOW, Group.FAILING)),
        (
            (
                r"pool|conn(?:ection)?s?\b|max|limit|capacity|replica|worker|thread|concurren|batch|buffer|queue|"
                r"mem(?:ory)?\b|heap|cpu|quota|size"
            ),
            (Group.STARVED, Group.SLOW, Group.FAILING),
        ),
        (
            r"select\b|query|insert\b|update\b|join\b|index|scan|fetch|\.all\(|find\(|limit\b|paginat|cache",
            (Group.SLOW, Group.STARVED),
        ),
        (r"debug|trace|log(?:ger)?\.?level|verbos", (Group.STARVED,)),
        ("retr(?:y|ies)|attempts", (Group.BUSY, Group.FAILING)),
        (
            r"nil\b|null|none\b|check|valid|guard|err\b|error|except|catch|assert|require|optional|\?\.|must",
            (Group.FAILING,),
        ),
        (
            "table|column|schema|field|mapping|migrat|topic|route|path|host|url|endpoint|key|secret|token|cert",
            (Group.FAILING,),
        ),
    )
)


@dataclass(frozen=True)
class Patch:
    """What is known of a patch. ``power`` is 0 (can do nothing) to 1, ``effects`` what may follow from it."""

    files: tuple[str, ...]
    power: float
    effects: frozenset[Group]
    words: frozenset[str]
    said: str
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def undoes(self, other: "Patch") -> bool:
        """Whether it brings back what another took away, and takes away what that one brought."""
        return bool(self.added) and (self.added, self.removed) == (other.removed, other.added)


def read(summary: str, diff: str, files: Sequence[str] = ()) -> Patch:
    """Understand a patch, or what its summary says where there is no diff."""
    paths = tuple(dict.fromkeys([*files, *_FILE.findall(diff)]))
    if paths and all(map(_INERT_FILE.search, paths)):
        return Patch(paths, 0.02, frozenset(), frozenset(), "touches only files that no running service reads")
    if not diff.strip():
        if _INERT_WORD.search(summary):
            return Patch(paths, 0.05, frozenset(), frozenset(), "says that it changes nothing that runs")
        return Patch(paths, _UNKNOWN, frozenset(Group), words_of(summary), "its difference is not known")
    added, removed = (list(_lines(diff, sign)) for sign in "+-")
    code = [[one for one in lines if not _COMMENT.match(one)] for lines in (added, removed)]
    if not code[0] and not code[1]:
        return Patch(paths, 0.05, frozenset(), frozenset(), "changes comments alone")
    tokens = [Counter(_TOKEN.findall(" ".join(lines))) for lines in code]
    if tokens[0] == tokens[1]:
        return Patch(paths, 0.05, frozenset(), frozenset(), "moves lines, and changes none")
    if paths and all(map(_DEPENDENCY_FILE.search, paths)):
        return Patch(paths, 0.25, frozenset(Group), words_of(" ".join(added)), "takes other versions of libraries")
    return _of_code(paths, code[0], code[1], tokens, diff)


def _of_code(
    paths: tuple[str, ...], added: list[str], removed: list[str], tokens: list[Counter[str]], diff: str
) -> Patch:
    fresh, gone = tokens[0] - tokens[1], tokens[1] - tokens[0]
    strong, numbers = _numbers(added, removed)
    # Where a number alone is another one, its line says what it is about.
    changed = " ".join([*fresh, *gone, numbers])
    effects = {group for words, groups in _ABOUT if words.search(changed) for group in groups}
    found = []
    if removed and len(added) * 2 < len(removed) and not edits.calls_anew(added, removed):
        found.append(Edit(0.65, "takes lines away", frozenset({Group.FAILING})))
    if numbers:
        found.append(Edit(strong, f"changes a number: {numbers}"))
    found.append(edits.of(added, removed))
    best = max(found, key=lambda one: one.power)
    power, said = best.power, best.said
    effects |= {group for one in found for group in one.effects}
    lines = [frozenset(one.strip() for one in each if one.strip()) for each in (added, removed)]
    words = words_of(f"{changed} {_near(diff)}")
    return Patch(paths, power, frozenset(effects or {Group.FAILING}), words, said, *lines)


def _lines(diff: str, sign: str) -> Iterator[str]:
    for line in diff.splitlines():
        if line.startswith(sign) and not line.startswith(sign * 3):
            yield line[1:]


def _numbers(added: list[str], removed: list[str]) -> tuple[float, str]:
    """The number that a line changed by the largest factor, as (power, ``before → after``), or (0, "").

    A line is the one that stood there before when most of its tokens are the same.
    """
    best = (0.0, "")
    news, olds = (list(islice(map(_read_line, filter(_has_number, lines)), MOST_LINES)) for lines in (added, removed))
    for new in news:
        for old in olds:
            if new.amounts == old.amounts or len(new.amounts) != len(old.amounts) or not _same_line(new, old):
                continue
            pairs = zip(old.amounts, new.amounts, strict=True)
            factor = max(max(one, two) / max(min(one, two), 1e-9) for one, two in pairs)
            power = min(0.35 + 0.5 * min(log(max(factor, 1.0)) / log(4), 1.0), 0.85)
            if _ROOM.search(new.text) and sum(new.amounts) > sum(old.amounts):
                power *= _MORE_ROOM
            if power > best[0]:
                best = (power, f"{old.text[:80]} → {new.text[:80]}")
    return best


@dataclass(frozen=True)
class _Line:
    """A changed line with its numbers, and its tokens without them."""

    text: str
    amounts: list[float]
    tokens: Counter[str]


def _has_number(line: str) -> bool:
    return _NUMBER.search(line) is not None and VERSION.search(line) is None


def _read_line(line: str) -> _Line:
    return _Line(line.strip(), _amounts(line), Counter(one for one in _TOKEN.findall(line) if not one[0].isdigit()))


def _same_line(one: _Line, two: _Line) -> bool:
    common = sum((one.tokens & two.tokens).values())
    return common >= SAME_LINE * max(one.tokens.total(), two.tokens.total(), 1)


def _amounts(line: str) -> list[float]:
    """The numbers of a line, those with a unit of time in seconds."""
    found = []
    for number, unit in _AMOUNT.findall(line):
        name = unit.lower() if unit.lower() in _UNITS else unit.lower().rstrip("s")
        found.append(float(number) * _UNITS.get(name, 1.0))
    return found


def _near(diff: str) -> str:
    """The names of what surrounds a change, as patches tell them behind ``@@``."""
    return " ".join(re.findall(r"(?m)^@@[^\n]*", diff))


def words_of(text: str) -> frozenset[str]:
    """The words of identifiers, in lower case, those of three letters and more."""
    found: set[str] = set()
    for name in _IDENTIFIER.findall(text):
        found.add(name.lower())
        found |= {part.lower() for part in _PARTS.findall(name)}
    return frozenset(one for one in found if len(one) > 2)
