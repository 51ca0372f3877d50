"""The second pair of eyes: what tokens alone tell, before and beside the tree.

The tree knows functions by the parser's names for them; tokens have the names that the server will look up. Each must
find nothing wrong on its own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mainstay.restore.sqldesk.judge import words
from mainstay.restore.sqldesk.judge.harmless import FUNCTIONS, mysql, postgres
from mainstay.restore.sqldesk.judge.lexer import Token
from mainstay.restore.sqldesk.judge.verdict import Dialect, Functions, RefusedError, Rule

POSTGRES_OPERATORS = frozenset(
    """
    + - * / % ^ |/ ||/ @ & | # ~ << >> < > = <> != <= >= || && ~~ ~~* !~~ !~~* ~* !~ !~* -> ->> #> #>> #- @> <@ ? ?| ?&
    @? @@ @@@ <-> &< &> <<| |>> &<| |&> -|- ## @-@ ~= <^ >^ ?- ?# ?-| ?|| <<= >>= !! ^@ => *= *<> *< *>
    """.split()
)


@dataclass(frozen=True)
class Call:
    """A name before a parenthesis."""

    schema: str
    name: str
    at: int
    quoted: bool = False


def check_function(dialect: Dialect, call: Call, known: Functions | None) -> None:
    """Refuse a function that is not known to change nothing."""
    shown = f"{call.schema}.{call.name}" if call.schema else call.name
    built_in = "pg_catalog" if dialect is Dialect.POSTGRES else ""
    if dialect is Dialect.POSTGRES and call.name in postgres.NEVER:
        raise RefusedError(Rule.FUNCTION, f"The function {shown} has effects or runs the text it is given", "", call.at)
    if dialect is Dialect.MYSQL and call.quoted:
        raise RefusedError(Rule.FUNCTION, f"In quotes {shown} is a stored function", "Take the quotes away", call.at)
    if call.schema in {"", built_in} and call.name in FUNCTIONS[dialect]:
        if call.schema or known is None or not known.shadowed(call.name, built_in=built_in):
            return
        remedy = f"Write {built_in}.{call.name}" if built_in else "Rename the stored function"
        raise RefusedError(
            Rule.FUNCTION, f"Another function {shown} may change something and could be meant", remedy, call.at
        )
    writes = known.may_write(call.schema, call.name) if known else None
    if writes is None:
        remedy = (
            "Leave it out" if known else "Leave it out, or ask on a connection, where the server's catalog is known"
        )
        raise RefusedError(Rule.FUNCTION, f"The function {shown} is not known to be harmless", remedy, call.at)
    if writes:
        raise RefusedError(Rule.FUNCTION, f"The function {shown} may change something", words.CORRECT, call.at)


def calls(found: Sequence[Token], dialect: Dialect) -> list[Call]:
    """Every name before a parenthesis that may be a call."""
    made: list[Call] = []
    for place, token in enumerate(found[:-1]):
        behind = found[place + 1]
        if behind.kind != "(" or token.kind not in {"word", "name", "string"}:
            continue
        qualified = place > 0 and found[place - 1].kind == "."
        if token.kind == "string":
            raise RefusedError(
                Rule.FUNCTION, "A string before a parenthesis may be a call", "Take one away", token.start
            )
        if token.kind == "word" and not qualified and _is_syntax(found, place, dialect):
            continue
        if dialect is Dialect.MYSQL:
            _mysql_call(found, place)
        made.append(
            Call(
                _schema(found, place, dialect) if qualified else "",
                _called(token, dialect),
                token.start,
                token.kind == "name",
            )
        )
    return made


def _called(token: Token, dialect: Dialect) -> str:
    """The name that the server looks up: as written when quoted in PostgreSQL, in lower case elsewhere."""
    return token.value if dialect is Dialect.POSTGRES else token.value.lower()


def _is_syntax(found: Sequence[Token], place: int, dialect: Dialect) -> bool:
    """Whether a word before a parenthesis surely calls nothing."""
    word = found[place].value
    before = found[place - 1] if place else None
    if word in words.BEFORE_PARENTHESIS[dialect] and word not in FUNCTIONS[dialect]:
        return True
    if before is not None and before.value in words.BEHIND.get(word, ()):
        return True
    if word == "columns":
        return before is not None and before.kind == "string"
    if word in words.BEFORE_QUERY:
        return place + 2 < len(found) and found[place + 2].value in words.QUERY
    if dialect is Dialect.MYSQL and word in words.MYSQL_RESERVED_TYPES:
        return True
    behind_as = before is not None and before.value == "as"
    return dialect is not Dialect.POSTGRES and behind_as and word in words.TYPES


def _schema(found: Sequence[Token], place: int, dialect: Dialect) -> str:
    before = found[place - 2] if place >= 2 else None
    deeper = place >= 3 and found[place - 3].kind == "."
    if before is None or before.kind not in {"word", "name"} or deeper:
        raise RefusedError(
            Rule.FUNCTION, "A call whose schema cannot be told", "Write schema.function(…)", found[place].start
        )
    return _called(before, dialect)


def _mysql_call(found: Sequence[Token], place: int) -> None:
    token, behind = found[place], found[place + 1]
    if token.value == "last_insert_id" and found[place + 2 : place + 3] and found[place + 2].kind != ")":
        raise RefusedError(Rule.SETS, "LAST_INSERT_ID with an argument sets it", "Leave the argument out", token.start)
    if token.kind == "word" and token.value in mysql.WITHOUT_SPACE and token.end != behind.start:
        name = token.value.upper()
        raise RefusedError(
            Rule.FUNCTION, f"With a space behind it {name} may be a stored function", f"Write {name}(", token.start
        )


def check_calls(
    made: Sequence[Call], aliases: Counter[str], dialect: Dialect, known: Functions | None
) -> tuple[str, ...]:
    """Refuse calls that are not harmless: the names that were called. ``aliases`` counts what looks like a call and is
    none: an alias with columns, LIKE before a parenthesis, ROLLUP."""
    left = Counter(aliases)
    names: set[str] = set()
    for call in made:
        if not call.schema and left[call.name] > 0:
            left[call.name] -= 1
            continue
        check_function(dialect, call, known)
        names.add(f"{call.schema}.{call.name}" if call.schema else call.name)
    return tuple(sorted(names))


def check_tokens(found: Sequence[Token], dialect: Dialect, known: Functions | None) -> None:
    """Refuse what words and signs alone give away: writes, locks, assignments, operators and types of somebody's."""
    for place, token in enumerate(found):
        before = found[place - 1] if place else None
        behind = found[place + 1] if place + 1 < len(found) else None
        if token.kind == "word":
            _check_word(token, before, behind, dialect)
        elif token.kind == "operator" and token.value == ":=":
            raise RefusedError(Rule.SETS, "An assignment in a query changes the session", "Leave it out", token.start)
        elif dialect is Dialect.POSTGRES and token.kind == "operator":
            if token.value == "::":
                _check_type(found, place + 1, known)
            elif token.value not in POSTGRES_OPERATORS:
                raise RefusedError(
                    Rule.OPERATOR, f"The operator {token.value} is not built in", "Use a built-in one", token.start
                )
        elif dialect is Dialect.POSTGRES and token.kind == "string" and before is not None:
            _check_literal(found, place, known)
    if dialect is Dialect.POSTGRES:
        _check_casts(found, known)


