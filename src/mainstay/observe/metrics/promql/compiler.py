"""From a PromQL expression to one ClickHouse statement.

The parser is `promql-parser`; this module walks its tree and puts the pieces of the other modules together. See
`sql` for how a vector travels. A scalar is an SQL expression for an array of floats over the grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import promql_parser as pp

from . import aggregate, binary, functions, histograms, ranges, selectors, shape, sql
from .errors import PromQLError, Unsupported
from .model import Compiled, Grid, Limits, Order, Tables
from .parser import depth, number_of, parse, without_parens

_SORTS: dict[str, Order] = {
    "sort": "asc",
    "sort_desc": "desc",
    "sort_by_label": "label",
    "sort_by_label_desc": "label_desc",
}


def compile_query(
    expr: str,
    *,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    lookback_ms: int = 300_000,
    limits: Limits | None = None,
    tables: Tables | None = None,
    delayed_names: bool = False,
    instant: bool | None = None,
    exact: bool = True,
) -> Compiled:
    """Compile an expression for the grid from `start_ms` to `end_ms`, every `step_ms` (milliseconds since 1970).

    An instant query has `start_ms == end_ms`, unless `instant` says that it is a range of one point. `lookback_ms` is
    how old the newest sample of an instant selector may be. `delayed_names` drops metric names at the end of the
    evaluation and not at each function, which is the feature flag `promql-delayed-name-removal` of Prometheus (off
    there by default, and here). Without `exact` the statement is shorter and quicker to plan; on data that it cannot
    answer it ends with the error `errors.NEEDS_EXACT`.

    Raises PromQLError for an expression that is wrong, and Unsupported for one that is outside what is evaluated.
    """
    limits = limits or Limits()
    if len(expr) > limits.max_length:
        raise PromQLError(f"the expression is longer than {limits.max_length} characters; split it up")
    grid = Grid(start_ms, end_ms, step_ms, instant=start_ms == end_ms if instant is None else instant)
    if grid.count > limits.max_points:
        raise PromQLError(
            f"{grid.count} points a series are more than {limits.max_points}; use a longer step or a shorter range"
        )
    parsed = parse(expr)
    if depth(parsed) > limits.max_depth:
        raise PromQLError(f"the expression is nested deeper than {limits.max_depth} levels; split it up")
    root = without_parens(parsed)
    compiler = _Compiler(grid, lookback_ms, tables or Tables(), limits, delayed_names, exact)
    settings = _settings(limits)
    if isinstance(root, pp.StringLiteral):
        return Compiled("", settings, "string", grid, text=root.val)
    if compiler.is_scalar(root):
        rows = f"SELECT {sql.NO_LABELS} AS labels, {sql.nullable(compiler.scalar(root))} AS values"
        return Compiled(rows, settings, "scalar", grid)
    if isinstance(root, (pp.MatrixSelector, pp.SubqueryExpr)):
        raise Unsupported("a range vector as the answer", "put a function such as rate(...) around it")
    order, labels = _order(root) if grid.instant else ("", ())
    statement = compiler.final(root)
    if len(statement) > limits.max_statement:
        raise PromQLError("the expression grows into too large a statement; split it up")
    return Compiled(statement, settings, "vector", grid, order, labels)


def _settings(limits: Limits) -> dict[str, int | str]:
    return {
        "enable_time_series_aggregate_functions": 1,
        # Without this ClickHouse reads some texts, here the bounds of buckets, one digit off.
        "precise_float_parsing": 1,
        # The statement relies on these defaults, which a server may have changed.
        "enable_analyzer": 1,
        "aggregate_functions_null_for_empty": 0,
        "join_use_nulls": 0,
        "prefer_column_name_to_alias": 0,
        "max_execution_time": limits.max_seconds,
        "max_memory_usage": limits.max_memory_bytes,
        "max_subquery_depth": 1000,
        "max_ast_depth": 10_000,
        "max_query_size": 10_000_000,
        "max_ast_elements": 1_000_000,
        "max_expanded_ast_elements": 5_000_000,
    }


def _order(root: pp.Expr) -> tuple[Order, tuple[str, ...]]:
    """How the series of the answer to an instant query are ordered."""
    if isinstance(root, pp.AggregateExpr) and str(root.op) in ("topk", "bottomk"):
        return ("desc" if str(root.op) == "topk" else "asc"), ()
    if isinstance(root, pp.Call) and root.func.name in _SORTS:
        return _SORTS[root.func.name], tuple(_string(argument) for argument in root.args[1:])
    return "", ()


def _string(node: pp.Expr) -> str:
    inner = without_parens(node)
    if not isinstance(inner, pp.StringLiteral):
        raise PromQLError("a string literal is wanted here")
    return inner.val


@dataclass(frozen=True)
class _Compiler:
    grid: Grid
    lookback_ms: int
    tables: Tables
    limits: Limits
    delayed_names: bool
    exact: bool

    # ---- types ----

    def is_scalar(self, node: pp.Expr) -> bool:
        """Whether an expression is a scalar; the parser has checked that types fit."""
        node = without_parens(node)
        if isinstance(node, pp.Call):
            return str(node.func.return_type).endswith("Scalar")
        if isinstance(node, pp.UnaryExpr):
            return self.is_scalar(node.expr)
        if isinstance(node, pp.BinaryExpr):
            return self.is_scalar(node.lhs) and self.is_scalar(node.rhs)
        return isinstance(node, pp.NumberLiteral)

    # ---- scalars: an SQL array over the grid ----

    def constant(self, value: str) -> str:
        return f"arrayWithConstant({self.grid.count}, toFloat64({value}))"

    def times(self) -> str:
        """The evaluation times in seconds."""
        start, step = self.grid.start_ms, self.grid.step_ms
        return f"arrayMap(i -> ({start} + i * {step}) / 1000, range({self.grid.count}))"

    def scalar(self, node: pp.Expr) -> str:
        node = without_parens(node)
        if isinstance(node, pp.NumberLiteral):
            return self.constant(sql.number(node.val))
        if isinstance(node, pp.UnaryExpr):
            return f"arrayMap(y -> -y, {self.scalar(node.expr)})"
        if isinstance(node, pp.BinaryExpr):
            value = binary.element(str(node.op), "y", "c", is_bool=_is_bool(node), keep="y")
            return f"arrayMap((y, c) -> {value}, {self.scalar(node.lhs)}, {self.scalar(node.rhs)})"
        if isinstance(node, pp.Call):
            return self._scalar_call(node)
        raise PromQLError("a scalar is wanted here; use scalar(...) to make one of a vector")

    def _scalar_call(self, node: pp.Call) -> str:
        name = node.func.name
        grid = self.grid
        span = 0 if grid.instant else grid.end_ms - grid.start_ms
        constants = {
            "pi": 3.141592653589793,
            "start": grid.start_ms / 1000,
            "end": grid.end_ms / 1000,
            "step": 0.0 if grid.instant else grid.step_ms / 1000,
            "range": span / 1000,
        }
        if name == "time":
            return self.times()
        if name in constants:
            return self.constant(sql.number(constants[name]))
        if name in functions.SCALAR_PAIRS:
            value = functions.SCALAR_PAIRS[name]("y", "c")
            return f"arrayMap((y, c) -> {value}, {self.scalar(node.args[0])}, {self.scalar(node.args[1])})"
        if name == "scalar":
            counts = sql.padded("countForEach(s.v)", grid)
            only = f"arrayResize(arrayMap(y -> ifNull(y, nan), anyForEach(s.v)), {grid.count}, nan)"
            value = f"arrayMap((c, y) -> if(c = 1, y, nan), {counts}, {only})"
            return f"(SELECT {value} FROM ({self.vector(node.args[0])}) AS s)"
        raise Unsupported(f"the function {name}()")

    # ---- vectors: a subquery of (l, d, v) ----

    def final(self, root: pp.Expr) -> str:
        """The whole statement: names dropped, equal label sets united, series without samples left out."""
        seen = "WHERE arrayExists(y -> isNotNull(y), r.v) ORDER BY labels"
        if self._needs_no_merge(root):
            return f"SELECT r.l AS labels, r.v AS values FROM ({self.vector(root)}) AS r {seen}"
        dropped = (
            f"SELECT if(s.d = 1, {sql.without('s.l', ['__name__'])}, s.l) AS l, toUInt8(0) AS d, s.v AS v "
            f"FROM ({self.vector(root)}) AS s"
        )
        return f"SELECT r.l AS labels, r.v AS values FROM ({sql.merged(dropped)}) AS r {seen}"

    def _needs_no_merge(self, node: pp.Expr) -> bool:
        """Whether label sets are distinct for certain, so that uniting equal ones can be left out."""
        return not self.delayed_names and shape.distinct_without_name(node)

    def vector(self, node: pp.Expr) -> str:
        node = without_parens(node)
        if isinstance(node, pp.VectorSelector):
            return selectors.instant(selectors.read(node), self.tables, self.grid, self.lookback_ms)
        if isinstance(node, pp.UnaryExpr):
            return self._without_name(functions.apply(self.vector(node.expr), "-y", []), node)
        if isinstance(node, pp.AggregateExpr):
            return self._aggregation(node)
        if isinstance(node, pp.BinaryExpr):
            return self._binary(node)
        if isinstance(node, pp.Call):
            return self._call(node)
        raise PromQLError("an instant vector is wanted here")

    def _without_name(self, source: str, of: pp.Expr | None = None) -> str:
        """Drop the metric name, now or by a mark for the end of the evaluation. `of` is the expression it is for."""
        if self.delayed_names:
            return f"SELECT s.l AS l, toUInt8(1) AS d, s.v AS v FROM ({source}) AS s"
        labels = sql.without("s.l", ["__name__"])
        dropped = f"SELECT {labels} AS l, toUInt8(0) AS d, s.v AS v FROM ({source}) AS s"
        return dropped if of is not None and self._needs_no_merge(of) else sql.merged(dropped)

    def _aggregation(self, node: pp.AggregateExpr) -> str:
        operator, param = str(node.op), node.param
        modifier = node.modifier
        by = modifier is None or modifier.type == pp.AggModifierType.By
        group = aggregate.grouping("s.l", by=by, names=[] if modifier is None else list(modifier.labels))
        if operator in aggregate.SIMPLE:
            return aggregate.simple(operator, self.vector(node.expr), group, self.grid)
        if param is None:
            raise PromQLError(f"{operator} wants a parameter")
        if operator == "quantile":
            return aggregate.simple(operator, self.vector(node.expr), group, self.grid, self.scalar(param))
        if operator in ("topk", "bottomk"):
            level = number_of(param)
            if level is not None and math.isnan(level):
                raise PromQLError("Parameter value is NaN; give a number of series")
            return aggregate.extremes(operator, self.vector(node.expr), group, self.grid, self.scalar(param))
        if operator == "count_values":
            label = _string(param)
            if not label:
                raise PromQLError('invalid label name ""; give a name for the label with the value')
            return aggregate.count_values(label, self.vector(node.expr), group, self.grid)
        raise Unsupported(f"the aggregation {operator}")

    def _binary(self, node: pp.BinaryExpr) -> str:
        operator, is_bool = str(node.op), _is_bool(node)
        left_scalar, right_scalar = self.is_scalar(node.lhs), self.is_scalar(node.rhs)
        drops = is_bool or operator not in binary.COMPARISONS
        if left_scalar or right_scalar:
            vector, scalar = (node.rhs, node.lhs) if left_scalar else (node.lhs, node.rhs)
            rows = binary.with_scalar(
                operator, self.vector(vector), self.scalar(scalar), scalar_left=left_scalar, is_bool=is_bool
            )
            return self._without_name(rows, node) if drops else rows
        matching = _matching(node)
        left, right = self.vector(node.lhs), self.vector(node.rhs)
        if operator in binary.SETS:
            return binary.set_operation(operator, left, right, matching, self.grid)
        rows = binary.between(operator, left, right, matching, self.grid, is_bool=is_bool, exact=self.exact)
        return self._without_name(rows, node) if is_bool else rows

    def _call(self, node: pp.Call) -> str:
        name, arguments = node.func.name, list(node.args)
        if name in functions.ELEMENTWISE:
            scalars = [self.scalar(argument) for argument in arguments[1:]]
            if name in functions.DEFAULTS and not scalars:
                scalars = [self.constant(sql.number(functions.DEFAULTS[name]))]
            template = functions.ELEMENTWISE[name]
            return self._without_name(functions.apply(self.vector(arguments[0]), template, scalars), node)
        if name in functions.CALENDAR:
            source = self.vector(arguments[0]) if arguments else self._lifted(self.times())
            return self._without_name(functions.apply(source, functions.CALENDAR[name], []))
        if name in ranges.GRID_FUNCTIONS or name in ranges.WINDOW_FUNCTIONS:
            return self._range_call(name, arguments, node)
        if name in _SORTS:
            return self.vector(arguments[0])
        special = {
            "vector": self._vector_of,
            "absent": self._absent,
            "absent_over_time": self._absent,
            "timestamp": self._timestamp,
            "label_replace": self._label_replace,
            "label_join": self._label_join,
            "histogram_quantile": self._histogram_quantile,
            "histogram_quantiles": self._histogram_quantiles,
            "histogram_fraction": self._histogram_fraction,
        }
        if name not in special:
            raise Unsupported(f"the function {name}()")
        return special[name](arguments)

    def _lifted(self, scalar: str) -> str:
        return f"SELECT {sql.NO_LABELS} AS l, toUInt8(0) AS d, {sql.nullable(scalar)} AS v"

    def _vector_of(self, arguments: list[pp.Expr]) -> str:
        return self._lifted(self.scalar(arguments[0]))

    def _range_selector(self, node: pp.Expr) -> selectors.Selector:
        node = without_parens(node)
        if isinstance(node, pp.SubqueryExpr):
            raise Unsupported("a subquery", "record the inner expression first")
        if not isinstance(node, pp.MatrixSelector):
            raise PromQLError("a range vector is wanted here")
        return selectors.read(node.vector_selector, selectors.milliseconds(node.range))

    def _range_call(self, name: str, arguments: list[pp.Expr], of: pp.Expr | None = None) -> str:
        position = 1 if name == "quantile_over_time" else 0
        selector = self._range_selector(arguments.pop(position))
        if name in ranges.GRID_FUNCTIONS:
            rows = selectors.gridded(selector, self.tables, self.grid, ranges.GRID_FUNCTIONS[name])
            if name == "present_over_time":
                rows = functions.apply(rows, "toFloat64(1)", [])
        else:
            window = ranges.WINDOW_FUNCTIONS[name]
            # The window of an @ modifier is reduced once, so whatever else changes over the grid cannot be let in.
            moving = name == "predict_linear" or any(number_of(argument) is None for argument in arguments)
            if selector.at is not None and self.grid.count > 1 and moving:
                raise Unsupported(f"the @ modifier in {name}() over a range of times")
            scalars = [f"({self.scalar(argument)})[k + 1]" for argument in arguments]
            reduce = window.build(selector.range_ms, scalars)
            if name in ranges.CAREFUL:
                fast = ranges.CAREFUL[name]
                rows = selectors.careful(
                    selector, self.tables, self.grid, fast, reduce, least=window.least, exact=self.exact
                )
            else:
                rows = selectors.windowed(selector, self.tables, self.grid, reduce, window.least)
        return rows if name in ranges.KEEP_NAME else self._without_name(rows, of)

    def _absent(self, arguments: list[pp.Expr]) -> str:
        """1 with the labels that the selector asks for by equality, where there is no sample at all."""
        node = without_parens(arguments[0])
        labels: dict[str, str] = {}
        if isinstance(node, (pp.MatrixSelector, pp.SubqueryExpr)):
            selector = self._range_selector(node)
            source = self._range_call("present_over_time", [node])
            labels = _wanted_labels(selector)
        else:
            source = self.vector(node)
            if isinstance(node, pp.VectorSelector):
                labels = _wanted_labels(selectors.read(node))
        pairs = ", ".join(f"({sql.text(name)}, {sql.text(value)})" for name, value in sorted(labels.items()))
        counts = sql.padded("countForEach(s.v)", self.grid)
        values = sql.nullable(f"arrayMap(c -> if(c = 0, toFloat64(1), NULL), {counts})")
        return f"SELECT CAST([{pairs}], '{sql.LABELS_TYPE}') AS l, toUInt8(0) AS d, {values} AS v FROM ({source}) AS s"

    def _timestamp(self, arguments: list[pp.Expr]) -> str:
        node = without_parens(arguments[0])
        if isinstance(node, pp.VectorSelector):
            selector = selectors.read(node)
            rows = selectors.instant(selector, self.tables, self.grid, self.lookback_ms, times=True)
        else:
            rows = functions.apply(self.vector(node), "$1", [self.times()])
        return self._without_name(rows)

    def _label_replace(self, arguments: list[pp.Expr]) -> str:
        target, replacement, label, pattern = (_string(argument) for argument in arguments[1:])
        return functions.label_replace(self.vector(arguments[0]), target, replacement, label, pattern)

    def _label_join(self, arguments: list[pp.Expr]) -> str:
        target, separator, *labels = (_string(argument) for argument in arguments[1:])
        return functions.label_join(self.vector(arguments[0]), target, separator, labels)

    def _histogram_quantile(self, arguments: list[pp.Expr]) -> str:
        rows = histograms.quantile(self.vector(arguments[1]), self.scalar(arguments[0]), self.grid)
        return self._without_name(rows)

    def _histogram_quantiles(self, arguments: list[pp.Expr]) -> str:
        """Several quantiles at once, told apart by a label."""
        label, source = _string(arguments[1]), self.vector(arguments[0])
        if not label:
            raise PromQLError("invalid label name in histogram_quantiles: it must not be empty")
        rows = []
        for argument in arguments[2:]:
            level = number_of(argument)
            if level is None:
                raise Unsupported("a level that is not a number in histogram_quantiles")
            found = histograms.quantile(source, self.constant(sql.number(level)), self.grid)
            labels = sql.with_label("s.l", label, sql.text(_openmetrics(level)))
            rows.append(f"SELECT {labels} AS l, s.d AS d, s.v AS v FROM ({found}) AS s")
        return self._without_name(sql.merged(" UNION ALL ".join(rows)))

    def _histogram_fraction(self, arguments: list[pp.Expr]) -> str:
        lower, upper = self.scalar(arguments[0]), self.scalar(arguments[1])
        return self._without_name(histograms.fraction(self.vector(arguments[2]), lower, upper, self.grid))


def _wanted_labels(selector: selectors.Selector) -> dict[str, str]:
    """Labels that a selector fixes: matched by equality, and by nothing else. Source: `createLabelsForAbsent…`."""
    labels: dict[str, str] = {}
    for operator, name, value in selector.matchers:
        if name == "__name__":
            continue
        labels[name] = value if operator == "=" and name not in labels else ""
    return {name: value for name, value in labels.items() if value}


def _openmetrics(value: float) -> str:
    """A float as OpenMetrics writes it in labels, with a point always."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        raise Unsupported("a level of this size in histogram_quantiles", "use levels between 0 and 1")
    return repr(value)


def _is_bool(node: pp.BinaryExpr) -> bool:
    return node.modifier is not None and node.modifier.return_bool


def _matching(node: pp.BinaryExpr) -> binary.Matching:
    modifier = node.modifier
    if modifier is None:
        return binary.Matching()
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise Unsupported("the modifier fill")
    many = ""
    if modifier.card == pp.VectorMatchCardinality.ManyToOne:
        many = "left"
    elif modifier.card == pp.VectorMatchCardinality.OneToMany:
        many = "right"
    matching = modifier.matching
    on = matching is not None and matching.type == pp.LabelModifierType.Include
    names = () if matching is None else tuple(matching.labels)
    return binary.Matching(on, names, many, tuple(modifier.group_labels or ()))
