"""``mainstay release judge`` as a pipeline calls it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytestmark = pytest.mark.once


def told(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mainstay", "release", "judge", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def window(path: Path, seed: int, starts: float, level: float, samples: int = 240) -> Path:
    values = np.random.default_rng(seed).gamma(25, level / 25, samples)
    frame = pl.DataFrame({"time": starts + np.arange(samples) * 15.0, "value": values}).with_columns(
        service=pl.lit("checkout"), instance=pl.lit("c-1"), metric=pl.lit('request_seconds{path="/pay",m="a"}')
    )
    frame.write_csv(path)
    return path


def test_the_verdict_as_json_and_as_exit_code(tmp_path: Path) -> None:
    before = window(tmp_path / "before.csv", 1, 1e9, 0.1)
    cases = {
        "passed": (window(tmp_path / "well.csv", 2, 1e9 + 3600, 0.1), 0),
        "failed": (window(tmp_path / "slow.csv", 3, 1e9 + 3600, 0.2), 1),
        "inconclusive": (window(tmp_path / "short.csv", 4, 1e9 + 3600, 0.1, samples=12), 6),
    }
    for verdict, (after, code) in cases.items():
        plain = told(before, after, "--json")
        assert plain.returncode == 0, plain.stderr
        found = json.loads(plain.stdout)
        assert found["verdict"] == verdict
        assert {"reason", "effect", "confidence", "counts", "metrics"} <= found.keys()
        (metric,) = found["metrics"]
        assert metric["verdict"] == verdict
        assert metric["metric"] == 'request_seconds{path="/pay",m="a"}'
        assert told(before, after, "--exit-code").returncode == code


def test_a_file_that_cannot_be_used_is_wrong_use(tmp_path: Path) -> None:
    before = window(tmp_path / "before.csv", 1, 1e9, 0.1)
    (tmp_path / "bad.csv").write_text("time,service,instance,metric,value\n1,a,b,c,fast\n")
    done = told(before, tmp_path / "bad.csv")
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert "Traceback" not in done.stderr
