"""A pattern in grok, or a regular expression with named groups, as one regular expression that takes linear time.

A pattern is read once from left to right into elements that stand one after another, so that it can be said up to which
of them a line fits. What an engine without backtracking cannot do (lookaround, backreferences) is refused with its
place and with what to write instead; so is what would become too large.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from mainstay.observe.logs.formats.names import NAMES
from mainstay.observe.logs.reading.expressions import ascii_only

TYPES = ("int", "float", "text")
_DEPTH = 12
_FIELD = re.compile(r"[A-Za-z_@][\w.@-]{0,119}\Z")
_TOKEN = re.compile(
    r"""
    (?P<grok>%\{(?P<name>\w+)(?::(?P<field>[^:}]*))?(?::(?P<type>[^}]*))?\})
  | (?P<escape>\\(?:[pP]\{[^}]*\} | x\{[^}]*\} | x[0-9A-Fa-f]{2} | .))
  | (?P<set>\[\^?\]?(?:\[:\^?\w+:\] | \\. | [^\]\\\[])*\])
  | (?P<open>\((?:\?(?:P?<(?P<group>\w[^>]*)> | (?P<flags>[imsU]+(?:-[imsU]+)?|-[imsU]+)?(?P<colon>[:)]) )?)?)
  | (?P<close>\))
  | (?P<repeat>(?:[*+?] | \{(?P<low>\d+)(?P<to>,(?P<high>\d*))?\})\??)
  | (?P<bar>\|)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_REMEDIES = (
    ("(?=", "lookahead is not supported", "write what follows as a part of the pattern"),
    ("(?!", "negative lookahead is not supported", "write what may stand there, such as [^ ]+"),
    ("(?<=", "lookbehind is not supported", "write what goes before as a part of the pattern"),
    ("(?<!", "negative lookbehind is not supported", "write what may go before as a part of the pattern"),
    ("(?>", "an atomic group is not supported", "write (?:…): nothing is tried twice anyway"),
    ("(?P=", "a backreference is not supported", "write the expression again"),
    ("(?#", "a comment is not supported", "say it in the name of the format"),
    ("(?(", "a condition is not supported", "write both cases with | between them"),
)
_ESCAPES = {
    **dict.fromkeys("123456789k", ("a backreference is not supported", "write the expression again")),
    "Z": ("\\Z is not supported", "write $"),
    "G": ("\\G is not supported", "leave it out: a pattern begins at the beginning of the line"),
    "K": ("\\K is not supported", "name the part that you want"),
    "R": ("\\R is not supported", "leave it out: a pattern sees the first line of a record"),
    "h": ("\\h is not supported", "write [0-9a-f], or [ \\t] for blanks"),
    "Q": ("\\Q is not supported", "put a backslash before each sign that has a meaning"),
}


class FormatError(ValueError):
    """A format cannot be used: ``field`` of it is wrong, at the place ``at`` (0-based) where there is one."""

    def __init__(self, field: str, problem: str, remedy: str = "", at: int | None = None) -> None:
        place = "" if at is None else f", character {at + 1}"
        super().__init__(f"{field}{place}: {problem}" + (f"; {remedy}" if remedy else ""))
        self.field, self.at, self.problem, self.remedy = field, at, problem, remedy


@dataclass(frozen=True)
class Limits:
    """How large a pattern may be: its signs, its named parts, and the states of its expression (about)."""

    signs: int = 2000
    groups: int = 50
    states: int = 20_000


@dataclass(frozen=True)
class Field:
    """A named part: ``group`` is its name in the expression, ``name`` what people call it, ``type`` of ``TYPES``."""

    group: str
    name: str
    type: str = "text"


@dataclass(frozen=True)
class Element:
    """What stands between two places where a pattern may be cut: as it was written, as an expression, its fields.

    ``states`` is about how many states it takes. What is ``plain`` stands for itself.
    """

    text: str
    expression: str
    fields: tuple[Field, ...] = ()
    states: int = 1
    plain: bool = False
    repeated: bool = False


@dataclass(frozen=True)
class Pattern:
    """``flags`` hold for all of it. ``elements`` follow on one another from the beginning of a line."""

    flags: str
    elements: tuple[Element, ...]
    fields: tuple[Field, ...] = field(default=())

    def expression(self, whole: str = "") -> str:
        """The expression, anchored at the beginning; ``whole`` names a group around all of it."""
        inner = "".join(one.expression for one in self.elements)
        return rf"{self.flags}\A" + (f"(?P<{whole}>{inner})" if whole else f"(?:{inner})")

    def first(self, count: int) -> "Pattern":
        """Its first elements."""
        return replace(self, elements=self.elements[:count])


