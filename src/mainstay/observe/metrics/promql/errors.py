"""What can be wrong with an expression, and how an error found inside the database travels back out."""

from __future__ import annotations

import re

MARK = "promql-error<<"
MARK_END = ">>promql-error"
# What a short statement says when only the long one can give the answer, or the whole text of the error.
NEEDS_EXACT = "this needs the exact statement"
# At these two places only, because the rest of a database error may quote the statement and with it every guard.
_RAISED = re.compile(f"(?:DB::Exception: |Cannot parse string '){MARK}(.*?){MARK_END}", re.DOTALL)


class PromQLError(ValueError):
    """The expression is wrong: a syntax, type or evaluation error. The message says where and what to change."""


class Unsupported(PromQLError):  # noqa: N818 - the name says what it means: refused, not broken
    """The expression may be right, but uses a construct outside what Mainstay evaluates. `construct` names it."""

    def __init__(self, construct: str, remedy: str = "rewrite the expression without it") -> None:
        self.construct = construct
        super().__init__(f"{construct} is not evaluated by Mainstay; {remedy}")


def from_database(text: str) -> PromQLError | None:
    """Return the PromQL error carried in the text of a database error, or None when it is not one of ours."""
    raised = _RAISED.search(text)
    if raised:
        return PromQLError(raised[1])
    if "MEMORY_LIMIT_EXCEEDED" in text or "TIMEOUT_EXCEEDED" in text:
        return PromQLError(
            "the query needs more memory or time than it may have; shorten its ranges or use a longer step"
        )
    if "CANNOT_COMPILE_REGEXP" in text:
        return PromQLError("a regular expression is not valid RE2 syntax; correct the pattern")
    return None
