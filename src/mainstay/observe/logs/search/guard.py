"""What a person's own SQL may be: one SELECT over the tables of logs, and nothing that reaches beyond them.

The embedded engine has the rights of our own process, and functions of ClickHouse read files and addresses. So a
statement passes three gates, each of which refuses what it does not know:

1. A parser reads it. It must be one query; names must be plain; tables must be those of logs.
2. It is written anew from its tree, every text in it as a parameter that the server binds. What is left is made of
   names, numbers and signs alone, so that no quoting can show a second statement to one reader and hide it from
   another.
3. The engine's own parser says what it sees (``EXPLAIN AST``, which runs nothing). Every kind of node, every table and
   every function must be on a list.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from mainstay.core.problems import ProblemError, bad_request
from mainstay.observe.logs.search import allowed

TABLES = ("log_lines", "log_minutes")
MAX_LENGTH = 20_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
# What may be left when texts are parameters and comments are gone.
_CLEAN = re.compile(r"[A-Za-z0-9_\s.,()\[\]{}:<>=!*/+%|?-]*\Z")
_COMMENT = re.compile(r"--|/\*|\*/")
_SQL_FIELD = "sql"


@dataclass(frozen=True)
class Checked:
    """A statement as it may run, with the texts that the server binds."""

    sql: str
    params: dict[str, str]
    tables: frozenset[str]


def _refused(why: str) -> ProblemError:
    return bad_request(why, _SQL_FIELD)


def rewrite(text: str, taken: Iterable[str] = ()) -> Checked:
    """Gates one and two. ``taken`` are names of other tables, which a WITH may not take. Raises ``ProblemError``."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    text = text.strip().rstrip(";").strip()
    if not text:
        raise _refused("write a SELECT over log_lines or log_minutes")
    if len(text) > MAX_LENGTH:
        raise _refused(f"the statement is longer than {MAX_LENGTH} characters; write a shorter one")
    try:
        found = sqlglot.parse(text, read="clickhouse")
    except (SqlglotError, RecursionError) as error:
        raise _refused(f"this SQL cannot be read: {_first_line(error)}") from error
    tree = found[0] if len(found) == 1 else None
    if tree is None:
        raise _refused("write one statement; there are several")
    if not isinstance(tree, exp.Query) or isinstance(tree, exp.Table | exp.Subquery):
        raise _refused("only SELECT is allowed here; nothing can be changed through this box")
    tables = _check_names(tree, frozenset(taken))
    params: dict[str, str] = {}
    for literal in list(tree.find_all(exp.Literal)):
        if literal.is_string:
            name = f"s{len(params)}"
            params[name] = str(literal.this)
            literal.replace(exp.Placeholder(this=name, kind=exp.DataType.build("String", dialect="clickhouse")))
    clean = tree.sql(dialect="clickhouse", comments=False)
    if not _CLEAN.match(clean) or _COMMENT.search(clean):
        raise _refused("the statement holds signs that are not allowed here; use plain names and texts in 'quotes'")
    return Checked(clean, params, tables)


def _first_line(error: BaseException) -> str:
    return re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n")[0][:200]


def _check_names(tree: "object", taken: frozenset[str]) -> frozenset[str]:
    from sqlglot import exp

    assert isinstance(tree, exp.Expression)  # noqa: S101 - what the parser gives
    for kind, what in ((exp.Into, "INTO"), (exp.Command, "this command"), (exp.Placeholder, "a parameter")):
        if tree.find(kind):
            raise _refused(f"{what} is not allowed here")
    for query in tree.find_all(exp.Query):
        for part, what in (("settings", "SETTINGS"), ("format", "FORMAT"), ("into", "INTO")):
            if query.args.get(part):
                raise _refused(f"{what} is not allowed here: limits and the form of the answer are set already")
    for identifier in tree.find_all(exp.Identifier):
        if not _NAME.match(str(identifier.this)):
            raise _refused(f"the name {str(identifier.this)[:60]!r} is not plain; use letters, digits and _")
        identifier.set("quoted", False)
    own = {str(one.alias) for one in tree.find_all(exp.CTE)}
    wrong = own & (taken | set(TABLES))
    if wrong:
        raise _refused(f"{min(wrong)} is the name of a table; call the part after WITH something else")
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise _refused(f"table functions are not allowed here; the tables are {', '.join(TABLES)}")
        if table.args.get("db") or table.args.get("catalog") or table.name not in {*TABLES, *own}:
            shown = ".".join(str(part) for part in (table.db, table.name) if part)
            raise _refused(f"the table {shown[:80]} cannot be read here; the tables are {', '.join(TABLES)}")
    return frozenset(own | set(TABLES))


def judge(ast: Iterable[str], tables: frozenset[str]) -> None:
    """Gate three: what the engine's parser says, line by line. Raises ``ProblemError`` for what is on no list."""
    lines = list(ast)
    if not lines or not lines[0].startswith(("SelectWithUnionQuery", "SelectIntersectExceptQuery")):
        raise _refused("only SELECT is allowed here")
    _check_sets(lines)
    for line in lines:
        kind, _, rest = line.strip().partition(" ")
        value = rest.partition(" (")[0].strip()
        if kind == "TableIdentifier":
            if value not in tables:
                raise _refused(f"the table {value[:80]} cannot be read here; the tables are {', '.join(TABLES)}")
        elif kind == "Function":
            if value.lower() not in allowed.FUNCTIONS:
                raise _refused(f"the function {value[:80]} is not allowed here")
        elif kind not in allowed.NODES:
            raise _refused(f"this part of SQL is not allowed here: {_words(kind)[:80]}")


# The functions on the list whose right side may name a table.
_IN = re.compile(r"\s*Function (?:in|notIn|globalIn|nullIn)(?:\s|\Z)", re.IGNORECASE)


def _check_sets(lines: list[str]) -> None:
    """Refuse a name after IN: the engine would take it for a table, whatever the lists of tables say."""
    for place, line in enumerate(lines):
        if not _IN.match(line):
            continue
        # An operator is followed by the list of its sides, each one deeper than the list.
        depth = len(line) - len(line.lstrip()) + 2
        sides = []
        for below in lines[place + 1 :]:
            indent = len(below) - len(below.lstrip())
            if indent < depth - 1:
                break
            if indent == depth:
                sides.append(below.strip())
        if len(sides) != 2 or not sides[1].startswith(("Literal", "QueryParameter", "Function ", "Subquery")):
            raise _refused("after IN write values or a SELECT in brackets; a name would be a table")


def _words(kind: str) -> str:
    return reduce(lambda text, sign: text + (" " + sign.lower() if sign.isupper() else sign), kind, "").strip()
