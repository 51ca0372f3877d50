"""The walk: every node of the syntax tree must be of a kind that is known to read."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token as Theirs
from sqlglot.tokenizer_core import TokenType

from mainstay.restore.sqldesk.judge.calls import Call, check_function
from mainstay.restore.sqldesk.judge.harmless import FUNCTIONS, postgres
from mainstay.restore.sqldesk.judge.lexer import Token
from mainstay.restore.sqldesk.judge.nodes import FUNCTION_NODES, NODES
from mainstay.restore.sqldesk.judge.verdict import Dialect, Functions, RefusedError, Rule

_QUOTED = frozenset(
    {
        *(TokenType.STRING, TokenType.IDENTIFIER, TokenType.NATIONAL_STRING, TokenType.BYTE_STRING),
        *(TokenType.HEX_STRING, TokenType.BIT_STRING, TokenType.RAW_STRING, TokenType.HEREDOC_STRING),
        *(TokenType.UNICODE_STRING,),
    }
)
_OPENING = re.compile(r"""['"`\[$]""")
_DIFFERS = "The parser reads quotes or comments otherwise than the server would"
_SIMPLER = "Write it in another way"
BASE_STEPS, STEPS_PER_TOKEN = 2000, 50


# It writes statements that it does not understand to the log, and they may hold what is secret.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Read:
    """What a query reads. ``aliases`` counts names of tables with columns behind them, which look like calls."""

    kind: str
    tables: tuple[str, ...]
    aliases: Counter[str]


def walk(text: str, ours: Sequence[Token], dialect: Dialect, known: Functions | None) -> Read:
    """Parse and judge one query. ``text`` has no comments, and the places of ``ours`` are places in it. Raises."""
    root = _parsed(text, ours, dialect)
    aliases: Counter[str] = Counter()
    ctes, tables = set(), []
    for node in root.walk():
        try:
            _check(node, dialect, known)
        except RefusedError as refused:
            raise _placed(refused, node, ours) from None
        aliases[_word_before_parenthesis(node)] += 1
        if isinstance(node, exp.TableAlias) and node.args.get("columns"):
            quoted = isinstance(node.this, exp.Identifier) and node.this.quoted
            aliases[node.name if dialect is Dialect.POSTGRES and quoted else node.name.lower()] += 1
        if isinstance(node, exp.CTE):
            ctes.add(node.alias)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            _check_table(node, dialect)
            tables.append(node)
    if dialect is Dialect.POSTGRES and root.find(exp.ColumnDef):
        _check_columns(ours)
    names = {
        ".".join(part.name for part in table.parts)
        for table in tables
        if table.args.get("db") or table.name not in ctes
    }
    return Read("values" if isinstance(root, exp.Values) else "select", tuple(sorted(names)), aliases)


def _word_before_parenthesis(node: exp.Expr) -> str:
    """The word of a node that is written like a call and is none."""
    if isinstance(node, exp.Rollup | exp.Cube) and isinstance(node.parent, exp.Group | exp.GroupingSets):
        return "rollup" if isinstance(node, exp.Rollup) else "cube"
    if isinstance(node, exp.Like | exp.ILike) and isinstance(node.expression, exp.Paren | exp.Subquery | exp.Tuple):
        return "ilike" if isinstance(node, exp.ILike) else "like"
    return ""


def _parsed(text: str, ours: Sequence[Token], dialect: Dialect) -> exp.Expr:
    reader = sqlglot.Dialect.get_or_raise(dialect.value)
    try:
        theirs = reader.tokenize(text)
        _same(text, ours, theirs)
        found = _parser(dialect)(dialect=reader).parse(theirs, text)
    except SqlglotError as error:
        raise RefusedError(Rule.UNREADABLE, f"It cannot be parsed: {_short(error)}", _SIMPLER) from None
    if len(found) != 1 or not isinstance(found[0], exp.Expr):
        raise RefusedError(Rule.SEVERAL, "There are several statements", "Ask one at a time")
    return found[0]


@cache
def _parser(dialect: Dialect) -> type[sqlglot.Parser]:
    """The parser of a dialect with a limit on its steps: it tries one reading after another, and there are texts for
    which that takes it time that doubles with every bracket."""

    class Bounded(sqlglot.Dialect.get_or_raise(dialect.value).parser_class):  # type: ignore[misc]
        def parse(self, raw_tokens: list[Theirs], sql: str) -> list[exp.Expr | None]:
            self.steps = BASE_STEPS + STEPS_PER_TOKEN * len(raw_tokens)
            return super().parse(raw_tokens, sql)  # type: ignore[no-any-return]

        def _advance(self, times: int = 1) -> None:
            self.steps -= 1
            if self.steps < 0:
                raise RefusedError(Rule.TOO_DEEP, "The statement takes too long to parse", "Nest brackets less")
            super()._advance(times)

    return Bounded


def _short(error: SqlglotError) -> str:
    """The first line of the parser's message, without its colours."""
    return re.sub(r"\x1b\[\d+m", "", str(error)).partition("\n")[0].rstrip(". ")


def _same(text: str, ours: Sequence[Token], theirs: Sequence[Theirs]) -> None:
    """Both have found the same quoted pieces, and the same signs outside of them."""
    mine = [(token.start, token.end) for token in ours if token.kind in {"string", "name"}]
    other = [(token.start, token.end + 1) for token in theirs if _quoted(text, token)]
    if [end for _, end in mine] != [end for _, end in other]:
        raise RefusedError(Rule.AMBIGUOUS, _DIFFERS, _SIMPLER)
    outside = [(token.start, token.end) for token in ours if token.kind not in {"string", "name"}]
    outside_other = [(token.start, token.end + 1) for token in theirs if not _quoted(text, token)]
    if _outside(text, mine, outside) != _outside(text, other, outside_other):
        raise RefusedError(Rule.AMBIGUOUS, _DIFFERS, _SIMPLER)


def _quoted(text: str, token: Theirs) -> bool:
    """Whether the parser's token is in quotes: 0x1F is not, though it is of the kind of X'1F'."""
    return token.token_type in _QUOTED and text[token.end] in "'\"`]$"


def _outside(text: str, quoted: Sequence[tuple[int, int]], rest: Sequence[tuple[int, int]]) -> str:
    """All signs that are in no quotes, in their order, a prefix such as E or X among them."""
    pieces = [(start, text[start:end]) for start, end in rest]
    for start, end in quoted:
        opening = _OPENING.search(text, start, end)
        pieces.append((start, text[start : opening.start() if opening else end] + "'"))
    return "".join("".join(piece.split()) for _, piece in sorted(pieces))


def _placed(refused: RefusedError, node: exp.Expr, ours: Sequence[Token]) -> RefusedError:
    """The refusal with the place of the first token that is called like the node."""
    name = node.name.lower()
    if refused.at < 0 and name:
        refused.at = next((token.start for token in ours if token.value.lower() == name), -1)
    return refused


def _check(node: exp.Expr, dialect: Dialect, known: Functions | None) -> None:
    """Refuse a node that is not known to read."""
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        name = node.name if dialect is Dialect.POSTGRES else node.name.lower()
        quoted = isinstance(node.this, exp.Identifier) and node.this.quoted
        called = name if quoted else name.lower()
        check_function(dialect, Call(_schema_of(node), called, -1, quoted), known)
        return
    if isinstance(node, exp.Func):
        _check_function_node(node, dialect, known)
        return
    if not isinstance(node, NODES):
        _refuse_node(node)
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.USERDEFINED:
        _check_type(node, dialect, known)
    of_a_row = isinstance(node, exp.Column) and node.table
    if known is not None and (of_a_row or (isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier))):
        _check_attribute(node, dialect, known)


