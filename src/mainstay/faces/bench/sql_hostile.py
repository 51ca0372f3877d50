"""Statements that take a judge the longest, for measuring and for tests: long lists, long chains, deep nesting."""

from typing import NamedTuple


class Shape(NamedTuple):
    """What grows by repeating a piece: ``pieces`` before the middle, and as many of ``closing`` behind it."""

    begin: str
    piece: str
    middle: str
    closing: str = ""
    end: str = ""
    tokens: int = 2


SHAPES = {
    "columns": Shape("SELECT ", "a,", "a", end=" FROM t"),
    "values": Shape("SELECT a FROM t WHERE a IN (", "1,", "1", end=")"),
    "rows": Shape("VALUES ", "(1,1),", "(1,1)", tokens=6),
    "sums": Shape("SELECT 1", "+1", ""),
    "names": Shape("SELECT a", ".a", " FROM t"),
    "strings": Shape("SELECT 'a'", "||'a'", ""),
    "casts": Shape("SELECT ", "CAST(a AS char),", "1 FROM t", tokens=7),
    "cast chain": Shape("SELECT a", "::text", " FROM t"),
    "calls": Shape("SELECT ", "lower(a),", "1 FROM t", tokens=5),
    "conditions": Shape("SELECT 1 FROM t WHERE a", " OR a", ""),
    "whens": Shape("SELECT CASE ", "WHEN a THEN 1 ", "END FROM t", tokens=4),
    "joins": Shape("SELECT 1 FROM t", " JOIN t ON 1", "", tokens=4),
    "unions": Shape("SELECT 1", " UNION SELECT 1", "", tokens=3),
    "parentheses": Shape("SELECT ", "(", "1", ")"),
    "nested calls": Shape("SELECT ", "lower(", "a", ")", " FROM t", tokens=3),
    "nested queries": Shape("SELECT * FROM ", "(SELECT * FROM ", "t", ") x", tokens=6),
    "nested cases": Shape("SELECT ", "CASE WHEN 1 THEN ", "1", " END", tokens=4),
    "brackets": Shape("SELECT a", "[1]", " FROM t", tokens=3),
    "signs": Shape("SELECT ", "- ", "1", tokens=1),
    "nots": Shape("SELECT ", "NOT ", "1", tokens=1),
}


def grown(shape: str, *, characters: int, tokens: int | None = None) -> str:
    """The shape as long as it may be without more characters, and, where given, without more tokens."""
    one = SHAPES[shape]
    fixed = len(one.begin) + len(one.middle) + len(one.end)
    times = (characters - fixed) // (len(one.piece) + len(one.closing))
    if tokens is not None:
        times = min(times, (tokens - 15) // one.tokens)
    return one.begin + one.piece * times + one.middle + one.closing * times + one.end
