"""What of a rule expression to draw: the line, and the threshold that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import promql_parser as pp

from .binary import COMPARISONS
from .parser import number_of, parse, without_parens

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
    left, right = number_of(root.lhs), number_of(root.rhs)
    if right is not None and left is None:
        return Threshold(without_parens(root.lhs).prettify(), operator, right)
    if left is not None and right is None:
        return Threshold(without_parens(root.rhs).prettify(), _MIRRORED[operator], left)
    return None
