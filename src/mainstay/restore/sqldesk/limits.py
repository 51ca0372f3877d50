"""The judge within the limits of the settings, which all who ask it share."""

from mainstay.core.settings import current
from mainstay.restore.sqldesk.judge import Dialect, Functions, Verdict, judge


def judge_within(sql: str, dialect: Dialect, known: Functions | None = None) -> Verdict:
    """Whether ``sql`` only reads; what is longer than the settings allow is refused."""
    settings = current()
    return judge(sql, dialect, known, limit=settings.sql_statement_length, most_tokens=settings.sql_statement_tokens)