def parse(text: str, own: Mapping[str, str] | None = None, limits: Limits | None = None) -> Pattern:
    """Read a pattern; ``own`` are further names with what they stand for. Raises ``FormatError``."""
    limits, own = limits or Limits(), own or {}
    if not text.strip():
        raise FormatError("pattern", "there is none", "write what a line looks like: %{WORD:job} %{INT:rows:int}")
    if "\n" in text or "\x00" in text:
        raise FormatError("pattern", "it has more than one line", "write one line: a pattern sees one line of text")
    for name in own:
        if not re.fullmatch(r"\w{1,60}", name):
            raise FormatError(f"patterns.{name}", "this is no name", "write letters, digits and underscores")
    length = len(text) + sum(map(len, own.values()))
    if length > limits.signs:
        raise FormatError("pattern", f"it has {length} signs, and {limits.signs} may be", "see log_format_signs")
    flags = re.match(r"\(\?[imsU]+\)", text)
    shift = flags.end() if flags else 0
    reader = _Reader(own, limits)
    elements = tuple(reader.elements(text[shift:], "pattern", shift, ()))
    pattern = Pattern(flags.group() if flags else "", elements, tuple(reader.fields))
    try:
        pl.Series([""]).str.contains(pattern.expression())
    except pl.exceptions.ComputeError as error:
        said = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise FormatError("pattern", f"it cannot be compiled: {said[-1].removeprefix('error: ')}") from None
    return pattern