def _check_function_node(node: exp.Func, dialect: Dialect, known: Functions | None) -> None:
    if isinstance(node, FUNCTION_NODES):
        return
    names = [name.lower() for name in node.sql_names()]
    if any(name in FUNCTIONS[dialect] for name in names):
        return
    if known is not None and any(known.may_write("", name) is False for name in names):
        return
    raise RefusedError(Rule.FUNCTION, f"The function {names[0]} is not known to be harmless", "Leave it out")


def _refuse_node(node: exp.Expr) -> None:
    kind = re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).lower()
    if isinstance(node, exp.Lock):
        raise RefusedError(Rule.LOCKS, "The query locks the rows it reads", "Leave the lock out")
    if isinstance(node, exp.DML | exp.DDL):
        raise RefusedError(Rule.NOT_A_READ, f"It has a part that writes: {kind}", "Make it a correction")
    raise RefusedError(Rule.UNKNOWN, f"A part of it is not known to read: {kind}", _SIMPLER)


def _check_table(node: exp.Table, dialect: Dialect) -> None:
    """SQLite offers every pragma as a table too."""
    name = node.name.lower()
    if dialect is Dialect.SQLITE and name.startswith("pragma_") and name not in FUNCTIONS[dialect]:
        raise RefusedError(Rule.SETS, f"{name} is not known to read", "Ask another pragma")


def _schema_of(node: exp.Expr) -> str:
    """The schema before a call, as ``pg_catalog`` in ``pg_catalog.now()``."""
    parent = node.parent
    if isinstance(parent, exp.Dot) and parent.expression is node:
        return str(parent.this.name)
    if isinstance(parent, exp.Table):
        return str(parent.db)
    return ""


def _check_type(node: exp.DataType, dialect: Dialect, known: Functions | None) -> None:
    kind = node.args.get("kind")
    name = str(kind.name if isinstance(kind, exp.Expr) else kind or "").lower().removeprefix("pg_catalog.")
    if dialect is not Dialect.POSTGRES or name in postgres.TYPES or (known is not None and name in known.types):
        return
    raise RefusedError(Rule.TYPE, f"The type {name} is not built in, and a cast to it may run code", "Compare as text")


def _check_attribute(node: exp.Expr, dialect: Dialect, known: Functions) -> None:
    """``row.name`` calls ``name(row)`` in PostgreSQL when no column is called so."""
    if dialect is Dialect.POSTGRES and known.shadowed(node.name, built_in="pg_catalog"):
        raise RefusedError(
            Rule.FUNCTION, f"{node.name} is also a function that may change something", "Name the columns otherwise"
        )


def _check_columns(ours: Sequence[Token]) -> None:
    """The parser takes types of other databases in a list of columns for built-in ones."""
    for token in ours:
        if token.kind == "word" and token.value in _FOREIGN_TYPES:
            raise RefusedError(
                Rule.TYPE,
                f"The type {token.value} is not built in, and may run code",
                "Use a built-in type",
                token.start,
            )


_FOREIGN_TYPES = frozenset(
    word.lower()
    for word, kind in sqlglot.tokens.Tokenizer.KEYWORDS.items()
    if word.isalpha() and kind in sqlglot.parser.Parser.TYPE_TOKENS and word.lower() not in postgres.TYPES
) - {"array", "map", "object", "range", "struct", "list", "row", "variant", "set"} | {"string", "variant"}
