"""Run a person's own SELECT over the tables of logs, under limits."""

import re
import time

from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.observe.logs.search import guard
from mainstay.observe.logs.search.answers import Rows
from mainstay.observe.telemetry import schema
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.services import TelemetryError

# What is wrong with the statement itself, and not with the store: syntax, names, kinds, limits.
_PASSING = {0, 202, 210, 252}
_NOISE = re.compile(r"\s*\(version [^)]*\)|^Code: \d+\. DB::Exception: ")


def sql(actor: Actor, statement: str) -> Rows:
    """The rows of one SELECT over ``log_lines`` and ``log_minutes``.

    It runs for at most ``log_sql_timeout`` seconds in at most ``log_sql_memory_mb``, and gives at most ``log_sql_rows``
    rows. Raises ``ProblemError`` with the field ``sql`` for what is not allowed or wrong.
    """
    require(actor, Right.READ)
    conf = current()
    others = {*schema.TABLES, "log_minutes_view"} - set(guard.TABLES)
    checked = guard.rewrite(statement, others)
    limits = {
        "max_execution_time": conf.log_sql_timeout,
        "max_memory_usage": conf.log_sql_memory_mb * 1_000_000,
        "limit": conf.log_sql_rows + 1,
        "max_result_bytes": 50_000_000,
        "result_overflow_mode": "break",
        "max_ast_depth": 200,
        "max_subquery_depth": 20,
    }
    began = time.perf_counter()
    try:
        seen = telemetry.rows(f"EXPLAIN AST {checked.sql}", checked.params)
        guard.judge((str(row[0]) for row in seen), checked.tables)
        answer = telemetry.ask(checked.sql, checked.params, limits)
    except TelemetryError as error:
        if error.code in _PASSING:
            raise
        raise bad_request(f"the store refuses it: {_NOISE.sub('', str(error))[:500]}", "sql") from error
    rows = tuple(answer.rows[: conf.log_sql_rows])
    took = (time.perf_counter() - began) * 1000
    cut = len(answer.rows) > conf.log_sql_rows
    return Rows(answer.names, rows, cut, answer.read_rows, answer.read_bytes, took, checked.sql)
