"""How quickly and how rightly the judge of the SQL desk answers, without a connection.

A corpus is a file of JSON lines called after its dialect (``postgres.jsonl``), or a directory of them, each line with
``sql`` and, where somebody has labelled it, ``reads``. Every statement is
judged once to warm up and ``rounds`` times more.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.sql_hostile import SHAPES, grown
from mainstay.restore.sqldesk.judge import DEFAULT_LIMIT, DEFAULT_TOKENS, Dialect, judge

FALSE_REFUSALS, WORST_MS = 3.0, 1000.0


class CorpusError(Exception):
    """What is wrong with the corpus, and what to do."""


def run(corpus: Path, rounds: int) -> list[Figure]:
    """Figures for each dialect of the corpus, and for the shapes that take the longest."""
    found = [figure for file in _files(corpus) for figure in _judged(_dialect(file), _lines(file), rounds)]
    return [*found, *(_hostile(dialect) for dialect in Dialect)]


def _files(corpus: Path) -> list[Path]:
    files = sorted(corpus.glob("*.jsonl")) if corpus.is_dir() else [corpus] if corpus.is_file() else []
    if not files:
        raise CorpusError(f"{corpus} has no statements: name a file such as postgres.jsonl, or a directory of them")
    return files


def _dialect(file: Path) -> Dialect:
    if file.stem not in set(Dialect):
        raise CorpusError(f"{file} names no dialect: call it {', '.join(f'{one}.jsonl' for one in Dialect)}")
    return Dialect(file.stem)


def _lines(file: Path) -> list[tuple[str, bool | None]]:
    """The statements, each with its label: whether it reads, or nothing."""
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            one = json.loads(line)
            found.append((str(one["sql"]), one.get("reads")))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CorpusError(f'line {number} of {file} is no object with sql: write {{"sql": "SELECT 1"}}') from None
    if not found:
        raise CorpusError(f"{file} is empty: write a line for each statement")
    return found


def _judged(dialect: Dialect, lines: list[tuple[str, bool | None]], rounds: int) -> Iterator[Figure]:
    allowed = [judge(sql, dialect).allowed for sql, _ in lines]
    took = sorted(_milliseconds(sql, dialect) for _ in range(rounds) for sql, _ in lines)
    yield Figure(f"{dialect}: statements judged in a second", round(len(took) / sum(took) * 1000), "a second")
    for name, place in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
        yield Figure(f"{dialect}: {name}", round(took[min(int(len(took) * place), len(took) - 1)], 3), "ms")
    labelled = [(reads, answer) for (_, reads), answer in zip(lines, allowed, strict=True) if reads is not None]
    writes = [answer for reads, answer in labelled if not reads]
    reads = [answer for reads, answer in labelled if reads]
    if writes:
        yield at_most(f"{dialect}: wrong passes", sum(writes), f"of {len(writes)} writes", 0)
    if reads:
        refused = reads.count(False)
        share = 100 * refused / len(reads)
        yield at_most(f"{dialect}: false refusals", share, f"% ({refused} of {len(reads)} reads)", FALSE_REFUSALS)


def _hostile(dialect: Dialect) -> Figure:
    took = {
        (name, tokens): _milliseconds(grown(name, characters=DEFAULT_LIMIT, tokens=tokens), dialect)
        for name in SHAPES
        for tokens in (None, DEFAULT_TOKENS)
    }
    (name, _), worst = max(took.items(), key=lambda one: one[1])
    return at_most(f"{dialect}: worst of {len(took)} hostile statements ({name})", worst, "ms", WORST_MS)


def _milliseconds(sql: str, dialect: Dialect) -> float:
    began = time.perf_counter()
    judge(sql, dialect)
    return (time.perf_counter() - began) * 1000
