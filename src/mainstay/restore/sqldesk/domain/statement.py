"""A statement that corrects data, taken apart into what the desk needs to look at its rows before and after.

The text is cut where its tokens say, and never written anew: what looks at the rows has the very condition of what
changes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

DIALECTS: Mapping[str, str] = {
    "postgres": "postgres",
    "mysql": "mysql",
    "sqlite": "sqlite",
    "oracle": "oracle",
    "sqlserver": "tsql",
}
MAX_LENGTH = 200_000
_KINDS: Mapping[type[exp.Expression], str] = {exp.Update: "UPDATE", exp.Delete: "DELETE", exp.Insert: "INSERT"}
_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}


class StatementError(ValueError):
    """A statement that the desk cannot carry out with proof. The text says what to write instead."""


@dataclass(frozen=True)
class Statement:
    """One INSERT, UPDATE or DELETE of one table.

    ``text`` is the statement without comments. ``ctes`` is its WITH clause, ``target`` the table as it is written with
    its alias, ``others`` what stands after FROM or USING, ``where`` its condition; each may be empty. ``assigned`` are
    the columns that an UPDATE sets, or those that an INSERT names. ``steady`` says that its condition picks the same
    rows when it is asked twice in one transaction, as far as that can be read from it.
    """

    kind: str
    text: str
    schema: str
    table: str
    alias: str
    ctes: str = ""
    target: str = ""
    others: str = ""
    where: str = ""
    assigned: frozenset[str] = frozenset()
    calls: tuple[str, ...] = ()
    steady: bool = True

    def looking(self, columns: str, lock: str, also: str = "") -> str:
        """The query for the very rows that an UPDATE or DELETE touches. ``also`` narrows it."""
        condition = f"({self.where})" if self.where else "1 = 1"
        if self.others:
            condition = f"EXISTS (SELECT 1 FROM {self.others} WHERE {condition})"
        narrowed = f" AND {also}" if also else ""
        return f"{self.ctes} SELECT {columns} FROM {self.target} WHERE {condition}{narrowed}{lock}".strip()

    def narrowed(self, also: str) -> str:
        """The statement itself, for those of its rows alone that ``also`` names."""
        ending = f"WHERE ({self.where})"
        if not self.text.endswith(f"WHERE {self.where}"):
            raise StatementError("this statement cannot be carried out in batches: end it with its WHERE")
        return f"{self.text[: -len(self.where) - 6]}{ending} AND {also}"


def tokens_of(sql: str, dialect: str) -> list[Token]:
    """The tokens of a text. Raises ``StatementError``."""
    if len(sql) > MAX_LENGTH:
        raise StatementError(f"a statement has at most {MAX_LENGTH:,} characters")
    if "\0" in sql:
        raise StatementError("a NUL byte stands in the statement")
    try:
        return list(sqlglot.tokenize(sql, read=DIALECTS[dialect]))
    except SqlglotError as error:
        raise StatementError(f"it cannot be read: {error}") from None


def parse(sql: str, dialect: str) -> Statement:
    """Take a statement apart. Raises ``StatementError`` that says what to write instead."""
    if "/*!" in sql or "/*M!" in sql:
        raise StatementError("comments that MySQL executes (/*! … */) are refused: write the statement plainly")
    tokens = tokens_of(sql, dialect)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise StatementError("write a statement: UPDATE, DELETE or INSERT")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise StatementError("write each statement on its own: a semicolon stands in the middle")
    tree = _tree(sql, dialect)
    kind = _KINDS.get(type(tree), "")
    if not kind:
        raise StatementError("only UPDATE, DELETE and INSERT correct data here; structure is changed by releases")
    table = tree.find(exp.Table)
    where_table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(where_table, exp.Table) or not isinstance(where_table.this, exp.Identifier) or table is None:
        raise StatementError("name one table to change, without joins: move them into WHERE … IN (SELECT …)")
    _refuse_forms(tree, kind)
    text, cuts = _cut(sql, tokens, kind)
    folded, alias = _fold(dialect), where_table.args.get("alias")
    found = Statement(
        kind,
        text,
        folded(where_table.args.get("db")),
        folded(where_table.this),
        folded(alias.this) if alias is not None else folded(where_table.this),
        cuts.get("ctes", ""),
        cuts.get("target", ""),
        cuts.get("others", ""),
        cuts.get("where", ""),
        _assigned(tree, kind),
        calls=tuple(sorted({_call_name(call) for call in tree.find_all(exp.Func)} - {"and", "or", ""})),
        steady=_is_steady(tree, dialect),
    )
    if kind != "INSERT" and not found.where:
        raise StatementError("without WHERE it would change every row; if that is meant, write WHERE 1 = 1")
    return found


def _tree(sql: str, dialect: str) -> exp.Expression:
    try:
        trees = [one for one in sqlglot.parse(sql, read=DIALECTS[dialect]) if one is not None]
    except (SqlglotError, RecursionError) as error:
        said = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise StatementError(f"it cannot be read: {said}") from None
    return trees[0] if trees and isinstance(trees[0], exp.Expression) else exp.Null()


def _refuse_forms(tree: exp.Expression, kind: str) -> None:
    """Forms whose rows cannot be known beforehand."""
    for part, remedy in (
        ("conflict", "ON CONFLICT and ON DUPLICATE KEY may change rows unseen: write an UPDATE and an INSERT"),
        ("returning", "leave RETURNING out: the desk shows every row before and after"),
        ("limit", "LIMIT picks rows by chance: name them in WHERE"),
        ("order", "ORDER BY and LIMIT pick rows by chance: name them in WHERE"),
        ("ignore", "IGNORE hides rows that fail: leave it out"),
        ("overwrite", "REPLACE deletes rows unseen: write a DELETE and an INSERT"),
        ("alternative", "INSERT OR … may change rows unseen: write an UPDATE and an INSERT"),
        ("tables", "name one table to change: write WHERE … IN (SELECT …) instead of several tables"),
    ):
        if tree.args.get(part):
            raise StatementError(remedy)
    joined = tree.this.args.get("joins") or tree.args.get("joins")
    if joined:
        raise StatementError("name one table to change: write WHERE … IN (SELECT …) instead of a join")
    for inner in tree.find_all(exp.Update, exp.Delete, exp.Insert, exp.Merge, exp.Command):
        if inner is not tree:
            raise StatementError("a statement inside of the statement changes data as well: write it on its own")
    if kind == "INSERT" and not isinstance(
        tree.args.get("expression"), (exp.Values, exp.Select, exp.Subquery, exp.Union)
    ):
        raise StatementError("write INSERT INTO table (columns) VALUES (…), or a SELECT in place of VALUES")


def _cut(sql: str, tokens: Sequence[Token], kind: str) -> tuple[str, dict[str, str]]:
    """The text without comments, and its parts by the tokens that begin them at the outermost level."""
    pieces, starts = [], []
    length = 0
    for place, token in enumerate(tokens):
        piece = sql[token.start : token.end + 1]
        gap = " " if place and token.start > tokens[place - 1].end + 1 else ""
        starts.append(length + len(gap))
        pieces.append(gap + piece)
        length += len(gap) + len(piece)
    text = "".join(pieces)
    # A statement has one WHERE, the first; FROM stands in IS DISTINCT FROM as well, and is no mark there.
    marks: dict[str, int] = {}
    depth = 0
    for place, token in enumerate(tokens):
        if token.token_type in _OPEN:
            depth += 1
        elif token.token_type in _CLOSE:
            depth -= 1
        elif depth == 0:
            compares = token.text.upper() == "FROM" and place and tokens[place - 1].text.upper() == "DISTINCT"
            if token.token_type != TokenType.IDENTIFIER and not compares:
                marks.setdefault(token.text.upper(), place)
    if kind == "INSERT":
        return text, {}

    def between(begin: int, end: int | None) -> str:
        stop = starts[end] if end is not None else len(text)
        return text[starts[begin] : stop].strip() if begin < len(tokens) else ""

    verb, where = marks[kind], marks.get("WHERE")
    cuts = {"ctes": text[: starts[verb]].strip()}
    if kind == "UPDATE":
        cuts["target"] = between(verb + 1, marks.get("SET"))
        source = marks.get("FROM")
        source = source if where is None or source is None or source < where else None
    else:
        begin = marks["FROM"] + 1
        source = marks.get("USING")
        cuts["target"] = between(begin, source if source is not None else where)
    if source is not None:
        cuts["others"] = between(source + 1, where)
    if where is not None:
        cuts["where"] = between(where + 1, None)
    return text, cuts


def _fold(dialect: str) -> Any:
    """How the server folds names that are not quoted."""

    def fold(name: Any) -> str:
        if not isinstance(name, exp.Identifier):
            return ""
        plain = name.this
        if name.args.get("quoted"):
            return str(plain)
        return str(plain.lower() if dialect == "postgres" else plain.upper() if dialect == "oracle" else plain)

    return fold


_BY_CHANCE = (
    *(exp.Anonymous, exp.Rand, exp.Randn, exp.Uuid, exp.Limit, exp.Fetch, exp.TableSample, exp.Window),
    *(exp.Parameter, exp.SessionParameter),
)
_CLOCKS = (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentDatetime, exp.UtcTimestamp, exp.UtcTime)


def _is_steady(tree: exp.Expression, dialect: str) -> bool:
    """Whether nothing in the condition can answer otherwise the next time: chance, a cut, a clock, what is unknown."""
    parts = [tree.args.get(name) for name in ("where", "from_", "from", "using", "with_", "with")]
    nodes = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    # PostgreSQL's clock stands still in a transaction.
    moving = _BY_CHANCE if dialect == "postgres" else (*_BY_CHANCE, *_CLOCKS)
    for node in nodes:
        if isinstance(node, exp.Expression):
            if node.find(*moving):
                return False
            if dialect == "sqlite" and any(one.this == "now" for one in node.find_all(exp.Literal)):
                return False
    return True


def _assigned(tree: exp.Expression, kind: str) -> frozenset[str]:
    if kind == "UPDATE":
        names = set()
        for one in tree.expressions:
            left = one.this if isinstance(one, exp.EQ) else one
            names |= {column.name.lower() for column in left.find_all(exp.Column)} | (
                {left.name.lower()} if isinstance(left, exp.Identifier) else set()
            )
        return frozenset(names)
    if kind == "INSERT" and isinstance(tree.this, exp.Schema):
        return frozenset(one.name.lower() for one in tree.this.expressions)
    return frozenset()


def _call_name(call: exp.Func) -> str:
    return (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()


def placeholders(sql: str, dialect: str) -> list[tuple[str, int, int]]:
    """Each ``:name`` in a text, with where it begins and ends. Casts, slices with a blank and strings are none."""
    tokens = tokens_of(sql, dialect)
    found = []
    for place, token in enumerate(tokens[:-1]):
        following = tokens[place + 1]
        adjacent = following.start == token.end + 1
        named = following.text.isidentifier() and following.token_type != TokenType.IDENTIFIER
        if token.token_type == TokenType.COLON and adjacent and named and sql[following.start] not in "\"'`":
            found.append((following.text, token.start, following.end + 1))
    return found


def bind(sql: str, dialect: str, params: Mapping[str, Any], marker: str) -> tuple[str, list[Any] | None]:
    """The text with the driver's markers in place of ``:name``, and the values in their order.

    Raises ``StatementError`` for a name without a value. Without any there is nothing for the driver to look for.
    """
    found = placeholders(sql, dialect)
    if not found:
        return sql, None
    missing = sorted({name for name, _, _ in found} - set(params))
    if missing:
        raise StatementError(f"parameter :{missing[0]} has no value")
    pieces, values, last = [], [], 0
    for name, begin, end in found:
        pieces += [_escaped(sql[last:begin], marker), marker]
        values.append(params[name])
        last = end
    pieces.append(_escaped(sql[last:], marker))
    return "".join(pieces), values


def _escaped(text: str, marker: str) -> str:
    return text.replace("%", "%%") if marker == "%s" else text
