"""Files with every line that matches."""

import csv
import io
import json
import tracemalloc
from datetime import timedelta

import polars as pl
import pytest

from mainstay.core.access import LOCAL
from mainstay.core.problems import ProblemError
from mainstay.observe.logs.search import export as exporting
from mainstay.observe.logs.search import services, times
from mainstay.observe.logs.search.tests.conftest import BODIES, START, put

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("night")]
NIGHT = times.of(START, START + timedelta(hours=1))


def whole(form: str, query: str = "") -> bytes:
    return b"".join(services.export(LOCAL, query, NIGHT, form))


def test_every_format_holds_every_line_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PIECE", 3)
    lines = [json.loads(line) for line in whole("ndjson").splitlines()]
    assert [line["body"] for line in lines] == list(BODIES)
    assert lines[3]["attributes"] == {"zone": "b", "order": "883", "duration_ms": "31.5"}
    assert lines[0]["time"] == "2026-03-01T10:00:00.000000Z"
    table = pl.read_parquet(io.BytesIO(whole("parquet")))
    assert table["body"].to_list() == list(BODIES)
    assert table["id"].cast(pl.String).to_list() == [line["id"] for line in lines]
    rows = list(csv.DictReader(io.StringIO(whole("csv").decode())))
    assert [row["body"].removeprefix("'") for row in rows] == list(BODIES)


def test_a_spreadsheet_runs_no_cell() -> None:
    rows = list(csv.DictReader(io.StringIO(whole("csv", "cmd*").decode())))
    assert [row["body"] for row in rows] == ["'=cmd|' /C calc'!A0"]


def test_nothing_found_is_a_file_all_the_same() -> None:
    assert whole("csv", "nosuchword").startswith(b"time,id,service")
    assert whole("ndjson", "nosuchword") == b""
    assert pl.read_parquet(io.BytesIO(whole("parquet", "nosuchword"))).height == 0
    with pytest.raises(ProblemError, match="csv, ndjson, parquet"):
        services.export(LOCAL, "", NIGHT, "xml")


def test_memory_does_not_grow_with_the_file() -> None:
    count = 6_000
    put([f"filler {place} " + "x" * 2000 for place in range(count)], ["info"] * count, [None] * count)
    night = times.of(START, START + timedelta(hours=2))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exporting, "PIECE", 200)
        tracemalloc.start()
        written = sum(len(chunk) for chunk in services.export(LOCAL, "filler", night, "ndjson"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert written > count * 2000
    assert peak < written / 3
