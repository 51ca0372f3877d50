"""Look for what was sent in the telemetry store of an installation."""

import json
import urllib.request
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
    """Rows straight from the engine, as an operator with its password would read them."""
    place = json.loads((here.home / "data" / "run" / "engine.json").read_text())
    password = (here.home / "data" / "keys" / "engine").read_text()
    request = urllib.request.Request(
        f"http://127.0.0.1:{place['port']}/?default_format=JSONCompact",
        statement.encode(),
        {"X-ClickHouse-User": "mainstay", "X-ClickHouse-Key": password},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            found: list[list[Any]] = json.load(answer)["data"]
    except OSError:
        return []
    return found


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
