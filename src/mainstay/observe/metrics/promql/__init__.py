"""PromQL, evaluated by ClickHouse: every expression becomes one SQL statement over `series` and `samples`.

`compile_query` gives the statement, `evaluate_instant` and `evaluate_range` run it, `split_threshold` tells what of a
rule can be drawn as a line with a threshold. What is evaluated and what is refused: docs/reference/promql.md.
"""

from .compiler import compile_query
from .errors import PromQLError, Unsupported
from .evaluate import evaluate_instant, evaluate_range
from .model import Answer, Compiled, Limits, Run, Series, Tables
from .threshold import Threshold, split_threshold

__all__ = [
    "Answer",
    "Compiled",
    "Limits",
    "PromQLError",
    "Run",
    "Series",
    "Tables",
    "Threshold",
    "Unsupported",
    "compile_query",
    "evaluate_instant",
    "evaluate_range",
    "split_threshold",
]
