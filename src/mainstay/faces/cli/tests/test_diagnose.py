"""``mainstay diagnose`` over a case folder."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from mainstay.faces.cli.main import app
from mainstay.learn.diagnosis import folder
from mainstay.learn.diagnosis.tests.scenes import SLOW_DB, case

pytestmark = pytest.mark.once


def test_the_command_tells_it_and_says_what_is_wrong(tmp_path: Path) -> None:
    folder.write(case(SLOW_DB), tmp_path)
    run = CliRunner().invoke(app, ["diagnose", str(tmp_path), "--json"])
    assert run.exit_code == 0, run.output
    said = orjson.loads(run.stdout)
    assert said["services"][0]["name"] == "db"
    assert said["services"][0]["evidence"][0]["query"]
    assert "db" in CliRunner().invoke(app, ["diagnose", str(tmp_path)]).stdout
    assert CliRunner().invoke(app, ["diagnose", str(tmp_path / "nowhere")]).exit_code == 2
