"""Judging ends soon, whatever is asked."""

import json
import time
from pathlib import Path

import pytest

from mainstay.faces.bench import sql_judge
from mainstay.faces.bench.sql_hostile import SHAPES, grown
from mainstay.restore.sqldesk.judge import DEFAULT_LIMIT, DEFAULT_TOKENS, Dialect, Functions, Rule, judge

pytestmark = pytest.mark.once

# A judgement at the limit takes about 0.3 s of one core; the rest is for slow machines.
SECONDS = 2.0
CATALOG = Functions.of(("public", f"f{number}", True) for number in range(5000))


def _seconds(sql: str, dialect: Dialect, known: Functions | None = None) -> float:
    began = time.process_time()
    verdict = judge(sql, dialect, known)
    assert verdict.reason
    assert not verdict.reason.startswith("The statement cannot be judged")
    return time.process_time() - began


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_statement_at_the_limits_is_judged_soon(shape: str, dialect: Dialect) -> None:
    assert _seconds(grown(shape, characters=DEFAULT_LIMIT), dialect) < SECONDS
    assert _seconds(grown(shape, characters=DEFAULT_LIMIT, tokens=DEFAULT_TOKENS), dialect) < SECONDS


def test_a_large_catalog_makes_it_no_slower() -> None:
    sql = grown("calls", characters=DEFAULT_LIMIT, tokens=DEFAULT_TOKENS)
    assert _seconds(sql, Dialect.POSTGRES, CATALOG) < SECONDS


@pytest.mark.parametrize("dialect", Dialect)
def test_a_long_list_passes_and_a_longer_one_is_refused_with_the_remedy(dialect: Dialect) -> None:
    values = ",".join(map(str, range(3900)))
    assert judge(f"SELECT id FROM orders WHERE id IN ({values})", dialect).allowed
    verdict = judge(f"SELECT id FROM orders WHERE id IN ({values},{values})", dialect)
    assert verdict.rule == Rule.TOO_LONG
    assert "8000 words and signs" in verdict.reason
    assert "range" in verdict.reason


def test_a_measured_corpus_says_what_the_judge_got_wrong(tmp_path: Path) -> None:
    lines = [{"sql": "SELECT 1", "reads": True}, {"sql": "SELECT wipe()", "reads": True}, {"sql": "SELECT 2"}]
    lines.append({"sql": "SELECT 3", "reads": False})
    (tmp_path / "sqlite.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    found = {one.name: one for one in sql_judge.run(tmp_path, 1)}
    assert (found["sqlite: wrong passes"].measured, found["sqlite: wrong passes"].reached) == (1, False)
    assert (found["sqlite: false refusals"].measured, found["sqlite: false refusals"].reached) == (50, False)
    assert "sqlite: p99" in found


@pytest.mark.parametrize(("name", "text"), [("oracle.jsonl", "{}"), ("mysql.jsonl", "[]"), ("mysql.jsonl", "")])
def test_a_corpus_that_cannot_be_read_says_why(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(sql_judge.CorpusError, match="postgres.jsonl|with sql|is empty"):
        sql_judge.run(tmp_path / name, 1)
