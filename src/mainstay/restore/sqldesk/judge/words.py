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

# Words that stand before a parenthesis without calling anything. Where one of them can be the name of a function too,
# the tree tells, which knows it by that name and not by this list.
BEFORE_PARENTHESIS = frozenset(
    """
    select in exists and or not from where on using as by any all some having when then else case between like ilike
    union except intersect minus values over filter group limit offset partition order distinct with lateral array row
    return escape interval similar to collate at zone materialized only repeatable sets rollup cube columns passing
    index key join outer inner cross left right full use force ignore is xor div mod regexp rlike glob match against
    cast treat for end sounds binary unsigned signed rows first next top separator nested path default first
    """.split()
)

# Words that may stand before a string without making it a literal of a type (PostgreSQL).
BEFORE_STRING = frozenset(
    """
    select distinct all where and or not like ilike to between symmetric then else when case escape from for placing
    zone by on returning limit offset precision varying both leading trailing having passing path default in
    """.split()
)

MYSQL_TYPES = frozenset(
    """
    bigint binary bit blob bool boolean char character date datetime dec decimal double fixed float int integer json
    longblob longtext mediumint mediumtext nchar numeric nvarchar real signed smallint text time timestamp tinyint
    tinytext unsigned varbinary varchar year inet4 inet6 uuid
    """.split()
)
SQLITE_TYPES = frozenset("text integer int real numeric blob varchar char decimal float double date datetime".split())


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
