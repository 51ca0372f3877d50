"""What of a rule expression to draw: the line, and the threshold that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import promql_parser as pp

from .binary import COMPARISONS
from .parser import parse, without_parens

_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


@dataclass(frozen=True)
class Threshold:
    """The comparison at the top of a rule: `expr operator value`, so that `expr` is what to draw."""

    expr: str
    operator: str
    value: float


def split_threshold(expr: str) -> Threshold | None:
    """Split `LHS op number` (or `number op RHS`, mirrored) at the top of an expression; None when it is otherwise.

    A comparison with `bool`, or of two numbers, is none. Raises PromQLError when the expression does not parse.
    """
    root = without_parens(parse(expr))
    if not isinstance(root, pp.BinaryExpr) or str(root.op) not in COMPARISONS:
        return None
    if root.modifier is not None and root.modifier.return_bool:
        return None
    operator = str(root.op)
    left, right = _number(root.lhs), _number(root.rhs)
    if right is not None and left is None:
        return Threshold(without_parens(root.lhs).prettify(), operator, right)
    if left is not None and right is None:
        return Threshold(without_parens(root.rhs).prettify(), _MIRRORED[operator], left)
    return None


def _number(node: pp.Expr) -> float | None:
    """The value of a number with arithmetic of numbers on it, such as -1 or 5 * 60; None when it is not one."""
    node = without_parens(node)
    if isinstance(node, pp.NumberLiteral):
        return float(node.val)
    if isinstance(node, pp.UnaryExpr):
        inner = _number(node.expr)
        return None if inner is None else -inner
    if isinstance(node, pp.BinaryExpr):
        left, right = _number(node.lhs), _number(node.rhs)
        if left is None or right is None:
            return None
        simple = {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else None}
        return simple.get(str(node.op))
    return None
