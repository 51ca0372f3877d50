"""Parsing, and telling a wrong expression from one that is newer than the parser."""

from __future__ import annotations

import re

import promql_parser as pp

from .errors import PromQLError, Unsupported

# What a parse error may come from without the expression being wrong: syntax of newer versions of Prometheus.
_NEWER = (
    (re.compile(r"\b(smoothed|anchored)\b"), "the modifier {}"),
    (re.compile(r"\b(fill|fill_left|fill_right)\b"), "the modifier {}"),
    (re.compile(r"(\[[^\]\"'`]*[-+*/%^()][^\]\"'`]*\])"), "the duration expression {}"),
    (re.compile(r"\b(offset\s*-?\s*\()"), "a duration expression in offset"),
    (re.compile(r"(@)"), "the @ modifier"),
)
_UNKNOWN = re.compile(r"unknown function with name '(\w+)'")
# Known to no version 3 of Prometheus.
_REMOVED = {"holt_winters": "double_exponential_smoothing"}


def parse(expr: str) -> pp.Expr:
    """Parse an expression. Raises PromQLError with the parser's message, or Unsupported for newer syntax."""
    try:
        return pp.parse(expr)
    except ValueError as error:
        message = str(error)
    unknown = _UNKNOWN.search(message)
    if unknown and unknown[1] in _REMOVED:
        raise PromQLError(f"{message}; Prometheus 3 calls it {_REMOVED[unknown[1]]}")
    bare = re.sub(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*", "''", expr)
    for pattern, construct in _NEWER:
        found = pattern.search(bare)
        if found:
            raise Unsupported(construct.format(found[1]))
    raise PromQLError(f"{message}; correct the expression {expr!r}")


def without_parens(node: pp.Expr) -> pp.Expr:
    """The expression inside any parentheses."""
    while isinstance(node, pp.ParenExpr):
        node = node.expr
    return node
