"""Look for what was sent in the telemetry store of an installation."""

from dataclasses import dataclass
from typing import Any

from mainstay.faces.bench.installation import Installation
from tests.parts import until


@dataclass(frozen=True)
class Sent:
    """One line as it was kept."""

    service: str
    level: str
    body: str
    stream: str
    source: str
    trace_id: str
    attributes: dict[str, str]
    micros: int


def sql(here: Installation, statement: str) -> list[list[Any]]:
    """Rows straight from the engine; none while it does not answer."""
    try:
        return here.sql(statement)
    except (OSError, ValueError):
        return []


def lines_with(here: Installation, needle: str) -> list[Sent]:
    """The lines that have this text, in their order."""
    found = sql(
        here,
        "SELECT service, level, body, stream, source, trace_id, attributes, toFloat64(toUnixTimestamp64Micro(time)) "
        f"FROM log_lines WHERE position(body, '{needle}') > 0 ORDER BY time, id",
    )
    return [Sent(*row) for row in found]


def wait_for(here: Installation, needle: str, count: int = 1) -> list[Sent]:
    """Wait for so many lines with this text; fails when there are more."""
    found: list[Sent] = until(
        f"{count} lines with {needle!r}",
        lambda: lines if len(lines := lines_with(here, needle)) >= count else None,
    )
    assert len(found) == count, found
    return found
