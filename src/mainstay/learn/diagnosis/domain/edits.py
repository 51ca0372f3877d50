"""What the changed lines of a patch do, kind by kind: a value, a check that is gone, a statement that locks. Pure.

What harms a service is seldom much text: a unit, a key, one call less. What is much text is often a tidying, which
calls the same under other names. So lines are taken apart into tokens, and what counts is which kinds of tokens came
and went on balance.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mainstay.learn.diagnosis.domain.symptoms import Group

_TOKEN: Final = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|[A-Za-z_]\w*|\d+(?:\.\d+)?|[!=<>]=|&&|\|\||\S"
)
_CALL: Final = re.compile(r"([A-Za-z_]\w*)\(")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NO_CALL: Final = re.compile(r"^(?:if|for|while|switch|return|func|def|function|catch|fn|fun|and|or|not|in)$")
# Statements that only tell, and lines that only dress or name libraries: a change of these harms nobody.
_TELLING: Final = re.compile(
    r"(?i)^\s*(?:await\s+)?(?:(?:self|this)\.)?_?(?:log(?:ger|ging)?|slog|console|print(?:f|ln)?|fmt\.f?print\w*)\b\s*[.(]"
)
_DRESSING: Final = re.compile(
    r"(?i)class(?:name)?\s*=|\bstyle\s*=|#[0-9a-f]{3,8}\b|\d(?:px|rem|em)\b|"
    r"^\s*(?:colou?r|padding|margin|font|border)[\w-]*\s*:"
)
_IMPORT: Final = re.compile(
    r"^\s*(?:import\b|from\s+\S+\s+import\b|use\s+[\w:\\]+|using\s+[\w.]+;|require\s+['\"]|package\s+[\w.]+|#include\b)"
)
_QUIET_CALL: Final = re.compile(
    r"(?i)^(?:log|debug|info|warn|error|errorf|printf?|println|sprintf|write(?:json|error)|new\w*error|wrap|len|append|"
    r"make|str|string|tostring|format|decode\w*|newdecoder|encode\w*|unmarshal|marshal)$"
)
_RELEASE: Final = re.compile(
    r"(?i)^(?:\w*_)?(?:close|release|unlock|delete|remove|evict|free|cancel|dispose|unsubscribe|ack|commit|rollback|"
    r"unregister|drain|clear|expire)\w{0,8}$"
)
_LIMIT: Final = re.compile(r"(?i)limit|timeout|deadline|throttl|paginat|page_?size|max(?:[A-Z_]|imum|$)|backoff|jitter")
_SAVING: Final = re.compile(r"(?i)cache|batch|loader|pool|memo|bulk|dedup|prefetch|preload|keep_?alive")
_GUARD: Final = re.compile(r"(?i)^(?:if|unless|guard|assert|require\w*|check\w*|valid\w*|verify\w*)$")
_WAITING: Final = re.compile(r"(?i)^(?:\w*lock|mutex|synchronized|sleep|block\w*)$")
_LOCK: Final = re.compile(r"(?i)r?(?:un)?lock$|acquire$|synchronized")
# Parts of names of calls that ask somebody else.
_ASKING: Final = re.compile(
    r"(?i)^(?:get|fetch|load|query|find|exec|execute|request|call|send|put|post|write|save|insert|update|lookup|resolve|"
    r"select|open|connect|dial|read|publish|invoke)$"
)
_SPAWNING: Final = re.compile(r"(?i)^(?:go|chan|spawn|thread|submit|setinterval|settimeout|create_task|launch|fork)$")
_LOOP: Final = re.compile(r"\b(?:for|while|map|forEach|each|range)\b")
_DEFINED: Final = re.compile(r"\b(?:func|def|fun|fn|function)\s+(?:\([^)]*\)\s*)?(?:[\w.]+\.)?([A-Za-z_]\w*)")
VERSION: Final = re.compile(r"(?i)version|^\W*v?\d+\.\d+\.\d|\bv\d+\.\d+|20\d\d[.\-]\d\d")
_LOCKING: Final = re.compile(
    r"(?i)\b(?:alter\s+table|lock\s+table|drop\s+(?:index|table|column)|create\s+(?:unique\s+)?index(?!\s+concurrently)|"
    r"update\s+\w+\s+set)\b"
)
_STATEMENT: Final = re.compile(r"(?i)\b(?:select\b.*\bfrom|insert\s+into|delete\s+from|merge\s+into)\b")
_REGEX: Final = re.compile(r"[\[(][^\s]*[+*]")
# Fields of messages, which are known to others by their numbers alone; one such line may be a constant.
_FIELD_NUMBER: Final = re.compile(r"^\s*[\w.<>, ]+\s\w+\s*=\s*\d+\s*;\s*$")
_FIELDS: Final = 2
_SETTING: Final = re.compile(r"^\s*-?\s*[\"']?([\w.\-/]+)[\"']?\s*[:=]\s*(\S.*?)[,;]?\s*$")
_CONSTANT: Final = re.compile(r"^[A-Z][A-Z0-9_]+$")
_SWITCH: Final = frozenset({"true", "false", "on", "off", "yes", "no", "enabled", "disabled"})
_TURNING: Final = frozenset({"!", "not", "==", "!=", "&&", "||", "and", "or", "<", ">", "<=", ">=", "is"})
_ARITHMETIC: Final = frozenset({"*", "/", "%"})
_UNITS: Final = {
    word: dimension
    for dimension, words in {
        "time": "ns nanos nanosecond nanoseconds us micros ms millis millisecond milliseconds second seconds sec secs "
        "minute minutes min mins hour hours day days week weeks month months",
        "size": "byte bytes kb mb gb kib mib gib ki mi gi",
        "money": "cents minor major",
    }.items()
    for word in words.split()
}
# A line is another one's later form when so many of their tokens are the same; so many lines of each side are compared.
SAME_LINE: Final = 0.55
MOST_LINES: Final = 60
_FEW: Final = 3


@dataclass(frozen=True)
class Edit:
    """One thing that a patch does. ``power`` is 0 (can do nothing) to 1, ``effects`` what may follow from it."""

    power: float
    said: str
    effects: frozenset[Group] = frozenset()


def _edit(power: float, said: str, *effects: Group) -> Edit:
    return Edit(power, said, frozenset(effects))


def of(added: Sequence[str], removed: Sequence[str]) -> Edit:
    """The thing most likely to harm of all that lines do; comments are none of them."""
    lines = [[one for one in each if not _is_idle(one)] for each in (added, removed)]
    if not any(lines):
        return _edit(0.08, "changes only what is told or how it looks")
    sides = _Sides(*lines)
    found = list(sides.edits())
    return max(found, key=lambda one: one.power) if found else _edit(0.25, "writes the same in other words")


def _is_idle(line: str) -> bool:
    return not line.strip() or any(each.search(line) for each in (_TELLING, _DRESSING, _IMPORT))


def calls_anew(added: Sequence[str], removed: Sequence[str]) -> bool:
    """Whether something is called that was not: what is gone may have moved there."""
    more, _ = _Sides(added, removed).calls
    return bool(more)


class _Sides:
    """The two sides of a patch, taken apart."""

    def __init__(self, added: Sequence[str], removed: Sequence[str]) -> None:
        self.added, self.removed = added, removed
        both = [Counter(token for line in each for token in _TOKEN.findall(line)) for each in (added, removed)]
        self.fresh, self.gone = both[0] - both[1], both[1] - both[0]
        self._both = both

    @cached_property
    def calls(self) -> tuple[list[str], list[str]]:
        """Names that are called more often, and less often, than before."""
        here, there = (
            Counter(name for line in each for name in _CALL.findall(line) if not _NO_CALL.match(name))
            for each in (self.added, self.removed)
        )
        more, fewer = ([name for name in one if not _QUIET_CALL.match(name)] for one in (here - there, there - here))
        return more, fewer

    def edits(self) -> Iterator[Edit]:
        """Everything that they do."""
        if self._renames():
            yield _edit(0.12, "renames what nobody else sees")
            return
        yield from self._taken()
        yield from self._valued()
        yield from self._brought()
        more, fewer = self.calls
        if fewer and not more:
            yield _edit(0.65, f"no longer calls {fewer[0]}", Group.FAILING, Group.ODD)
        elif fewer and more and not self._alike():
            yield _edit(0.4, f"calls {more[0]} in place of {fewer[0]}", Group.FAILING)
        defined = {name for line in self.added for name in _DEFINED.findall(line)}
        if any(_asks(name) for name in more if name not in defined) and any(map(_LOOP.search, self.added)):
            yield _edit(0.7, "adds calls, where there is a loop", Group.SLOW, Group.STARVED, Group.BUSY)
        if not self.removed:
            yield _edit(0.35, "adds lines alone", Group.FAILING)
        elif not self._alike():
            yield _edit(0.35, "changes how it works", Group.FAILING)

    def _taken(self) -> Iterator[Edit]:
        """What is there no more."""
        more, fewer = self.calls
        released = next((one for one in fewer if _RELEASE.match(one)), "")
        if released and not any(map(_RELEASE.match, more)) and not _LOCK.search(released):
            yield _edit(0.75, f"no longer calls {released}", Group.STARVED, Group.FAILING, Group.SLOW)
        limits = self._net(_LIMIT)
        if limits:
            yield _edit(0.7, f"takes a limit away: {limits}", Group.SLOW, Group.STARVED, Group.FAILING, Group.BUSY)
        saved = self._net(_SAVING)
        if saved:
            yield _edit(0.65, f"takes {saved} away", Group.SLOW, Group.STARVED, Group.BUSY)
        guards = self._net(_GUARD)
        if guards:
            yield _edit(0.6, f"takes a check away: {guards}", Group.FAILING)
        if self.gone["await"]:
            yield _edit(0.65, "no longer awaits", Group.FAILING)

    def _net(self, words: re.Pattern[str]) -> str:
        """A token of a kind of which fewer are there than were, on balance."""
        gone = [token for token, count in self.gone.items() for _ in range(count) if self._is_name(token, words)]
        fresh = [token for token, count in self.fresh.items() for _ in range(count) if self._is_name(token, words)]
        return gone[0] if len(gone) > len(fresh) else ""

    @staticmethod
    def _is_name(token: str, words: re.Pattern[str]) -> bool:
        return token[0].isalpha() and words.search(token) is not None

    def _valued(self) -> Iterator[Edit]:
        """Values that are others."""
        units = [{(_UNITS[word], word) for word in _parts(each) if word in _UNITS} for each in (self.gone, self.fresh)]
        was, now = units[0] - units[1], units[1] - units[0]
        if any(one[0] == two[0] for one in was for two in now):
            yield _edit(0.7, f"changes a unit: {min(was)[1]} → {min(now)[1]}", *_ANY)
        switched = [Counter(one.lower() for one in each.elements() if one.lower() in _SWITCH) for each in self._both]
        if switched[1] and switched[0] != switched[1]:
            yield _edit(0.55, "turns a switch", *_ANY)
        yield from self._swapped()
        yield from self._settings()
        for each in (self.gone, self.fresh):
            if any(_REGEX.search(token) and token[0] in "\"'`" for token in each):
                yield _edit(0.5, "changes a pattern", Group.SLOW, Group.STARVED, Group.FAILING)
        if all(sum(map(bool, map(_FIELD_NUMBER.search, each))) >= _FIELDS for each in (self.added, self.removed)):
            yield _edit(0.6, "numbers fields anew", Group.FAILING, Group.ODD)

    def _settings(self) -> Iterator[Edit]:
        """Keys and values of settings."""
        keys = [_keys(each) for each in (self.removed, self.added)]
        lost, new_keys = keys[0].keys() - keys[1].keys(), keys[1].keys() - keys[0].keys()
        same = [(one, two) for one in sorted(lost) for two in sorted(new_keys) if keys[0][one] == keys[1][two]]
        same = [(one, two) for one, two in same if _is_plain(keys[0][one])]
        if same:
            yield _edit(0.62, f"renames a key: {same[0][0]} → {same[0][1]}", Group.FAILING, Group.ODD)
        changed = [one for one in sorted(keys[0].keys() & keys[1].keys()) if keys[0][one] != keys[1][one]]
        # Other numbers are more or less of the same, which is judged elsewhere.
        changed = [one for one in changed if _is_plain(keys[0][one]) and not keys[0][one].strip("\"'")[:1].isdigit()]
        if changed:
            yield _edit(0.5, f"sets {changed[0]} anew", *_ANY)

    def _swapped(self) -> Iterator[Edit]:
        """Constants and quoted words, conditions and sums of lines that stand where others stood."""
        for old, new in self._pairs():
            gone, fresh = old - new, new - old
            if any(gone[one] != fresh[one] for one in _TURNING):
                yield _edit(0.5, "changes a condition", Group.FAILING, Group.ODD)
            if any(gone[one] != fresh[one] for one in _ARITHMETIC):
                yield _edit(0.5, "computes otherwise", Group.FAILING, Group.ODD)
            if not (gone and fresh and gone.total() <= _FEW and fresh.total() <= _FEW):
                continue
            values = [[one for one in each if _is_value(one)] for each in (gone, fresh)]
            if all(values):
                yield _edit(0.6, f"changes a value: {values[0][0][:40]} → {values[1][0][:40]}", *_ANY)

    def _brought(self) -> Iterator[Edit]:
        """What was not there before."""
        text = "\n".join(self.added)
        if _LOCKING.search(text):
            yield _edit(0.6, "changes tables while they are in use", Group.SLOW, Group.FAILING, Group.STARVED)
        if _STATEMENT.search(text) and not _STATEMENT.search("\n".join(self.removed)):
            yield _edit(0.5, "asks a database for more", Group.SLOW, Group.FAILING, Group.STARVED)
        if any(self.gone[one] != self.fresh[one] for one in (*self.gone, *self.fresh) if _LOCK.search(one)):
            yield _edit(0.55, "locks otherwise", Group.SLOW, Group.STARVED, Group.FAILING)
        if any(_WAITING.match(one) for one in self.fresh):
            yield _edit(0.5, "waits where it did not", Group.SLOW, Group.FAILING, Group.STARVED)
        if any(_SPAWNING.match(one) for one in self.fresh):
            yield _edit(0.5, "starts work beside", Group.STARVED, Group.SLOW, Group.FAILING)

    def _alike(self) -> bool:
        """Whether what stands there now is mostly what stood there."""
        both = (self._both[0] & self._both[1]).total()
        return both > 0.6 * max(self._both[0].total(), self._both[1].total(), 1)

    def _renames(self) -> bool:
        """Whether some names stand for others throughout, and nothing else is new."""
        gone, fresh = dict(self.gone), dict(self.fresh)
        names = all(one.isidentifier() and not _CONSTANT.match(one) for one in (*gone, *fresh))
        return bool(
            gone
            and names
            and len(gone) == len(fresh) <= _FEW
            and sorted(gone.values()) == sorted(fresh.values())
            and not any(self.calls)
            and not any(one.lower() in _SWITCH or one.lower() in _UNITS for one in (*gone, *fresh))
            and not any(map(_is_plain, _keys((*self.added, *self.removed)).values()))
        )

    def _pairs(self) -> Iterator[tuple[Counter[str], Counter[str]]]:
        """Lines that are later forms of others, as tokens: the most alike for each."""
        olds = [Counter(_TOKEN.findall(one)) for one in self.removed[:MOST_LINES]]
        for line in self.added[:MOST_LINES]:
            new = Counter(_TOKEN.findall(line))
            best = max(olds, key=lambda old: (old & new).total(), default=None)
            if best is not None and (best & new).total() >= SAME_LINE * max(best.total(), new.total()):
                yield best, new


_ANY: Final = (Group.FAILING, Group.SLOW, Group.STARVED, Group.ODD, Group.BUSY)


def _parts(tokens: Iterable[str]) -> set[str]:
    """The words of names, in lower case."""
    return {part.lower() for one in tokens if one[0].isalpha() for part in _WORD.findall(one)}


def _asks(name: str) -> bool:
    return any(map(_ASKING.match, _WORD.findall(name)))


def _is_value(token: str) -> bool:
    """Whether a token is a value: a quoted word, a constant, a switch. A sentence is something to read."""
    if token[0] in "\"'`":
        return " " not in token.strip("\"'` ") and len(token) > 2 and not VERSION.search(token)
    return bool(_CONSTANT.match(token)) or token.lower() in _SWITCH


def _keys(lines: Iterable[str]) -> dict[str, str]:
    found = (match for match in map(_SETTING.match, lines) if match)
    return {one[1]: one[2] for one in found}


def _is_plain(value: str) -> bool:
    return "(" not in value and len(value.split()) <= _FEW
