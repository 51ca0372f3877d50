"""The commands on log files that need no server, with formats of one's own."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

FORMATS = """
log_formats:
  - key: batch
    name: Batch
    services: [ledger]
    pattern: '%{WORD:code}\\|%{WORD:grade}\\|%{GREEDYDATA:message}'
    level: grade
"""


def run(*words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "mainstay", "logs", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if not code else done.stderr


@pytest.fixture
def formats(tmp_path: Path) -> str:
    path = tmp_path / "formats.yaml"
    path.write_text(FORMATS)
    return str(path)


def written(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def test_patterns_are_of_the_message_that_a_format_finds(tmp_path: Path, formats: str) -> None:
    log = written(tmp_path / "a.log", *(f"STL{n}|WARN|disk {n} is full" for n in range(1, 6)))
    rows = list(csv.DictReader(io.StringIO(run("patterns", log, "--csv", "--formats", formats))))
    assert [row["template"] for row in rows] == ["disk <*> is full"] * 5
    assert "|WARN|" in run("patterns", log, "--csv")


def test_a_difference_tells_the_level_that_a_format_finds(tmp_path: Path, formats: str) -> None:
    before = written(tmp_path / "before.log", *["STL1|INFO|all is well"] * 5)
    during = written(tmp_path / "during.log", *["STL1|INFO|all is well"] * 5, *["STL2|ERROR|ledger is locked"] * 5)
    found = json.loads(run("diff", before, during, "--formats", formats, "--json"))[0]
    assert (found["kind"], found["level"], found["template"]) == ("new", "error", "ledger is locked")


def test_what_cannot_be_used_is_said(tmp_path: Path, formats: str) -> None:
    log = written(tmp_path / "a.log", "STL1|INFO|all is well")
    assert "leave it out" in run("patterns", log, "--plain", "--formats", formats, code=2)
    empty = written(tmp_path / "empty.yaml", "teams: []")
    assert "has no log_formats" in run("patterns", log, "--formats", empty, code=2)
