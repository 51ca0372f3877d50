"""Which columns of an answer people must not see: by where their values come from, and when in doubt hidden.

A masked name taints what is computed from it. Taint follows aliases, CTEs and derived tables by name, so that a column
that got another name on the way is hidden too. Counting reveals nothing and is let through.
"""

from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from mainstay.restore.sqldesk.domain.masking import Mask

# Columns of catalogs in which servers keep samples of what is in tables.
_SAMPLES = (
    *("most_common_vals", "most_common_elems", "histogram_bounds", "histogram", "min_value", "max_value"),
    *(f"stavalues{number}" for number in range(1, 6)),
)


def hidden(
    sql: str, dialect: str, fields: Sequence[str], masks: Sequence[Mask], tables: frozenset[str] | None
) -> list[Mask | None]:
    """For each column of the answer the mask that it gets, or nothing.

    ``tables`` are the base tables that the statement reads, in lower case; ``None`` means that it is not known, or that
    there is a view among them, which may show any table.
    """
    rules = {one.column: one for one in masks if not one.table or tables is None or one.table in tables}
    if not rules:
        return [None] * len(fields)
    first = next(iter(rules.values()))
    rules = {**dict.fromkeys(_SAMPLES, first), **rules}
    by_name = [rules.get(name.lower()) for name in fields]
    try:
        root = sqlglot.parse_one(sql, read=dialect)
    except SqlglotError:
        # What cannot be parsed tells no column's origin; SHOW and PRAGMA speak of the schema and end here too.
        return by_name
    if not isinstance(root, exp.Query):
        return by_name
    taint = _Taint(rules)
    taint.spread(root)
    if taint.is_lost(root):
        return [first] * len(fields)
    renamed = [taint.names.get(name.lower()) for name in fields]
    return [named or found for named, found in zip(renamed, taint.outputs(root, fields, first), strict=True)]


class _Taint:
    """Names that carry masked values, and the mask that they carry."""

    def __init__(self, rules: Mapping[str, Mask]) -> None:
        self.names = dict(rules)

    def spread(self, root: exp.Expr) -> None:
        """Follow aliases until nothing new is tainted."""
        before = -1
        while before != len(self.names):
            before = len(self.names)
            for node in root.find_all(exp.Alias, exp.TableAlias):
                if isinstance(node, exp.Alias):
                    self._add(node.alias, self.of(node.this))
                elif node.args.get("columns") and node.parent is not None:
                    # Which of the columns it is, is not followed: all of them are.
                    found = self._of_relation(node.parent)
                    for column in node.args["columns"]:
                        self._add(column.name, found)

    def _of_relation(self, relation: exp.Expr) -> Mask | None:
        """What a table under new names of its columns may show: anything, unless all that it selects is written out."""
        opaque = isinstance(relation, exp.Table) and isinstance(relation.this, exp.Identifier)
        stars = any(not isinstance(one.parent, exp.Count) for one in relation.find_all(exp.Star))
        return next(iter(self.names.values())) if opaque or stars else self.of(relation)

    def is_lost(self, root: exp.Expr) -> bool:
        """Whether a function in FROM gets what is masked: the names of what it gives cannot be told."""
        return any(
            self.of(one) is not None
            for one in root.find_all(exp.Table, exp.Lateral, exp.Unnest)
            if not (isinstance(one, exp.Table) and isinstance(one.this, exp.Identifier))
            and not isinstance(one.this, exp.Subquery)
        )

    def _add(self, name: str, mask: Mask | None) -> None:
        if mask is not None and name:
            self.names.setdefault(name.lower(), mask)

    def of(self, node: exp.Expr) -> Mask | None:
        """The mask that an expression needs: its columns', or any if it takes whole rows."""
        whole = {table.alias_or_name.lower() for table in node.root().find_all(exp.Table, exp.Subquery)}
        for one in node.walk(prune=lambda part: isinstance(part, exp.Count)):
            if isinstance(one, exp.Count):
                continue
            if isinstance(one, exp.Column | exp.Identifier | exp.Dot) and one.name.lower() in self.names:
                return self.names[one.name.lower()]
            if isinstance(one, exp.Column) and not one.table and one.name.lower() in whole:
                return next(iter(self.names.values()))
            if isinstance(one, exp.Star) and not _is_output(one):
                return next(iter(self.names.values()))
        return None

    def outputs(self, root: exp.Query, fields: Sequence[str], doubt: Mask) -> list[Mask | None]:
        """For each field what its place in any arm of the query needs."""
        found: list[Mask | None] = [None] * len(fields)
        for select in _arms(root):
            for place, mask in enumerate(self._of_arm(select, len(fields), doubt)):
                found[place] = found[place] or mask
        return found

    def _of_arm(self, select: exp.Expr, count: int, doubt: Mask) -> list[Mask | None]:
        """An arm's columns by place, behind a star counted from the end; between two stars all are in doubt."""
        if not isinstance(select, exp.Select):
            return [self.of(select)] * count
        columns: list[exp.Expr] = list(select.expressions)
        stars = [place for place, one in enumerate(columns) if one.is_star]
        if not stars:
            masks = [self.of(one) for one in columns]
            return masks if len(masks) == count else [doubt] * count
        front, back = columns[: stars[0]], columns[stars[-1] + 1 :]
        middle = count - len(front) - len(back)
        between = [one for one in columns[stars[0] : stars[-1]] if not one.is_star]
        unsure = doubt if middle < 0 or any(self.of(one) for one in between) or self._star_hides(select) else None
        made = [*(self.of(one) for one in front), *[unsure] * max(middle, 0), *(self.of(one) for one in back)]
        return made if len(made) == count else [doubt] * count

    def _star_hides(self, select: exp.Select) -> bool:
        """Whether a star may show a masked value under another name: an unnamed column of a derived table."""
        inner = [one for one in select.find_all(exp.Select) if one is not select]
        return any(
            self.of(column) is not None
            for one in inner
            for column in one.expressions
            if not isinstance(column, exp.Alias | exp.Column) and not column.is_star
        )


def _is_output(star: exp.Star) -> bool:
    """``*`` or ``t.*`` as a column of a query, and not a whole row that is given to a function."""
    outer = star.parent.parent if isinstance(star.parent, exp.Column) else star.parent
    return isinstance(outer, exp.Select)


def _arms(query: exp.Expr) -> list[exp.Expr]:
    if isinstance(query, exp.Subquery):
        return _arms(query.this)
    if isinstance(query, exp.SetOperation):
        return [*_arms(query.left), *_arms(query.right)]
    return [query]
