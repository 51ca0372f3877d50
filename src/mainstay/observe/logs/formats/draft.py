"""A first pattern for a line, made from the line itself: what varies, by its looks, as names; all else as it stands."""

import re
from collections.abc import Callable

import polars as pl

from mainstay.observe.logs.formats.pattern import FormatError, parse
from mainstay.observe.logs.reading import times

_MOST_SIGNS, _MOST_FIELDS = 1000, 20
_ANYTHING = "%{GREEDYDATA:message}"
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_IP = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
_URI = r"[A-Za-z][A-Za-z0-9+.-]{0,15}://[^\s\"'<>,;)\]}]+"
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|(?<!\w)'(?:[^'\\]|\\.)*'(?!\w)"
_PATH = r"(?<![\w.])/[\w.-]+(?:/[\w.-]*)+"
_INT, _FLOAT = r"[+-]?[0-9]+", r"[+-]?[0-9]+\.[0-9]+"
_PAIR = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]{0,60})=(\"(?:[^\"\\]|\\.)*\"|[^\s,;|\[\](){}\"]+)", re.ASCII)
# What a line is searched for, the surest first: how it looks, its name in the pattern, and that of the field.
_SHAPES = tuple(
    (re.compile(looks, re.ASCII), name, field)
    for looks, name, field in (
        (rf"(?<!\w){times.pattern_of('iso')}(?!\w)", "TIMESTAMP_ISO8601", "time"),
        (rf"(?<!\w){times.pattern_of('web')}(?!\w)", "HTTPDATE", "time"),
        (rf"(?<!\w){times.pattern_of('syslog')}(?!\w)", "SYSLOGTIMESTAMP", "time"),
        (r"\b(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE)\b", "LOGLEVEL", "level"),
        (_URI, "URI", "url"),
        (rf"\b{_UUID}\b", "UUID", "id"),
        (rf"(?<![\w.]){_IP}(?![\w.])", "IP", "ip"),
        (_QUOTED, "QUOTEDSTRING", "text"),
        (_PATH, "PATH", "path"),
        (r"(?<![\w.:])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?![\w:])", "TIME", "clock"),
    )
)
_VALUES = ((_FLOAT, "NUMBER", "float"), (_INT, "INT", "int"), (_UUID, "UUID", ""), (_IP, "IP", ""), (_URI, "URI", ""))
_NUMBER = re.compile(rf"(?<![\w.:-])(?:{_FLOAT}|{_INT})(?=[a-zA-Z%]{{0,3}}(?![\w.:-]*\w))", re.ASCII)
_WORD_BEFORE = re.compile(r"([A-Za-z_]\w{0,40})[ :#(]{0,3}\Z", re.ASCII)
_UNIT = r"(?:(?:[nuµm]?s|min|h|[kKMG]?B|bytes|%)(?!\w))?"
_WORDS = re.compile(rf"(\s*{_UNIT}[\s,;:|)\]}}>-]*)\S+\s+\S+\s+\S.*\Z", re.DOTALL)
_MEANS_SOMETHING = re.compile(r"[\\.^$*+?{}\[\]|()]")


class _Draft:
    """Stretches of a line that were taken, each with its part of the pattern."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._taken: dict[int, tuple[int, str]] = {}
        self._names: set[str] = set()

    def take(self, start: int, end: int, part: Callable[[str], str], field: str) -> None:
        """Take a stretch unless something of it is taken; ``part`` makes the pattern from the name of the field."""
        if len(self._taken) >= _MOST_FIELDS or any(start < to and end > at for at, (to, _) in self._taken.items()):
            return
        numbered = (f"{field}{count}" if count > 1 else field for count in range(1, _MOST_FIELDS + 2))
        name = next(name for name in numbered if name not in self._names)
        self._names.add(name)
        self._taken[start] = end, part(name)

    def text(self) -> str:
        """The pattern. Three words and more at the end, of which nothing was taken, are the message."""
        parts, place = [], 0
        for start, (end, part) in sorted(self._taken.items()):
            parts += [_literal(self._line[place:start]), part]
            place = end
        rest = self._line[place:]
        words = _WORDS.match(rest)
        if words and "message" not in self._names:
            return "".join([*parts, _literal(words[1]), _ANYTHING])
        return "".join([*parts, _literal(rest)])


def draft(line: str) -> str:
    """A pattern that fits the line (its first line, and of that the beginning)."""
    line = line.partition("\n")[0][:_MOST_SIGNS]
    made = _Draft(line)
    for looks, name, field in _SHAPES[:3]:
        for found in looks.finditer(line):
            made.take(found.start(), found.end(), _named(name), field)
    for found in _PAIR.finditer(line):
        made.take(found.start(2), found.end(2), _value(found[2], line[found.end() : found.end() + 1]), found[1])
    for looks, name, field in _SHAPES[3:]:
        for found in looks.finditer(line):
            made.take(found.start(), found.end(), _named(name), field)
    for found in _NUMBER.finditer(line):
        before = _WORD_BEFORE.search(line[: found.start()])
        kind = _named("NUMBER", "float") if "." in found[0] else _named("INT", "int")
        made.take(found.start(), found.end(), kind, before[1].lower() if before else "number")
    text = made.text()
    return text if _is_good(text, line) else _ANYTHING


def _named(name: str, kind: str = "") -> Callable[[str], str]:
    return lambda field: f"%{{{name}:{field}:{kind}}}" if kind else f"%{{{name}:{field}}}"


def _value(text: str, follows: str) -> Callable[[str], str]:
    """The part for the value of a pair, by its looks and by the sign that ends it."""
    if text.startswith('"'):
        return _named("QUOTEDSTRING")
    for looks, name, kind in _VALUES:
        if re.fullmatch(looks, text):
            return _named(name, kind)
    if not follows.strip():
        return _named("NOTSPACE")
    return lambda field: f"(?<{field}>[^{_literal(follows)} ]+)"


def _literal(text: str) -> str:
    """Text as it stands; blanks may be more or fewer where there are several."""
    return re.sub(r"\s{2,}|\t", r"\\s+", _MEANS_SOMETHING.sub(r"\\\g<0>", text))


def _is_good(text: str, line: str) -> bool:
    try:
        pattern = parse(text)
    except FormatError:
        return False
    return bool(pattern.fields) and bool(pl.Series([line]).str.contains(pattern.expression()).all())
