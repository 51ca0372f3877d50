"""From the text of a statement to its tokens, as the server reads it.

Where servers of one dialect read differently, by version or by setting, the text is refused: a string that ends in one
place for us and in another for the server is how a write hides in a read.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mainstay.restore.sqldesk.judge.harmless.mysql import HINTS
from mainstay.restore.sqldesk.judge.verdict import Dialect, RefusedError, Rule

MAX_DEPTH, MAX_BRACKETS = 40, 200


@dataclass(frozen=True)
class Token:
    """One piece. Kinds: word, name (a quoted identifier), string, number, parameter, operator, comment, and each sign
    of ``( ) [ ] { } , ; . :`` as itself. ``value`` is a word in lower case, a name without its quotes."""

    kind: str
    value: str
    start: int
    end: int


_SPACE = re.compile(r"(?:[ \t\n]|\r\n)+")
_WORD = re.compile(r"[^\W\d]\w*")
_WORD_MYSQL = re.compile(r"[^\W\d][\w$]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|0[bB][01]+|(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_OPERATOR_SIGNS = frozenset("+-*/<>=~!@#%^&|`?")
_OPERATORS = re.compile(r"->>|->|<=>|<<|>>|<=|>=|<>|!=|==|:=|\|\||&&|[-+*/%<>=~!&|^]")
_SINGLES = frozenset("()[]{},;.:")
_DOLLAR_TAG = re.compile(r"\$(?:[A-Za-z_][A-Za-z_0-9]*)?\$")
_SHORTER = "Ask in parts, or name a range or a query instead of a long list"
_SPACE_BUT_READ_DIFFERENTLY = "Write a plain space or a line feed there"


def tokens(sql: str, dialect: Dialect, most: int | None = None) -> list[Token]:
    """All tokens, comments among them, and not more than ``most`` where that is given. Raises ``RefusedError``."""
    found: list[Token] = []
    place, depth, brackets = 0, 0, 0
    read = _READERS[dialect]
    while place < len(sql):
        space = _SPACE.match(sql, place)
        if space:
            place = space.end()
            continue
        if len(found) == most:
            raise RefusedError(Rule.TOO_LONG, f"The statement has more than {most} words and signs", _SHORTER, place)
        token = read(sql, place)
        depth += (token.kind in "([") - (token.kind in ")]")
        brackets += token.kind == "["
        if depth > MAX_DEPTH or brackets > MAX_BRACKETS:
            raise RefusedError(
                Rule.TOO_DEEP,
                "There are too many brackets, or they are nested too deep",
                "Split the query with WITH",
                place,
            )
        found.append(token)
        place = token.end
    return found


def blanked(sql: str, found: list[Token]) -> str:
    """The statement with spaces in place of comments: every other character stays where it was."""
    pieces: list[str] = []
    place = 0
    for token in found:
        if token.kind == "comment":
            pieces += [sql[place : token.start], re.sub(r"[^\n]", " ", sql[token.start : token.end])]
            place = token.end
    return "".join([*pieces, sql[place:]])


def _ambiguous(what: str, remedy: str, at: int) -> RefusedError:
    return RefusedError(Rule.AMBIGUOUS, what, remedy, at)


def _postgres(sql: str, at: int) -> Token:
    sign, two = sql[at], sql[at : at + 2]
    if two in {"--", "/*"}:
        return _comment(sql, at)
    if sign in "eE" and two[1:] == "'":
        return _string(sql, at, at + 1, "'", escapes=True)
    if sign in "uU" and two[1:] == "&" and sql[at + 2 : at + 3] in {"'", '"'}:
        raise _ambiguous("A U& escape hides what is written", "Write the characters themselves", at)
    if sign in "bBxXnN" and two[1:] == "'":
        return _string(sql, at, at + 1, "'")
    if sign == "'":
        return _string(sql, at, at, "'")
    if sign == '"':
        return _name(sql, at, '"')
    if sign == "$":
        return _dollar(sql, at)
    if sign in _OPERATOR_SIGNS and sign != "`":
        return _postgres_operator(sql, at)
    if sql[at : at + 2] in {"::", ":="}:
        return Token("operator", sql[at : at + 2], at, at + 2)
    return _common(sql, at, _WORD)


def _mysql(sql: str, at: int) -> Token:
    sign, two = sql[at], sql[at : at + 2]
    if two == "--":
        if sql[at + 2 : at + 3].strip(" \t\n\r"):
            raise _ambiguous("-- starts a comment only with a space behind it", "Write a space between or behind", at)
        return _comment(sql, at)
    if two == "/*" or sign == "#":
        return _comment(sql, at, mysql=True)
    if sign in "bBxXnN" and two[1:] == "'":
        return _string(sql, at, at + 1, "'")
    if sign in "'\"":
        return _string(sql, at, at, sign)
    if sign == "`":
        return _name(sql, at, "`")
    if sign == "@":
        return _mysql_variable(sql, at)
    if sign == "?":
        return Token("parameter", sign, at, at + 1)
    return _common(sql, at, _WORD_MYSQL)


def _sqlite(sql: str, at: int) -> Token:
    sign, two = sql[at], sql[at : at + 2]
    if two in {"--", "/*"}:
        return _comment(sql, at)
    if sign in "xX" and two[1:] == "'":
        return _string(sql, at, at + 1, "'", backslash=False)
    if sign == "'":
        return _string(sql, at, at, "'", backslash=False)
    if sign in '"`':
        return _name(sql, at, sign)
    if sign == "[":
        end = sql.find("]", at)
        if end < 0:
            raise RefusedError(Rule.UNREADABLE, "A name in brackets has no end", "Close it with ]", at)
        return Token("name", sql[at + 1 : end], at, end + 1)
    if sign == "?":
        digits = re.compile(r"\?\d*").match(sql, at)
        return Token("parameter", sign, at, digits.end() if digits else at + 1)
    return _common(sql, at, _WORD)


_READERS: dict[Dialect, Callable[[str, int], Token]] = {
    Dialect.POSTGRES: _postgres,
    Dialect.MYSQL: _mysql,
    Dialect.SQLITE: _sqlite,
}


def _common(sql: str, at: int, words: re.Pattern[str]) -> Token:
    """What all dialects have: words, numbers, signs, ``:name``."""
    sign = sql[at]
    number = _NUMBER.match(sql, at)
    if number:
        behind = sql[number.end() : number.end() + 1]
        if behind.isalnum() or behind in {"_", "$"}:
            raise _ambiguous("A number runs into a word", "Write a space between them", at)
        return Token("number", number.group(), at, number.end())
    word = words.match(sql, at)
    if word:
        return _word(word.group(), at)
    if sign == ":":
        name = _WORD.match(sql, at + 1)
        if name and not sql[at - 1 : at].isalnum():
            return Token("parameter", name.group(), at, name.end())
    operator = _OPERATORS.match(sql, at)
    if operator:
        return Token("operator", operator.group(), at, operator.end())
    if sign in _SINGLES:
        return Token(sign, sign, at, at + 1)
    raise _stray(sign, at)


def _word(text: str, at: int) -> Token:
    """A word. A sign that turns into a plain letter when its case changes makes a keyword for some, not for others."""
    for place, sign in enumerate(text):
        forms = (sign.upper(), sign.lower(), unicodedata.normalize("NFKC", sign))
        if not sign.isascii() and any(form.isascii() for form in forms):
            raise _stray(sign, at + place)
    return Token("word", text.lower(), at, at + len(text))


def _stray(sign: str, at: int) -> RefusedError:
    if sign == "\\":
        return RefusedError(
            Rule.UNREADABLE, "A backslash outside of quotes", "Commands of a client do not belong to the statement", at
        )
    name = unicodedata.name(sign, f"U+{ord(sign):04X}")
    if sign.isspace() or unicodedata.category(sign) in {"Cc", "Cf", "Zs"}:
        return _ambiguous(f"{name} is a space to some and not to others", _SPACE_BUT_READ_DIFFERENTLY, at)
    return _ambiguous(f"{sign!r} does not belong there", "Put it in quotes", at)


def _comment(sql: str, at: int, *, mysql: bool = False) -> Token:
    if not sql.startswith("/*", at):
        end = sql.find("\n", at)
        end = len(sql) if end < 0 else end
        back = sql.find("\r", at, end)
        if back >= 0 and back != end - 1:
            raise _ambiguous("A carriage return ends the comment for some servers", "End the line with a line feed", at)
        return Token("comment", "", at, end)
    end = sql.find("*/", at + 2)
    if end < 0:
        raise RefusedError(Rule.UNREADABLE, "A comment has no end", "Close it with */", at)
    inside = sql[at + 2 : end]
    if "/*" in inside or (inside.endswith("/") and sql[end + 1 : end + 3] == "*/"):
        raise _ambiguous("A comment in a comment ends early for some servers", "Take the inner one out", at)
    if mysql:
        _mysql_comment(inside, at)
    return Token("comment", "", at, end + 2)


def _mysql_comment(inside: str, at: int) -> None:
    if inside.startswith(("!", "M!")):
        raise RefusedError(
            Rule.COMMENT_THAT_RUNS,
            "The server runs what is in /*! … */",
            "Take it out of the comment, or take it away",
            at,
        )
    if inside.startswith("+"):
        for name in re.findall(r"[A-Za-z_]+(?=\s*\()", inside):
            if name.lower() not in HINTS:
                raise RefusedError(Rule.SETS, f"The hint {name.upper()} may change the session", "Take it away", at)


def _string(sql: str, start: int, at: int, quote: str, *, escapes: bool = False, backslash: bool = True) -> Token:
    """A string whose opening quote is at ``at``. ``escapes``: backslashes surely escape; ``backslash``: they may, by a
    setting of the server, so that one before a quote is refused."""
    place = at + 1
    while place < len(sql):
        sign = sql[place]
        if sign == "\0":
            raise _stray(sign, place)
        if sign == "\\" and backslash:
            if sql[place + 1 : place + 2] == quote and not escapes:
                raise _ambiguous(
                    f"Whether \\{quote} ends the string depends on a setting of the server",
                    f"Write {quote}{quote}",
                    place,
                )
            place += 2
        elif sign == quote and sql[place + 1 : place + 2] == quote:
            place += 2
        elif sign == quote:
            return Token("string", sql[at + 1 : place], start, place + 1)
        else:
            place += 1
    raise RefusedError(Rule.UNREADABLE, "A string has no end", f"Close it with {quote}", start)


def _name(sql: str, at: int, quote: str) -> Token:
    place = at + 1
    while True:
        end = sql.find(quote, place)
        if end < 0:
            raise RefusedError(Rule.UNREADABLE, "A name in quotes has no end", f"Close it with {quote}", at)
        if sql[end + 1 : end + 2] != quote:
            break
        place = end + 2
    text = sql[at + 1 : end].replace(quote * 2, quote)
    if "\0" in text or "\\" in text:
        raise _ambiguous("A name has a backslash or a NUL in it", "Rename it", at)
    return Token("name", text, at, end + 1)


def _dollar(sql: str, at: int) -> Token:
    parameter = re.compile(r"\$\d+(?![\w$])").match(sql, at)
    if parameter:
        return Token("parameter", parameter.group(), at, parameter.end())
    tag = _DOLLAR_TAG.match(sql, at)
    if tag is None or sql[at - 1 : at].isalnum() or sql[at - 1 : at] == "_":
        raise _ambiguous("A dollar sign in a name", "Put the name in double quotes", at)
    end = sql.find(tag.group(), tag.end())
    if end < 0:
        raise RefusedError(Rule.UNREADABLE, "A string has no end", f"Close it with {tag.group()}", at)
    return Token("string", sql[tag.end() : end], at, end + len(tag.group()))


def _postgres_operator(sql: str, at: int) -> Token:
    """The longest run of operator signs, less a comment in it, and less a sign at its end that belongs to a number."""
    end = at
    while end < len(sql) and sql[end] in _OPERATOR_SIGNS and sql[end : end + 2] not in {"--", "/*"}:
        end += 1
    text = sql[at:end]
    while len(text) > 1 and text[-1] in "+-" and not set(text[:-1]) & set("~!@#%^&|`?"):
        text = text[:-1]
    return Token("operator", text, at, at + len(text))


def _mysql_variable(sql: str, at: int) -> Token:
    found = re.compile(r"@@(?:[A-Za-z]+\.)?\w+|@[\w.$]+").match(sql, at)
    if found is None:
        raise _ambiguous("A variable with a quoted name", "Write a plain name", at)
    return Token("parameter", found.group(), at, found.end())


def without_comments(found: list[Token]) -> Iterator[Token]:
    """The tokens that mean something."""
    return (token for token in found if token.kind != "comment")
