"""The commands on log lines, as they are typed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests import engine
from tests.web import seed

pytestmark = pytest.mark.once


@pytest.fixture(scope="module", autouse=True)
def lines() -> Iterator[None]:
    with engine.running():
        seed.talk(200)
        engine.settle()
        yield


def run(*words: str, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mainstay", "logs", *words],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_search_prints_lines_and_says_what_was_scanned() -> None:
    out, said = run("search", "level:warning", "--limit", "3")
    assert len(out.splitlines()) == 3
    assert out.splitlines() == sorted(out.splitlines())
    assert "at least 4 match, the newest are shown" in said
    assert "nothing sampled" in said
    found = [json.loads(line) for line in run("search", "level:warning", "--json", "--limit", "3")[0].splitlines()]
    assert {one["level"] for one in found} == {"warning"}


def test_a_bad_query_says_where_and_ends_with_2() -> None:
    _, said = run("search", "level:purple", code=2)
    assert "no level is called purple (character 7)" in said
    assert "lacks its offset" in run("search", "--range", "2026-01-01T00:00:00 to now", code=2)[1]


def test_sql_of_ones_own() -> None:
    shown, _ = run("search", "level:error", "--show-sql")
    out, _ = run("search", "--sql", shown, "--json")
    assert {row["level"] for row in json.loads(out)} == {"error"}
    assert "not allowed" in run("search", "--sql", "SELECT file('/etc/passwd')", code=2)[1]


def test_export_writes_whole_files(tmp_path: Path) -> None:
    run("export", str(tmp_path / "all.parquet"), "--since", "2h")
    assert pl.read_parquet(tmp_path / "all.parquet").height == 200
    assert len(run("export", "-", "--since", "2h", "--format", "csv")[0].splitlines()) > 200
    assert "csv, ndjson, parquet" in run("export", str(tmp_path / "all.doc"), code=2)[1]
    assert [path.name for path in tmp_path.iterdir()] == ["all.parquet"]


def test_tail_prints_what_comes_in() -> None:
    from mainstay.observe.logs import services as logs
    from mainstay.observe.logs.lines import Lines, Origin

    tail = subprocess.Popen(
        [sys.executable, "-m", "mainstay", "logs", "tail", "fresh OR retrying", "--since", "1h"],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert tail.stdout
        assert "retrying" in tail.stdout.readline()
        logs.accept(Lines([Origin("live", "s", "test")], [0], ["a fresh line"], (), ["info"]))
        engine.settle()
        assert any("a fresh line" in line for line in iter(tail.stdout.readline, ""))
    finally:
        tail.terminate()
        tail.communicate()
