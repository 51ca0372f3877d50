"""What single words mean to the judge."""

from mainstay.restore.sqldesk.judge.verdict import Dialect, RefusedError, Rule

CORRECT = "Make it a correction: it is previewed, approved by another person, and can be undone"
READ = "Begin with SELECT, WITH, VALUES, SHOW, DESCRIBE, EXPLAIN or, in SQLite, PRAGMA"

_CHANGES_DATA = frozenset("insert update delete merge replace truncate copy load import upsert".split())
_CHANGES_SCHEMA = frozenset("create alter drop rename comment grant revoke reassign security refresh".split())
_TRANSACTION = frozenset("begin start commit rollback abort end savepoint release xa".split())
_SESSION = frozenset(
    "set reset discard use declare fetch move close prepare execute deallocate listen unlisten handler attach "
    "detach delimiter source help".split()
)
_RUNS = frozenset("do call exec".split())
_LOCKS = frozenset("lock unlock".split())
_CARE = frozenset(
    "vacuum analyze reindex cluster checkpoint optimize repair check checksum flush kill shutdown purge change stop "
    "install uninstall binlog notify restart clone cache".split()
)

# A write that begins in the middle: behind a parenthesis that opens or closes, and before another word.
WRITES = frozenset("insert update delete merge replace".split())

# Words that stand before a parenthesis without calling anything, because no function can have such a name without
# quotes: they are reserved.
_RESERVED = frozenset(
    "select in exists and or not from where on using as all having when then else case between union except intersect "
    "values limit distinct join".split()
)
BEFORE_PARENTHESIS = {
    Dialect.POSTGRES: _RESERVED | frozenset("any some array cast for to group offset interval treat lateral".split()),
    Dialect.MYSQL: _RESERVED | frozenset("regexp rlike xor div mod like binary for group".split()),
    Dialect.SQLITE: _RESERVED,
}
# Words that can be names of functions too, and call nothing behind one of these words or signs.
BEHIND = {
    "by": frozenset({"order", "group", "partition"}),
    "over": frozenset({")", "nulls"}),
    "filter": frozenset({")"}),
    "against": frozenset({")"}),
    "repeatable": frozenset({")"}),
    "materialized": frozenset({"as", "not"}),
    "zone": frozenset({"time"}),
    "index": frozenset({"use", "force", "ignore"}),
    "first": frozenset({"fetch"}),
    "next": frozenset({"fetch"}),
    "sets": frozenset({"grouping"}),
    "system": frozenset({"tablesample"}),
    "bernoulli": frozenset({"tablesample"}),
}
# Words that can be names of functions too, and call nothing before a query in parentheses.
BEFORE_QUERY = frozenset("any some lateral".split())
QUERY = frozenset("select with values table".split())

# Words that may stand before a string without making it a literal of a type (PostgreSQL).
BEFORE_STRING = frozenset(
    """
    select distinct all where and or not like ilike to between symmetric then else when case escape from for placing
    zone by on returning limit offset precision varying both leading trailing having passing path default in
    """.split()
)

# Types of MySQL that no function can be called like, and types behind AS in the casts of MySQL and SQLite.
MYSQL_RESERVED_TYPES = frozenset(
    "bigint binary blob char character dec decimal double float int integer numeric real smallint tinyint varbinary "
    "varchar".split()
)
TYPES = MYSQL_RESERVED_TYPES | frozenset("datetime date time timestamp nchar signed unsigned text".split())


def refuse_verb(word: str, dialect: Dialect, at: int) -> RefusedError:
    """Why a statement that begins with this word is no read."""
    upper = word.upper()
    for words, rule, what, remedy in (
        (_CHANGES_DATA, Rule.NOT_A_READ, f"{upper} changes data", CORRECT),
        (_CHANGES_SCHEMA, Rule.NOT_A_READ, f"{upper} changes the schema or rights", "Make it a release"),
        (_TRANSACTION, Rule.NOT_A_READ, f"{upper} controls the transaction, which the desk does", "Leave it out"),
        (_SESSION, Rule.SETS, f"{upper} changes the session", "Leave it out; limits are the connection's"),
        (_RUNS, Rule.NOT_A_READ, f"{upper} runs what may change anything", CORRECT),
        (_LOCKS, Rule.LOCKS, f"{upper} locks", "Read without a lock"),
        (_CARE, Rule.NOT_A_READ, f"{upper} acts on the server", "Ask those who look after the database"),
    ):
        if word in words:
            return RefusedError(rule, what, remedy, at)
    return RefusedError(Rule.UNKNOWN, f"{upper} is not known to begin a read in {dialect}", READ, at)
