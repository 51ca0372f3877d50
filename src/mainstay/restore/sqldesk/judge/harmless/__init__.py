"""Functions that are known to change nothing, by dialect: built-in ones, looked through by hand.

A name that is missing is distrusted. Left out on purpose: what waits, locks, signals, takes numbers, changes the
session, reads or writes files, opens connections, or runs the text that it is given.
"""

from mainstay.restore.sqldesk.judge.harmless import mysql, postgres, sqlite
from mainstay.restore.sqldesk.judge.verdict import Dialect

FUNCTIONS = {
    Dialect.POSTGRES: postgres.FUNCTIONS | postgres.CASTS,
    Dialect.MYSQL: mysql.FUNCTIONS,
    Dialect.SQLITE: sqlite.FUNCTIONS,
}
