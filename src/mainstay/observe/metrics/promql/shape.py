"""What is known of an answer before it is computed, so that the statement need not check it.

Planning a statement costs more than running it on the samples of a rule, and grows with its length; so a check that
cannot fail is left out.
"""

from __future__ import annotations

import promql_parser as pp

from . import functions, ranges
from .parser import without_parens

# Binary operators whose result has the label sets of one side.
_SETS = frozenset({"and", "or", "unless"})


def distinct_without_name(node: pp.Expr) -> bool:
    """Whether the series of a vector differ in their labels also when the metric name is taken away.

    That holds for a selector that fixes the name, for an aggregation that does not group by it, for one-to-one
    matching, and for what changes the values of such vectors only. When in doubt the answer is no.
    """
    node = without_parens(node)
    if isinstance(node, pp.VectorSelector):
        return _fixes_name(node)
    if isinstance(node, pp.MatrixSelector):
        return _fixes_name(node.vector_selector)
    if isinstance(node, pp.UnaryExpr):
        return distinct_without_name(node.expr)
    if isinstance(node, pp.AggregateExpr):
        return _aggregates(node)
    if isinstance(node, pp.BinaryExpr):
        return _combines(node)
    if isinstance(node, pp.Call):
        name = node.func.name
        known = name in functions.ELEMENTWISE or name in ranges.GRID_FUNCTIONS or name in ranges.WINDOW_FUNCTIONS
        vectors = [one for one in node.args if not _is_number(one)]
        return known and len(vectors) == 1 and distinct_without_name(vectors[0])
    return False


def _is_number(node: pp.Expr) -> bool:
    return isinstance(without_parens(node), (pp.NumberLiteral, pp.StringLiteral))


def _fixes_name(selector: pp.VectorSelector) -> bool:
    """The name stands before the braces, or is matched by equality inside them."""
    if selector.name:
        return True
    return any(one.name == "__name__" and str(one.op).endswith(".Equal") for one in selector.matchers.matchers)


def _aggregates(node: pp.AggregateExpr) -> bool:
    if str(node.op) in {"topk", "bottomk"}:
        return distinct_without_name(node.expr)
    modifier = node.modifier
    by = modifier is not None and modifier.type == pp.AggModifierType.By
    return str(node.op) != "count_values" and not (by and modifier is not None and "__name__" in modifier.labels)


def _combines(node: pp.BinaryExpr) -> bool:
    sides = [side for side in (node.lhs, node.rhs) if not _is_number(side)]
    if len(sides) == 1:
        return distinct_without_name(sides[0])
    modifier = node.modifier
    one_to_one = modifier is None or modifier.card == pp.VectorMatchCardinality.OneToOne
    # One-to-one matching gives each group at most one series, and keeps of its labels those that make the group; but
    # for a comparison `on` some labels, which keeps them all. Grouping by the name itself is left to the check.
    names = () if modifier is None or modifier.matching is None else tuple(modifier.matching.labels)
    return str(node.op) not in _SETS and one_to_one and "__name__" not in names
