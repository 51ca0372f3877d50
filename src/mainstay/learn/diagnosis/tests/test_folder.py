"""A case folder is written and read again as the same; what is wrong in one is named with its file and remedy."""

from pathlib import Path

import orjson
import polars as pl
import pytest

from mainstay.learn.diagnosis import folder
from mainstay.learn.diagnosis.domain import Change, diagnose
from mainstay.learn.diagnosis.domain.case import SPANS
from mainstay.learn.diagnosis.tests.scenes import PROBLEM, SLOW_DB, case, lines

pytestmark = pytest.mark.once


def whole(place: Path) -> Path:
    logs = lines((PROBLEM.start, "pay", "error", 'refused, "why", over\nlines'))
    change = Change(PROBLEM.start - 60, "pay", "deploy", "c1", "a, b", "-a\n+b")
    spans = pl.DataFrame([("t", "a", "", "web", "x", 1.5, 2.5)], schema=SPANS, orient="row")
    found = case(SLOW_DB, logs=logs, changes=(change,))
    folder.write(type(found)(**{**found.__dict__, "spans": spans}), place)
    return place


def test_what_was_written_is_read(tmp_path: Path) -> None:
    found = folder.read(whole(tmp_path))
    assert found.missing == ()
    assert found.alert == case(SLOW_DB).alert
    assert (found.normal, found.problem) == (case(SLOW_DB).normal, case(SLOW_DB).problem)
    assert found.changes is not None
    assert found.changes[0].diff == "-a\n+b"
    written = case(SLOW_DB).metrics
    assert found.metrics is not None
    assert written is not None
    assert found.metrics.equals(written)
    assert found.logs is not None
    assert found.logs["message"].to_list() == ['refused, "why", over\nlines']
    assert diagnose(found).services[0].name == "db"


@pytest.mark.parametrize("name", ["metrics.csv", "logs.ndjson", "spans.ndjson", "graph.csv", "changes.ndjson"])
def test_any_part_may_be_missing(tmp_path: Path, name: str) -> None:
    (whole(tmp_path) / name).unlink()
    part = {"graph": "calls"}.get(name.partition(".")[0], name.partition(".")[0])
    assert folder.read(tmp_path).missing == (part,)


def test_times_may_be_written_in_several_ways(tmp_path: Path) -> None:
    head = {"alert": {"service": "web", "time": "1970-01-01T01:01:00Z"}}
    (tmp_path / "case.json").write_bytes(orjson.dumps(head))
    (tmp_path / "metrics.csv").write_text("time,service,metric,value\n1970-01-01T00:00:05Z,web,up,1\n7.5,web,up,0\n")
    found = folder.read(tmp_path)
    assert found.alert.time == 3660.0
    assert found.metrics is not None
    assert found.metrics["time"].to_list() == [5.0, 7.5]
    assert found.problem.start == 3060.0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("case.json", "[]", "write one JSON object"),
        ("case.json", "{", "write one JSON object"),
        ("case.json", "{}", "alert.service"),
        ("case.json", '{"alert": {"service": "web", "time": "noon"}}', "alert.time: 'noon' is no time"),
        ("case.json", '{"alert": {"service": "web", "time": 5}, "normal": {"start": 2, "end": 1}}', "normal.end"),
        ("metrics.csv", "time,service,value\n1,a,2\n", "metric is missing"),
        ("metrics.csv", "time,service,metric,value\n1,a,m,much\n", "line 2: value: 'much' is no number"),
        ("logs.ndjson", '{"time": 1, "service": "a", "message": "x"}\n{broken\n', "line 2"),
        ("logs.ndjson", '{"time": 1, "message": "x"}\n', "service is missing"),
        ("changes.ndjson", '{"service": "a", "id": "x"}\n', "line 1: time: it is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    whole(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(folder.FolderError, match=said) as wrong:
        folder.read(tmp_path)
    assert name in str(wrong.value)
