"""Functions on single values: mathematics, calendar, labels.

Source: Prometheus documentation, "Functions", and promql/functions.go. In the templates `y` is the value and `$1`,
`$2` are scalar arguments at the same grid point.
"""

from __future__ import annotations

import re

from . import sql
from .errors import PromQLError, Unsupported
from .selectors import anchored, check_regex


def _go_min(a: str, b: str) -> str:
    """Go's math.Min: minus infinity wins, then NaN."""
    return f"multiIf({a} = -inf OR {b} = -inf, -inf, isNaN({a}) OR isNaN({b}), nan, least({a}, {b}))"


def _go_max(a: str, b: str) -> str:
    """Go's math.Max: plus infinity wins, then NaN."""
    return f"multiIf({a} = inf OR {b} = inf, inf, isNaN({a}) OR isNaN({b}), nan, greatest({a}, {b}))"


_PI = "3.141592653589793"

ELEMENTWISE = {
    "abs": "abs(y)",
    "ceil": "ceil(y)",
    "floor": "floor(y)",
    "exp": "exp(y)",
    "ln": "log(y)",
    "log2": "log2(y)",
    "log10": "log10(y)",
    "sqrt": "sqrt(y)",
    "sgn": "multiIf(y < 0, toFloat64(-1), y > 0, toFloat64(1), y)",
    # Half is rounded up, and the step is turned into its inverse first, as Prometheus does.
    "round": "floor(y * (1. / $1) + 0.5) / (1. / $1)",
    "clamp": f"if($2 < $1, NULL, {_go_max('$1', _go_min('$2', 'y'))})",
    "clamp_min": _go_max("$1", "y"),
    "clamp_max": _go_min("$1", "y"),
    "deg": f"y * 180 / {_PI}",
    "rad": f"y * {_PI} / 180",
    **{
        name: f"{name}(y)"
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
    },
}
DEFAULTS = {"round": 1.0}

SCALAR_PAIRS = {"min_of": _go_min, "max_of": _go_max}

# Calendar functions count in UTC with integers, since the date types of ClickHouse end at 1900 and 2299.
_FAR = sql.failing("isNaN(y) OR abs(y) > 1e14", "a calendar function got a value that is no time")
_SECONDS = f"(toInt64(trunc(least(greatest(ifNotFinite(y, 0), -1e14), 1e14))) + {_FAR})"
_DAYS = f"intDiv({_SECONDS} - positiveModulo({_SECONDS}, 86400), 86400)"


def _civil(part: str) -> str:
    """A part of the date from days since 1970. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".

    z: days since 0000-03-01; e: era; o: day of era; n: year of era; u: day of the year from March; m: month from March.
    """
    year = "n + e * 400 + if(m >= 10, 1, 0)"
    month = "if(m < 10, m + 3, m - 9)"
    day = "u - intDiv(153 * m + 2, 5) + 1"
    leap = f"(positiveModulo({year}, 4) = 0 AND (positiveModulo({year}, 100) != 0 OR positiveModulo({year}, 400) = 0))"
    result = {
        "year": year,
        "month": month,
        "day": day,
        "of_year": f"if(m >= 10, u - 305, u + 60 + if({leap}, 1, 0))",
        "in_month": f"multiIf({month} IN (4, 6, 9, 11), 30, {month} = 2, if({leap}, 29, 28), 31)",
    }[part]
    month_from_march = f"arrayMap(m -> {result}, [intDiv(5 * u + 2, 153)])[1]"
    day_of_year = f"arrayMap(u -> {month_from_march}, [o - (365 * n + intDiv(n, 4) - intDiv(n, 100))])[1]"
    year_of_era = "intDiv(o - intDiv(o, 1460) + intDiv(o, 36524) - intDiv(o, 146096), 365)"
    in_year = f"arrayMap(n -> {day_of_year}, [{year_of_era}])[1]"
    in_era = f"arrayMap(o -> {in_year}, [z - e * 146097])[1]"
    era = f"arrayMap(e -> {in_era}, [intDiv(z - positiveModulo(z, 146097), 146097)])[1]"
    return f"arrayMap(z -> {era}, [{_DAYS} + 719468])[1]"


