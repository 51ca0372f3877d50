"""What all searches share: a query with its range as a condition, and lines out of rows."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mainstay.core.settings import current
from mainstay.observe.logs.search import compile as compiling
from mainstay.observe.logs.search.answers import Line
from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.search.parser import parse
from mainstay.observe.logs.search.times import Range, from_micros
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.services import Answer, TelemetryError

COLUMNS = (
    "time, id, service, level, pattern, body, trace_id, span_id, stream, source, format, attributes, exception, frame, "
    "fingerprint, causes"
)
_BAD_REGEX = 427
_WHY = re.compile(r"error: (?P<why>[^.\n]+)")


def moment(name: str) -> str:
    """A parameter of microseconds as a time of the table."""
    return f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"


IN_RANGE = f"time >= {moment('start')} AND time < {moment('end')}"


@dataclass(frozen=True)
class Asked:
    """A query and the range that it is asked of."""

    condition: compiling.Condition
    range: Range

    @property
    def where(self) -> str:
        """What follows WHERE; ``start`` and ``end`` are parameters."""
        return f"{IN_RANGE} AND ({self.condition.sql})"

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of ``where``."""
        start, end = self.range.micros
        return {**self.condition.params, "start": start, "end": end}


def ask_for(query: str, within: Range) -> Asked:
    """Read a query. Raises ``QueryError``."""
    return Asked(compiling.condition(parse(query)), within)


class Meter:
    """Runs statements under the limits of searches and adds up what they cost."""

    def __init__(self) -> None:
        self.read_rows = self.read_bytes = 0
        self._began = time.perf_counter()

    @property
    def elapsed_ms(self) -> float:
        """Since the beginning."""
        return (time.perf_counter() - self._began) * 1000

    def ask(self, sql: str, params: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a statement. Raises ``QueryError`` for a bad regular expression, else ``TelemetryError``."""
        limits = {"max_execution_time": current().log_search_timeout, **(settings or {})}
        try:
            answer = telemetry.ask(sql, params, limits)
        except TelemetryError as error:
            raise _understood(error) from error
        self.read_rows += answer.read_rows
        self.read_bytes += answer.read_bytes
        return answer


def _understood(error: TelemetryError) -> Exception:
    if error.code == _BAD_REGEX:
        why = _WHY.search(str(error))
        problem = f"the regular expression cannot be read: {why['why'] if why else 'its syntax is wrong'}"
        return QueryError(problem, 0, remedy="RE2 knows no look-around and no back references.")
    return error


def line_of(row: tuple[Any, ...]) -> Line:
    """A row of ``COLUMNS`` as a line."""
    values: list[Any] = [aware(row[0]), *row[1:-1], tuple(row[-1])]
    return Line(*values)


def aware(found: datetime) -> datetime:
    """A time of the store with its zone."""
    return telemetry.aware(found)


def readable(where: str, params: Mapping[str, Any]) -> str:
    """The condition with its values in place, times as people write them."""
    text = where
    for name in ("start", "end"):
        if name in params:
            shown = _shown_time(params[name])
            text = text.replace(moment(name), shown)
    return compiling.readable(text, params)


def _shown_time(micros: int) -> str:
    return f"toDateTime64('{from_micros(micros):%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"
