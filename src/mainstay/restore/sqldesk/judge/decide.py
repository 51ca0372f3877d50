"""The judgement: tokens, then words, then the tree, each of which must find nothing wrong."""

from collections import Counter
from collections.abc import Sequence

from mainstay.restore.sqldesk.judge import calls, shapes, tree
from mainstay.restore.sqldesk.judge.lexer import Token, blanked, tokens, without_comments
from mainstay.restore.sqldesk.judge.verdict import Dialect, Functions, RefusedError, Rule, Verdict

DEFAULT_LIMIT = 50_000
DEFAULT_TOKENS = 8_000


def judge(
    sql: str,
    dialect: Dialect,
    known: Functions | None = None,
    *,
    limit: int = DEFAULT_LIMIT,
    most_tokens: int = DEFAULT_TOKENS,
) -> Verdict:
    """Whether ``sql`` is one statement that only reads.

    ``known`` is what the server's own catalog says of functions and types; without it every function that is not known
    to be harmless is distrusted. ``limit`` is in characters; ``most_tokens`` bounds the time, which grows with the
    words and signs rather than with the characters. Never raises: what cannot be judged is refused.

    1. The text becomes tokens as the server reads them; where servers read differently it is refused.
    2. Words and signs are looked at: several statements, INTO, locks, assignments, operators and types of somebody's.
    3. What is no query (SHOW, PRAGMA, …) is judged by its form; EXPLAIN by what it explains.
    4. A query is parsed. The parser must have seen the same tokens, and every node of the tree must be known to read.
    5. Every name that is called must be known to be harmless.
    """
    try:
        return _judge(sql, dialect, known, limit, most_tokens)
    except RefusedError as refused:
        return Verdict(False, refused.reason(sql), refused.rule)
    except RecursionError:
        return Verdict(False, "The statement is nested too deep. Split the query with WITH", Rule.TOO_DEEP)
    except Exception:  # noqa: BLE001 - whatever a parser of others stumbles over is no read
        return Verdict(False, "The statement cannot be judged. Write it in another way", Rule.UNREADABLE)


def _judge(sql: str, dialect: Dialect, known: Functions | None, limit: int, most_tokens: int) -> Verdict:
    if len(sql) > limit:
        raise RefusedError(Rule.TOO_LONG, f"The statement has more than {limit} characters", "Split it, or use a table")
    bad = next((place for place, sign in enumerate(sql) if sign == "\0" or "\ud800" <= sign <= "\udfff"), -1)
    if bad >= 0:
        raise RefusedError(Rule.UNREADABLE, "A sign that is no text", "Take it away", bad)
    everything = tokens(sql, dialect, most_tokens)
    clean = blanked(sql, everything)
    found = _one_statement(list(without_comments(everything)))
    begin = shapes.end_of_explain(found, dialect)
    if begin >= len(found):
        raise RefusedError(Rule.EMPTY, "Nothing is explained", "Write a query behind it", found[-1].start)
    calls.check_tokens(found[begin:], dialect, known)
    kind = shapes.shape(found[begin:], dialect, explained=begin > 0)
    made = [] if kind == "pragma" else calls.calls(found[begin:], dialect)
    aliases: Counter[str] = Counter()
    tables: tuple[str, ...] = ()
    if kind == "query":
        start, end = found[begin].start, found[-1].end
        read = tree.walk(" " * start + clean[start:end], found[begin:], dialect, known)
        kind, aliases, tables = read.kind, read.aliases, read.tables
    called = calls.check_calls(made, aliases, dialect, known)
    return Verdict(True, "It only reads", None, "explain" if begin else kind, clean.strip(), tables, called)


def _one_statement(found: Sequence[Token]) -> list[Token]:
    """The tokens of the only statement, without the semicolon at its end."""
    ended = list(found[:-1]) if found and found[-1].kind == ";" else list(found)
    if not ended:
        raise RefusedError(Rule.EMPTY, "There is no statement", "Write a query")
    second = next((token for token in ended if token.kind == ";"), None)
    if second is not None:
        raise RefusedError(Rule.SEVERAL, "There are several statements", "Ask one at a time", second.start)
    return ended
