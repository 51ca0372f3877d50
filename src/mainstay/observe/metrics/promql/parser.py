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
    _check_bytes(expr)
    bare = re.sub(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*", "''", expr)
    if re.search(r"@\s*-", bare):
        # The parser takes it and then loses the sign.
        raise Unsupported("the @ modifier with a time before 1970")
    try:
        return pp.parse(expr)
    except ValueError as error:
        message = str(error)
    except BaseException as error:
        # A panic of the parser, which is written in Rust, is no Exception and would end the process.
        if type(error).__name__ != "PanicException":
            raise
        message = "the parser gave up"
    unknown = _UNKNOWN.search(message)
    if unknown and unknown[1] in _REMOVED:
        raise PromQLError(f"{message}; Prometheus 3 calls it {_REMOVED[unknown[1]]}")
    for pattern, construct in _NEWER:
        found = pattern.search(bare)
        if found:
            raise Unsupported(construct.format(found[1]))
    raise PromQLError(f"{message}; correct the expression {expr!r}")


_TEXT = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\(x[89a-fA-F][0-9a-fA-F]|[23][0-7][0-7])")


def _check_bytes(expr: str) -> None:
    """Refuse strings that spell out bytes beyond ASCII: the parser reads them as characters, Prometheus as bytes."""
    for literal in _TEXT.findall(expr):
        if not _BYTE.search(literal):
            continue
        if re.search(r"\b(label_replace|label_join|count_values)\b", expr):
            raise PromQLError(f"invalid label name {literal} or value: write the characters, not their bytes")
        raise Unsupported(f"the bytes in the string {literal}", "write the characters themselves")


def without_parens(node: pp.Expr) -> pp.Expr:
    """The expression inside any parentheses."""
    while isinstance(node, pp.ParenExpr):
        node = node.expr
    return node


def number_of(node: pp.Expr) -> float | None:
    """The value of a number with arithmetic of numbers on it, such as -1 or 5 * 60; None when it is not one."""
    node = without_parens(node)
    if isinstance(node, pp.NumberLiteral):
        return float(node.val)
    if isinstance(node, pp.UnaryExpr):
        inner = number_of(node.expr)
        return None if inner is None else -inner
    if isinstance(node, pp.BinaryExpr):
        left, right = number_of(node.lhs), number_of(node.rhs)
        if left is None or right is None:
            return None
        simple = {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else None}
        return simple.get(str(node.op))
    return None


def depth(expr: pp.Expr) -> int:
    """How deeply an expression is nested; 1 for a single selector or number."""
    level = deepest = 0

    def enter(_: pp.Expr) -> bool:
        nonlocal level, deepest
        level += 1
        deepest = max(deepest, level)
        return True

    def leave(_: pp.Expr) -> bool:
        nonlocal level
        level -= 1
        return True

    pp.walk(expr, enter, leave)
    return deepest
