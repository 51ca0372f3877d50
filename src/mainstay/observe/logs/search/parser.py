"""From tokens to the tree. Alternatives bind least, then AND (which may be left out), then NOT and the minus sign."""

from collections.abc import Callable

from mainstay.observe.logs.search import query
from mainstay.observe.logs.search.lexer import QueryError, Token, tokens
from mainstay.observe.logs.search.query import And, Between, Compare, Exists, Field, Glob, Node, Not, Or, Regex, Text

MAX_LENGTH = 2_000
MAX_DEPTH = 60
_BEGINS = frozenset({"word", "quoted", "glob", "regex", "name", "(", "NOT", "-"})


def parse(text: str) -> Node:
    """The tree of a query. Raises ``QueryError`` with the place, what was expected, and a remedy."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query is longer than {MAX_LENGTH} characters", MAX_LENGTH, remedy="Search for less.")
    return _Parser(list(tokens(text))).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens, self._place, self._depth = found, 0, 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def whole(self) -> Node:
        if [one.value for one in self._tokens] in ([""], ["*", ""]):
            return query.Everything()
        found = self._alternatives()
        left = self._next
        if left.kind == ")":
            raise QueryError("this bracket closes nothing", left.at, expected="the end", remedy="Open it, or leave it.")
        if left.kind != "end":
            raise self._unexpected(left, "a word, a field or the end")
        return found

    def _alternatives(self) -> Node:
        parts = [self._all_of()]
        while self._next.kind == "OR":
            self._take()
            parts.append(self._all_of())
        return query.joined(Or, parts)

    def _all_of(self) -> Node:
        parts = [self._one()]
        while self._next.kind == "AND" or self._next.kind in _BEGINS:
            if self._next.kind == "AND":
                self._take()
            parts.append(self._one())
        return query.joined(And, parts)

    def _one(self) -> Node:
        self._depth += 1
        try:
            return self._one_of_depth()
        finally:
            self._depth -= 1

    def _one_of_depth(self) -> Node:
        token = self._next
        if self._depth > MAX_DEPTH:
            raise QueryError(f"more than {MAX_DEPTH} levels of brackets", token.at, remedy="Write it flatter.")
        if token.kind in {"NOT", "-"}:
            self._take()
            return Not(self._one())
        if token.kind == "(":
            return self._group(self._alternatives)
        if token.kind == "name":
            return self._field(self._take())
        return self._term("a word, a phrase, a field, /regex/ or (")

    def _group(self, inside: Callable[[], Node]) -> Node:
        opened = self._take()
        if self._next.kind == ")":
            raise QueryError("there is nothing between the brackets", opened.at, expected="a word", length=2)
        found = inside()
        if self._next.kind != ")":
            if self._next.kind == "end":
                raise QueryError("this bracket is not closed", opened.at, expected="a )", remedy="Close it.")
            raise self._unexpected(self._next, "a word or )")
        self._take()
        return found

    def _term(self, expected: str) -> Text | Glob | Regex:
        token = self._next
        if token.kind not in {"word", "quoted", "glob", "regex"}:
            raise self._unexpected(token, expected)
        self._take()
        if token.kind == "regex":
            return Regex(token.value, token.at)
        if token.kind == "glob":
            if not any(token.parts):
                raise QueryError(
                    "a star alone matches everything",
                    token.at,
                    length=token.length,
                    expected="text beside it, such as time*",
                    remedy="Leave it out, or write field:* for lines that have the field.",
                )
            return Glob(token.parts, token.at)
        return Text(token.value, token.at)

    def _field(self, name: Token) -> Node:
        if not name.value:
            raise QueryError("the field has no name", name.at, expected="a name", length=2)
        token = self._next
        if token.kind == "(":
            # level:(error OR fatal) is each value with the field before it.
            return self._group(lambda: self._values(name))
        return Field(name.value, self._test(), name.at)

    def _values(self, name: Token) -> Node:
        parts = [self._values_all_of(name)]
        while self._next.kind == "OR":
            self._take()
            parts.append(self._values_all_of(name))
        return query.joined(Or, parts)

    def _values_all_of(self, name: Token) -> Node:
        parts = [self._value(name)]
        while self._next.kind not in {"OR", ")", "end"}:
            if self._next.kind == "AND":
                self._take()
            parts.append(self._value(name))
        return query.joined(And, parts)

    def _value(self, name: Token) -> Node:
        if self._next.kind in {"NOT", "-"}:
            self._take()
            return Not(self._value(name))
        return Field(name.value, self._test(), name.at)

    def _test(self) -> query.Test:
        token = self._next
        if token.kind == "op":
            self._take()
            value = self._next
            if value.kind not in {"word", "quoted"}:
                raise self._unexpected(value, "a number, or the name of a level")
            self._take()
            return Compare(token.value, value.value, token.at)
        if token.kind == "[":
            return self._between()
        if token.kind == "glob" and not any(token.parts):
            self._take()
            return Exists(token.at)
        return self._term("a value")

    def _between(self) -> Between:
        opened = self._take()
        low = self._side()
        if self._next.kind != "TO":
            raise self._unexpected(self._next, "TO, as in [1 TO 5]")
        self._take()
        high = self._side()
        if self._next.kind != "]":
            raise self._unexpected(self._next, "]")
        self._take()
        return Between(low, high, opened.at)

    def _side(self) -> str:
        token = self._next
        if token.kind == "-" and self._tokens[self._place + 1].kind == "word":
            self._take()
            return "-" + self._take().value
        if token.kind in {"word", "quoted"} or (token.kind == "glob" and not any(token.parts)):
            self._take()
            return token.value
        raise self._unexpected(token, "a number or *")

    @staticmethod
    def _unexpected(token: Token, expected: str) -> QueryError:
        if token.kind == "end":
            return QueryError("the query ends too early", token.at, expected=expected)
        remedy = f'To look for the word itself write "{token.value}".' if token.kind.isalpha() else ""
        shown = token.value or token.kind
        return QueryError(f"{shown} cannot stand here", token.at, length=token.length, expected=expected, remedy=remedy)
