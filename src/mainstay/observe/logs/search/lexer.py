"""From the text of a query to its tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mainstay.observe.logs.search.query import BARE_NAME, WORDS_OF_THE_LANGUAGE


class QueryError(ValueError):
    """The query cannot be read. ``at`` is the character where the trouble begins, ``length`` how far it reaches.

    ``expected`` says what could stand there, ``remedy`` what to write instead.
    """

    def __init__(self, problem: str, at: int, *, expected: str = "", remedy: str = "", length: int = 1) -> None:
        self.problem, self.at, self.length, self.expected, self.remedy = problem, at, max(length, 1), expected, remedy
        parts = [f"{problem} (character {at + 1})"]
        parts += [f"expected {expected}"] if expected else []
        super().__init__("; ".join(parts) + (f". {remedy}" if remedy else ""))


@dataclass(frozen=True)
class Token:
    """One piece. Kinds: word, quoted, glob, regex, name, op, and each sign as itself; ``end`` closes the list."""

    kind: str
    value: str
    at: int
    length: int = 1
    parts: tuple[str, ...] = ()


_SPACE = re.compile(r"\s+")
_OP = re.compile(r"[<>]=?")
_ENDS_WORD = frozenset(' \t\r\n\f\v"()[]')


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a query. Raises ``QueryError``."""
    place, after_colon = 0, False
    while True:
        space = _SPACE.match(text, place)
        if space:
            if after_colon:
                raise _no_value(text, place)
            place = space.end()
        if place >= len(text):
            if after_colon:
                raise _no_value(text, place)
            yield Token("end", "", len(text))
            return
        token = _one(text, place, after_colon=after_colon)
        place += token.length
        after_colon = token.kind == "name" or (token.kind == "op" and after_colon)
        yield token


def _no_value(text: str, place: int) -> QueryError:
    return QueryError(
        "a value is missing after the colon",
        min(place, len(text)),
        expected="a value right after it, such as level:error",
        remedy='Put text that contains a colon in quotes: "Error: refused".',
    )


def _one(text: str, place: int, *, after_colon: bool) -> Token:
    sign = text[place]
    if sign in "()[]":
        return Token(sign, sign, place)
    if sign == '"':
        return _quoted(text, place)
    if sign == "/":
        regex = _regex(text, place)
        if regex:
            return regex
    found = _OP.match(text, place) if after_colon else None
    if found:
        return Token("op", found[0], place, len(found[0]))
    if sign == "-" and not after_colon:
        following = text[place + 1 : place + 2]
        if not following or following.isspace() or following == "-":
            raise QueryError(
                "a minus sign stands before nothing that could be left out",
                place,
                expected="a word right after it, such as -debug",
                remedy='Put text that begins with a minus sign in quotes: "--force".',
            )
        return Token("-", "-", place)
    return _word(text, place, after_colon=after_colon)


def _quoted(text: str, place: int) -> Token:
    value, at = [], place + 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and text[at + 1 : at + 2] in {'"', "\\"}:
            at += 1
        value.append(text[at])
        at += 1
    if at >= len(text):
        raise QueryError("the quotes are not closed", place, expected='a second "', length=len(text) - place)
    if text[at + 1 : at + 2] == ":":
        return Token("name", "".join(value), place, at + 2 - place)
    if not value:
        raise QueryError("there is nothing between the quotes", place, expected="text", length=2)
    return Token("quoted", "".join(value), place, at + 1 - place)


def _regex(text: str, place: int) -> Token | None:
    """A regular expression ends at the first slash, and after it a space, a bracket or nothing: else it is a path."""
    found = re.compile(r"/((?:[^/\\]|\\.)+)/(?=[\s)]|\Z)", re.DOTALL).match(text, place)
    if not found:
        return None
    return Token("regex", re.sub(r"(\\[^/])|\\/", lambda one: one[1] or "/", found[1]), place, len(found[0]))


def _word(text: str, place: int, *, after_colon: bool) -> Token:
    """Everything up to a space, a quote, a bracket or, in the name of a field, a colon."""
    parts, at, escaped = [""], place, False
    while at < len(text) and text[at] not in _ENDS_WORD:
        sign = text[at]
        if sign == ":" and not after_colon and not escaped and len(parts) == 1 and _is_name(text, place, at):
            return Token("name", parts[0], place, at + 1 - place)
        if sign == "\\" and at + 1 < len(text):
            escaped = True
            at += 1
            parts[-1] += text[at]
        elif sign == "*":
            parts.append("")
        else:
            parts[-1] += sign
        at += 1
    raw = text[place:at]
    if len(parts) > 1:
        return Token("glob", raw, place, len(raw), tuple(parts))
    if raw in WORDS_OF_THE_LANGUAGE:
        return Token({"&&": "AND", "||": "OR"}.get(raw, raw), raw, place, len(raw))
    return Token("word", parts[0], place, len(raw))


def _is_name(text: str, start: int, colon: int) -> bool:
    """Whether what stands before a colon names a field: not so in ``12:30`` and ``http://host``."""
    return bool(BARE_NAME.match(text[start:colon])) and text[colon + 1 : colon + 3] != "//"
