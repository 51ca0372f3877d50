"""What can be wrong with an expression, and how an error found inside the database travels back out."""

from __future__ import annotations

import re

# The database can only raise errors with a text fixed at parse time, except where it quotes what it could not
# convert. A guard therefore converts its message to a number on purpose, and these marks find it again.
MARK = "promql-error<<"
MARK_END = ">>promql-error"


class PromQLError(ValueError):
    """The expression is wrong: a syntax, type or evaluation error. The message says where and what to change."""


class Unsupported(PromQLError):
    """The expression may be right, but uses a construct outside what Mainstay evaluates. `construct` names it."""

    def __init__(self, construct: str, remedy: str = "rewrite the expression without it") -> None:
        self.construct = construct
        super().__init__(f"{construct} is not evaluated by Mainstay; {remedy}")


def from_database(text: str) -> PromQLError | None:
    """Return the PromQL error carried in the text of a database error, or None when it is not one of ours."""
    start = text.find(MARK)
    if start >= 0:
        end = text.find(MARK_END, start)
        message = text[start + len(MARK) : end if end > 0 else None]
        return PromQLError(re.sub(r"\\(.)", r"\1", message))
    if "CANNOT_COMPILE_REGEXP" in text:
        return PromQLError("a regular expression is not valid RE2 syntax; correct the pattern")
    return None
