"""Statements that are no query: EXPLAIN, SHOW, DESCRIBE, PRAGMA, TABLE. What of them reads, told by their words."""

from collections.abc import Sequence

from mainstay.restore.sqldesk.judge.harmless.sqlite import PRAGMAS, PRAGMAS_WITH_ARGUMENT
from mainstay.restore.sqldesk.judge.lexer import Token
from mainstay.restore.sqldesk.judge.verdict import Dialect, RefusedError, Rule
from mainstay.restore.sqldesk.judge.words import refuse_verb

_EXPLAIN_OPTIONS = frozenset(
    "analyze verbose costs settings generic_plan buffers wal timing summary memory serialize format text xml json yaml "
    "on off true false none binary".split()
)
_MYSQL_EXPLAIN = frozenset("extended partitions analyze format traditional tree json".split())
_MYSQL_SHOW = frozenset(
    """
    tables databases schemas columns fields index indexes keys table create variables status processlist engine engines
    storage grants warnings errors triggers function procedure events slave replica master binary binlog relaylog
    character charset collation open plugins privileges profiles profile count package explain analyze authors
    contributors locales slaves replicas hosts
    """.split()
)
_MYSQL_SHOW_BEFORE = frozenset("full global session local extended all".split())
_NAMES = frozenset({"word", "name"})


def end_of_explain(found: Sequence[Token], dialect: Dialect) -> int:
    """The place of the first token that EXPLAIN explains. 0: this is no EXPLAIN."""
    first = found[0].value if found[0].kind == "word" else ""
    if (
        dialect is Dialect.MYSQL
        and first == "analyze"
        and not _begins(found, 1, "table", "no_write_to_binlog", "local")
    ):
        return _past(found, 1, _MYSQL_EXPLAIN, {"="})
    if first not in {"explain", "describe", "desc"} or (first != "explain" and dialect is not Dialect.MYSQL):
        return 0
    if dialect is Dialect.POSTGRES:
        if len(found) > 1 and found[1].kind == "(":
            end = next((place for place, token in enumerate(found) if token.kind == ")"), len(found))
            past = _past(found, 2, _EXPLAIN_OPTIONS, {","})
            if past != end:
                raise RefusedError(Rule.UNKNOWN, "An unknown option of EXPLAIN", "Leave it out", found[past - 1].start)
            return end + 1
        return _past(found, 1, frozenset({"analyze", "verbose"}), set())
    if dialect is Dialect.SQLITE:
        return 3 if _begins(found, 1, "query") and _begins(found, 2, "plan") else 1
    return _past(found, 1, _MYSQL_EXPLAIN, {"="})


def _past(found: Sequence[Token], place: int, options: frozenset[str], signs: set[str]) -> int:
    while place < len(found) and (found[place].value in options or found[place].value in signs):
        place += 1
    return place


def _begins(found: Sequence[Token], place: int, *options: str) -> bool:
    return place < len(found) and found[place].kind == "word" and found[place].value in options


def shape(found: Sequence[Token], dialect: Dialect, *, explained: bool) -> str:
    """The kind of the statement: ``query`` is for the tree to judge; others are judged here. Raises."""
    first = found[0]
    if first.kind == "(":
        return "query"
    if first.kind != "word":
        raise RefusedError(Rule.UNREADABLE, "No statement begins like this", "Begin with SELECT", first.start)
    if first.value in {"select", "with", "values"}:
        return "query"
    if first.value == "table" and dialect is not Dialect.SQLITE:
        return _whole(found, 1, "table")
    if explained and dialect is Dialect.MYSQL and first.value not in {"insert", "update", "delete", "replace"}:
        return _described(found, 0)
    if not explained:
        if first.value == "show" and dialect is Dialect.POSTGRES:
            return _all_words(found, "show")
        if first.value == "show" and dialect is Dialect.MYSQL:
            return _mysql_show(found)
        if first.value == "pragma" and dialect is Dialect.SQLITE:
            return _pragma(found)
    raise refuse_verb(first.value, dialect, first.start)


def _whole(found: Sequence[Token], place: int, kind: str) -> str:
    """Nothing but one name, with its schema perhaps."""
    rest = found[place:]
    if [token.kind for token in rest[1::2]] not in ([], ["."]) or not rest or len(rest) % 2 == 0:
        raise RefusedError(Rule.UNKNOWN, "Only one name can stand there", f"Write {kind.upper()} name", found[0].start)
    if any(token.kind not in _NAMES for token in rest[::2]):
        raise RefusedError(Rule.UNKNOWN, "Only one name can stand there", f"Write {kind.upper()} name", found[0].start)
    return kind


def _described(found: Sequence[Token], place: int) -> str:
    """``DESCRIBE name [column]``."""
    last = found[-1]
    column = len(found) - place > 1 and last.kind in {"word", "name", "string"} and found[-2].kind != "."
    return _whole(found[:-1] if column else found, place, "describe")


def _all_words(found: Sequence[Token], kind: str) -> str:
    for token in found[1:]:
        if token.kind not in {*_NAMES, "."}:
            raise RefusedError(Rule.UNKNOWN, "Only names can stand there", "Write SHOW name", token.start)
    return kind


def _mysql_show(found: Sequence[Token]) -> str:
    place = _past(found, 1, _MYSQL_SHOW_BEFORE, set())
    if not _begins(found, place, *_MYSQL_SHOW):
        at = found[min(place, len(found) - 1)].start
        raise RefusedError(Rule.UNKNOWN, "This SHOW is not known to read", "Ask information_schema instead", at)
    for token in found:
        if token.kind == "word" and token.value in {"select", "with"}:
            raise RefusedError(Rule.UNKNOWN, "A query in a SHOW", "Ask information_schema instead", token.start)
    return "show"


def _pragma(found: Sequence[Token]) -> str:
    """``PRAGMA [schema.]name [(argument)]`` with a name of the short list, and never ``=``."""
    rest = list(found[1:])
    if len(rest) >= 3 and rest[1].kind == ".":
        rest = rest[2:]
    name = rest[0].value.lower() if rest and rest[0].kind == "word" else ""
    argument = [token.kind for token in rest[1:]]
    allowed = PRAGMAS if not argument else PRAGMAS_WITH_ARGUMENT
    plain = not argument or (
        len(argument) == 3
        and argument[0] == "("
        and argument[1] in {*_NAMES, "string", "number"}
        and argument[2] == ")"
    )
    if name not in allowed or not plain:
        raise RefusedError(
            Rule.SETS, "This PRAGMA is not known to read", "Those that read are in the reference", found[0].start
        )
    return "pragma"