def _check_word(token: Token, before: Token | None, behind: Token | None, dialect: Dialect) -> None:
    word = token.value
    follows = behind.value if behind and behind.kind == "word" else ""
    named = before is not None and before.kind == "."
    if named and not (dialect is Dialect.MYSQL and word in {"nextval", "currval"}):
        return
    if word == "into":
        raise RefusedError(Rule.NOT_A_READ, "INTO writes what was read somewhere", "Leave it out", token.start)
    if (word == "for" and follows in {"update", "no", "share", "key"}) or (word, follows) == ("lock", "in"):
        raise RefusedError(Rule.LOCKS, "The query locks the rows it reads", "Leave the lock out", token.start)
    if (word in {"next", "previous"} and follows == "value") or named:
        raise RefusedError(Rule.SETS, "Taking a number from a sequence changes it", "Leave it out", token.start)
    if word == "operator" and behind is not None and behind.kind == "(":
        raise RefusedError(Rule.OPERATOR, "OPERATOR(…) names somebody's operator", "Use a built-in one", token.start)
    starts = before is None or before.kind in {"(", ")"}
    if word in words.WRITES and starts and behind is not None and behind.kind in {"word", "name"}:
        raise RefusedError(Rule.NOT_A_READ, f"{word.upper()} changes data", words.CORRECT, token.start)
    if word == "regexp" and dialect is Dialect.SQLITE:
        raise RefusedError(
            Rule.FUNCTION, "REGEXP calls a function that somebody adds to SQLite", "Use GLOB or LIKE", token.start
        )


def _check_type(found: Sequence[Token], place: int, known: Functions | None) -> None:
    """The type whose name begins at ``place`` is built in, or known to the server's catalog as harmless."""
    if place >= len(found) or found[place].kind not in {"word", "name"}:
        at = found[min(place, len(found) - 1)].start
        raise RefusedError(Rule.TYPE, "A cast to what is no type", "Write the name of a type", at)
    schema, token = "", found[place]
    if place + 2 < len(found) and found[place + 1].kind == ".":
        schema, token = token.value, found[place + 2]
    if schema in {"", "pg_catalog"} and token.value in postgres.TYPES:
        return
    shown = f"{schema}.{token.value}" if schema else token.value
    if known is None or shown not in known.types:
        raise RefusedError(
            Rule.TYPE,
            f"The type {shown} is not built in, and a cast to it may run code",
            "Compare as text",
            token.start,
        )


def _check_literal(found: Sequence[Token], place: int, known: Functions | None) -> None:
    """``type 'text'`` calls the input function of the type."""
    before = found[place - 1]
    if before.kind == ")":
        raise RefusedError(Rule.TYPE, "A literal of a type with a modifier", "Write CAST(… AS …)", before.start)
    if before.kind == "name" or (before.kind == "word" and before.value not in words.BEFORE_STRING):
        qualified = place >= 3 and found[place - 2].kind == "."
        _check_type(found, place - 3 if qualified else place - 1, known)


def _check_casts(found: Sequence[Token], known: Functions | None) -> None:
    """``CAST(… AS type)``: the AS that belongs to the parenthesis of the CAST, not to one within."""
    open_: list[bool] = []
    for place, token in enumerate(found):
        if token.kind == "(":
            open_.append(place > 0 and found[place - 1].value in {"cast", "treat", "xmlserialize"})
        elif token.kind == ")" and open_:
            open_.pop()
        elif token.kind == "word" and token.value == "as" and open_ and open_[-1]:
            _check_type(found, place + 1, known)