CALENDAR = {
    "minute": f"intDiv(positiveModulo({_SECONDS}, 3600), 60)",
    "hour": f"intDiv(positiveModulo({_SECONDS}, 86400), 3600)",
    "day_of_week": f"positiveModulo({_DAYS} + 4, 7)",
    "day_of_month": _civil("day"),
    "day_of_year": _civil("of_year"),
    "days_in_month": _civil("in_month"),
    "month": _civil("month"),
    "year": _civil("year"),
}


def apply(source: str, template: str, scalars: list[str]) -> str:
    """Apply a template to every sample of a vector; `scalars` are arrays over the grid. Names are left as they are."""
    names = [f"c{index + 1}" for index in range(len(scalars))]
    body = template
    for index, name in enumerate(names):
        body = body.replace(f"${index + 1}", name)
    bound = f"arrayMap(y -> {body}, [assumeNotNull(y)])[1]"
    arguments = ", ".join(["s.v", *scalars])
    values = f"arrayMap(({', '.join(['y', *names])}) -> if(isNull(y), NULL, {bound}), {arguments})"
    return f"SELECT s.l AS l, s.d AS d, {sql.nullable(values)} AS v FROM ({source}) AS s"


def _template_parts(replacement: str, named: bool) -> list[str]:
    """A Go replacement template as SQL strings; group n of the pattern is `found[n + 1]`. Source: regexp.Expand."""
    parts: list[str] = []
    position = 0
    for reference in re.finditer(r"\$(?:\$|\{(\w+)\}|(\w+))", replacement, re.ASCII):
        parts.append(sql.text(replacement[position : reference.start()]))
        position = reference.end()
        name = reference[1] or reference[2]
        if name is None:
            parts.append("'$'")
        elif name.isdecimal():
            parts.append(f"found[{int(name) + 1}]")
        elif named:
            raise Unsupported("a named group in label_replace", "use the number of the group")
        # A reference to a group that does not exist is empty.
    parts.append(sql.text(replacement[position:]))
    return parts


def _check_name(name: str, function: str) -> None:
    """A destination must be a label name: any valid text in Prometheus 3."""
    if not name:
        raise PromQLError(f"invalid destination label name in {function}: it must not be empty")


def label_replace(source: str, target: str, replacement: str, label: str, pattern: str) -> str:
    """Set `target` from a match of the whole of `label`; series that do not match stay as they are."""
    _check_name(target, "label_replace")
    check_regex(pattern, "label_replace")
    parts = _template_parts(replacement, named="(?P<" in pattern or "(?<" in pattern)
    # The group around the pattern makes sure that a match without groups is still seen as one.
    whole = sql.text(f"^((?s:{pattern}))$")
    found = f"extractGroups({sql.label('s.l', label)}, {whole}) AS found"
    matches = f"match({sql.label('s.l', label)}, {anchored(pattern)}) AS matches"
    value = f"concat({', '.join(parts)}, '')"
    labels = f"if(matches, {sql.with_label('q.l', target, value)}, q.l)"
    flag = "if(matches, toUInt8(0), q.d)" if target == "__name__" else "q.d"
    inner = f"SELECT s.l AS l, s.d AS d, s.v AS v, {found}, {matches} FROM ({source}) AS s"
    return sql.merged(f"SELECT {labels} AS l, {flag} AS d, q.v AS v FROM ({inner}) AS q")


def label_join(source: str, target: str, separator: str, labels: list[str]) -> str:
    """Set `target` to the values of `labels` with a separator between them."""
    _check_name(target, "label_join")
    values = ", ".join(sql.label("q.l", name) for name in labels)
    joined = f"arrayStringConcat(CAST([{values}], 'Array(String)'), {sql.text(separator)})"
    flag = "toUInt8(0)" if target == "__name__" else "q.d"
    return sql.merged(
        f"SELECT {sql.with_label('q.l', target, joined)} AS l, {flag} AS d, q.v AS v FROM ({source}) AS q"
    )
