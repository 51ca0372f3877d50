"""Secrets taken out of configuration before anything is kept. Pure.

In place of a secret stands ``[secret 3f9a17c2]``: a tag of it under a key of this installation, so that a change of a
secret is seen and the secret is not. Without the key a tag cannot be turned back.

Configuration gives secrets away by their names far more often than by their looks. What a telling name introduces goes
whole: to the closing quotation mark or bracket, to the end of an indented block, else to the end of the line, since a
password may hold blanks, commas and semicolons. What tokens look like comes after (see ``secrets``).
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Sequence

import polars as pl

from mainstay.change.configs import secrets

_MARK = re.compile(r"\[secret [0-9a-f]{8}\]")
_OPENING = {"{": "}", "[": "]"}
# A quoted value or one in brackets that does not end within so many characters is taken for one without an end.
_LONGEST = 20_000
# Scalars within a bracket or a block: what is quoted, or a bare word that no colon follows.
_SCALARS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s{}\[\],:\"']+(?!\s*[:=])")
_BARE_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?=\s*[,}\]])")
# The value in a line of a nested map or list.
_ITEM = re.compile(r"(?m)^[ \t]*(?:- +)*(?:[\w.\-\"'/]+[ \t]*:(?=\s)[ \t]*)?(\S[^\n]*)$")
_TRIPLE = {'"""', "'''", "```"}
_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?[ \t]*(?:#.*)?(?=\n|\Z)")

Mark = Callable[[str], str]


def tag_of(secret: str, key: bytes) -> str:
    """Eight hexadecimal digits that stand for a secret under a key."""
    return hmac.new(key, secret.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:8]


def masked(texts: Sequence[str], key: bytes) -> list[str]:
    """The texts without their secrets. Those that cannot have any cost one pass of an automaton."""
    suspect = pl.Series(texts, dtype=pl.String).str.contains(secrets.TRIGGER).to_list()

    def mark(secret: str) -> str:
        bare = secret.strip().strip("\"'`")
        if not bare or bare.lower() in secrets.NOTHING or secrets.REFERENCE.fullmatch(bare) or _MARK.search(bare):
            return secret
        inner = secret.strip()
        quote = inner[0] if len(inner) > 1 and inner[0] in "\"'" and inner[-1] == inner[0] else ""
        before, after = secret[: secret.index(inner)], secret[secret.index(inner) + len(inner) :]
        return f"{before}{quote}[secret {tag_of(bare, key)}]{quote}{after}"

    return [_without(text, mark) if one else text for text, one in zip(texts, suspect, strict=True)]


def _without(text: str, mark: Mark) -> str:
    text = _named(secrets.KEY_BLOCK.sub(lambda found: mark(found.group()), text), mark)
    for pattern in secrets.PATTERNS:
        text = pattern.sub(lambda found: found.group(1) + mark(found.group(2)), text)
    return text


def _named(text: str, mark: Mark) -> str:
    """The text with the values of telling names taken out."""
    in_secret = secrets.SECRET_DOCUMENT.search(text) is not None
    parts, at = [], 0
    for found in secrets.NAMED.finditer(text):
        if found.end() < at or not secrets.telling(found["name"], in_secret=in_secret):
            continue
        for start, end in _values(text, found):
            value = text[start:end]
            if start < at or (found["name"].lower().endswith("key") and secrets.PATH.fullmatch(value.strip("\"' "))):
                continue
            parts += [text[at:start], mark(value)]
            at = end
    return "".join([*parts, text[at:]])


def _values(text: str, found: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Where the values are that a name introduces: one, or those within its brackets or its block."""
    at = found.end()
    sign = text[at : at + 1]
    if text[at : at + 3] in _TRIPLE:
        end = text.find(text[at : at + 3], at + 3)
        yield at + 3, end if end >= 0 else _line_end(text, at)
    elif _MARK.match(text, at):
        return
    elif sign in {'"', "'"} and (end := _closing_quote(text, at, sign)):
        yield at, end
    elif sign in _OPENING and not text.startswith("{{", at) and (end := _closing_bracket(text, at)):
        yield from ((at + one.start(), at + one.end()) for one in _SCALARS.finditer(text[at:end]))
    elif block := _BLOCK.match(text, at):
        yield block.end(), _block_end(text, block.end() + 1, _indent(text, found.start()))
    elif sign in {"\n", ""}:
        end = _block_end(text, at + 1, _indent(text, found.start()))
        yield from ((at + one.start(1), at + one.end(1)) for one in _ITEM.finditer(text[at:end]))
    elif number := _BARE_NUMBER.match(text, at):
        yield number.span()
    else:
        yield at, _line_end(text, at)


def _line_end(text: str, at: int) -> int:
    """The end of the line, and of those that a backslash joins to it."""
    end = text.find("\n", at)
    while end > 0 and text[end - 1] == "\\":
        end = text.find("\n", end + 1)
    return end if end >= 0 else len(text)


def _closing_quote(text: str, at: int, quote: str) -> int:
    """Behind the mark that closes, however many lines on, or 0."""
    place = at + 1
    while place < min(len(text), at + _LONGEST):
        if text[place] == "\\":
            place += 1
        elif text[place] == quote:
            return place + 1
        place += 1
    return 0


def _closing_bracket(text: str, at: int) -> int:
    """Behind the bracket that closes, or 0."""
    wanted: list[str] = []
    place = at
    while place < min(len(text), at + _LONGEST):
        sign = text[place]
        if sign in {'"', "'"} and (end := _closing_quote(text, place, sign)):
            place = end
            continue
        if sign in _OPENING:
            wanted.append(_OPENING[sign])
        elif wanted and sign == wanted[-1]:
            wanted.pop()
            if not wanted:
                return place + 1
        place += 1
    return 0


def _indent(text: str, at: int) -> int:
    """How far the line is indented on which a name stands; the dash of a list counts as part of it."""
    start = text.rfind("\n", 0, at) + 1
    line = text[start : start + 400]
    return len(line) - len(line.lstrip(" \t"))


def _block_end(text: str, start: int, indent: int) -> int:
    """The end of the lines that are indented further, or are items of a list as far in."""
    place = start
    while place < len(text):
        end = text.find("\n", place)
        end = end if end >= 0 else len(text)
        line = text[place:end]
        deep = len(line) - len(line.lstrip(" \t"))
        if line.strip() and deep <= indent and not (deep == indent and line.lstrip().startswith("- ")):
            break
        place = end + 1
    return min(place, len(text))
