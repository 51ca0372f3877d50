"""A database for tests, and what fills it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mainstay.observe.metrics.promql import sql
from mainstay.observe.metrics.promql.conformance import SAMPLES_DDL, SERIES_DDL, ChdbStore
from mainstay.observe.metrics.promql.evaluate import evaluate_instant, evaluate_range

Points = list[tuple[int, float]]
STALE = object()


class Database:
    """Tables to put series into, and the two ways to ask."""

    def __init__(self, store: ChdbStore) -> None:
        self.store = store
        self._next = 0
        self.clear()

    def clear(self) -> None:
        for table, ddl in (("series", SERIES_DDL), ("samples", SAMPLES_DDL)):
            self.store.execute(ddl.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
            self.store.execute(f"TRUNCATE TABLE {table}")

    def add(self, name: str, labels: Mapping[str, str], points: list[tuple[int, object]], *, copies: int = 1) -> None:
        self._next += 1
        pairs = ", ".join(f"{sql.text(key)}, {sql.text(value)}" for key, value in labels.items())
        mapped = f"CAST(map({pairs}), 'Map(LowCardinality(String), String)')"
        for _ in range(copies):
            self.store.execute(f"INSERT INTO series SELECT {self._next}, {sql.text(name)}, {mapped}, now64(3)")
            if points:
                rows = ", ".join(f"(toInt64({at}), {self._cell(value)})" for at, value in points)
                self.store.execute(
                    f"INSERT INTO samples SELECT {self._next}, fromUnixTimestamp64Milli(p.1, 'UTC'), p.2 "
                    f"FROM (SELECT arrayJoin([{rows}]) AS p)"
                )

    def add_all(self, name: str, series: list[tuple[dict[str, str], float]]) -> None:
        """Many series with one sample at time 0 each, in two statements."""
        series_rows, sample_rows = [], []
        for labels, value in series:
            self._next += 1
            keys, values = (f"CAST([{', '.join(map(sql.text, part))}], 'Array(String)')" for part in _split(labels))
            series_rows.append(f"({self._next}, mapFromArrays({keys}, {values}))")
            sample_rows.append(f"({self._next}, {self._cell(value)})")
        self.store.execute(
            f"INSERT INTO series SELECT p.1, {sql.text(name)}, p.2, now64(3) "
            f"FROM (SELECT arrayJoin([{', '.join(series_rows)}]) AS p)"
        )
        self.store.execute(
            "INSERT INTO samples SELECT p.1, fromUnixTimestamp64Milli(toInt64(0), 'UTC'), p.2 "
            f"FROM (SELECT arrayJoin([{', '.join(sample_rows)}]) AS p)"
        )

    @staticmethod
    def _cell(value: object) -> str:
        if value is STALE:
            return f"reinterpretAsFloat64(toUInt64({sql.STALE_BITS}))"
        assert isinstance(value, (int, float))
        return f"toFloat64({sql.number(float(value))})"

    def instant(self, expr: str, time_ms: int, delayed_names: bool = False) -> dict[tuple[tuple[str, str], ...], float]:
        answer = evaluate_instant(self.store.run, expr, time_ms, delayed_names=delayed_names)
        return {tuple(sorted(one.labels.items())): one.value for one in answer.series}

    def range(
        self, expr: str, start: int, end: int, step: int
    ) -> dict[tuple[tuple[str, str], ...], list[float | None]]:
        answer = evaluate_range(self.store.run, expr, start, end, step)
        return {
            tuple(sorted(one.labels.items())): [
                float(value) if present else None for value, present in zip(one.values, one.present, strict=True)
            ]
            for one in answer.series
        }


def _split(labels: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return list(labels), list(labels.values())


def key(**labels: str) -> tuple[tuple[str, str], ...]:
    """A label set as the answers of the database are keyed; `name` stands for `__name__`."""
    return tuple(sorted(("__name__" if name == "name" else name, value) for name, value in labels.items()))


def close(a: float | None, b: float | None, relative: float = 1e-9) -> bool:
    if a is None or b is None:
        return a is b
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=relative, abs_tol=1e-12)