class _Reader:
    """Turns text into elements. ``fields`` are all named parts so far."""

    def __init__(self, own: Mapping[str, str], limits: Limits) -> None:
        self._own, self._limits = own, limits
        self.fields: list[Field] = []

    def elements(self, text: str, where: str, shift: int, trail: tuple[str, ...]) -> list[Element]:
        """The elements of a text that stands in the field ``where`` at ``shift``."""
        found: list[Element] = []
        # Of each group that is open: the elements before it, where it begins, how, and how many fields were before it.
        outer: list[tuple[list[Element], int, str, int]] = []
        bars, first = [False], len(self.fields)
        for token in _TOKEN.finditer(text):
            at = shift + token.start()
            if token["open"]:
                before = len(self.fields)
                outer.append((found, token.start(), self._open(token, text, where, at), before))
                bars.append(False)
                found = []
            elif token["close"]:
                if not outer:
                    raise FormatError(where, "this ) closes nothing", r"write \) for the sign itself", at)
                inside, (found, begin, opens, before) = found, outer.pop()
                bars.pop()
                found.append(self._group(text[begin : token.end()], opens, inside, before))
            elif token["repeat"]:
                self._repeat(token, found, where, at)
            elif token["bar"]:
                bars[-1] = True
                found.append(Element("|", "|"))
            else:
                found.append(self._single(token, where, at, trail))
            self._check_size(found, where)
        if outer:
            raise FormatError(where, "this ( is not closed", r"write \( for the sign itself", shift + outer[-1][1])
        # A choice between whole patterns cannot be cut.
        return [self._group(text, "(?:", found, first)] if bars[0] else list(_runs(found))

    def _check_size(self, found: list[Element], where: str) -> None:
        states = sum(one.states for one in found)
        if states > self._limits.states:
            remedy = "repeat less, or write + instead of a large number; see log_format_states"
            raise FormatError(where, f"it takes more than {self._limits.states} states", remedy)

    def _open(self, token: re.Match[str], text: str, where: str, at: int) -> str:
        """The beginning of a group as it goes into the expression."""
        rest = text[token.start() :]
        for start, problem, remedy in _REMEDIES:
            if rest.startswith(start):
                raise FormatError(where, problem, remedy, at)
        if token["group"]:
            return f"(?P<{self._field(token['group'], 'text', where, at).group}>"
        if token["colon"] == ")":
            raise FormatError(where, "flags may stand at the beginning only", "write (?i:…) around a part", at)
        if rest.startswith("(?") and not token["colon"]:
            raise FormatError(where, f"{rest[:3]} is no kind of group", "write (?:…) or (?P<name>…)", at)
        return f"(?{token['flags'] or ''}:"

    def _field(self, name: str, kind: str, where: str, at: int) -> Field:
        if not _FIELD.match(name):
            raise FormatError(where, f"{name!r} is no name of a field", "write letters, digits, dots, dashes and _", at)
        if kind not in TYPES:
            raise FormatError(where, f"{kind!r} is no type", f"write one of {', '.join(TYPES)}", at)
        if len(self.fields) >= self._limits.groups:
            raise FormatError(where, f"it has more than {self._limits.groups} named parts", "see log_format_groups", at)
        known = next((one for one in self.fields if one.name == name and one.type != kind), None)
        if known:
            raise FormatError(where, f"{name} is {known.type} before and {kind} here", "give it one type", at)
        self.fields.append(Field(f"g{len(self.fields)}", name, kind))
        return self.fields[-1]

    def _repeat(self, token: re.Match[str], found: list[Element], where: str, at: int) -> None:
        if not found or found[-1].text == "|":
            raise FormatError(where, f"{token[0]} repeats nothing", f"write \\{token[0][0]} for the sign itself", at)
        last = found[-1]
        if last.repeated:
            remedy = "leave the second sign out: nothing is tried twice anyway"
            raise FormatError(where, f"{token[0]} after a repetition is not supported", remedy, at)
        low, high = token["low"], token["high"]
        times = max(int(low or 1), int(high or 0), int(low or 0) + 1 if token["to"] and not high else 1)
        expression = f"(?:{last.expression}){token[0]}"
        states = last.states * max(times, 1) + 1
        found[-1] = Element(last.text + token[0], expression, last.fields, states, repeated=True)

    def _single(self, token: re.Match[str], where: str, at: int, trail: tuple[str, ...]) -> Element:
        """A name, an escape, a set of signs, or a sign that stands for itself."""
        if token["grok"]:
            return self._name(token, where, at, trail)
        text = token[0]
        if token["escape"]:
            if text[1] in _ESCAPES:
                problem, remedy = _ESCAPES[text[1]]
                raise FormatError(where, problem, remedy, at)
            return Element(text, ascii_only(text), states=40 if text[1] in "DSWbBpP" else 1, plain=True)
        if token["set"]:
            return Element(text, ascii_only(text), states=10)
        if text == "[":
            raise FormatError(where, "this [ begins no set of signs", r"close it with ], or write \[", at)
        if text == "%" and token.string[token.end() :].startswith("{"):
            remedy = r"write %{NAME}, %{NAME:field} or %{NAME:field:int}; %\{ for the signs themselves"
            raise FormatError(where, "this %{ names nothing", remedy, at)
        if text == "\\":
            raise FormatError(where, "nothing follows this backslash", r"write \\ for the sign itself", at)
        if text in "{}":
            return Element(text, "\\" + text, plain=True)
        return Element(text, text, states=8 if text == "." else len(text.encode()), plain=text not in ".^$")

    def _name(self, token: re.Match[str], where: str, at: int, trail: tuple[str, ...]) -> Element:
        name = token["name"]
        meaning = self._own.get(name, NAMES.get(name))
        if meaning is None:
            near = _nearest(name, [*self._own, *NAMES])
            remedy = f"did you mean {near}?" if near else "define it under patterns, or use a name of the reference"
            raise FormatError(where, f"there is no {name}", remedy, at)
        if name in trail or len(trail) >= _DEPTH:
            raise FormatError(where, f"{name} stands for itself", "take one of its uses out", at)
        before = len(self.fields)
        own = self._field(token["field"], token["type"] or "text", where, at) if token["field"] else None
        inner_where, shift = (f"patterns.{name}", 0) if name in self._own else (where, at)
        parts = self.elements(meaning, inner_where, shift, (*trail, name))
        return self._group(token[0], f"(?P<{own.group}>" if own else "(?:", parts, before)

    def _group(self, text: str, opens: str, parts: list[Element], before: int) -> Element:
        """Parts put together; ``before`` fields were there before them."""
        inside = "".join(one.expression for one in parts)
        states = sum(one.states for one in parts) + 1
        return Element(text, f"{opens}{inside})", tuple(self.fields[before:]), states)


def _runs(found: list[Element]) -> Iterator[Element]:
    """Signs that stand for themselves put together as words, so that elements are what a person would call parts."""
    run: list[Element] = []
    for one in found:
        if run and (not one.plain or run[-1].text == " "):
            yield _run(run)
            run = []
        if one.plain:
            run.append(one)
        else:
            yield one
    if run:
        yield _run(run)


def _run(run: list[Element]) -> Element:
    text = "".join(one.text for one in run)
    return Element(text, "".join(one.expression for one in run), states=sum(one.states for one in run), plain=True)


def _nearest(name: str, names: list[str]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(name.upper(), names, 1, 0.6)), "")
