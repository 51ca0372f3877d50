"""Run Prometheus's own expression tests through the public interface and count what holds, fails and is refused.

`python -m mainstay.observe.metrics.promql.conformance DIR` runs every `*.test` file of a directory in chDB. The test
files are data for measuring and are read from the path given.

A case that expects an annotation (a warning or an information) counts by its values, as Mainstay gives none. A case
that touches a native histogram is refused, and so is one that the compiler refuses.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import promql_parser as pp

from . import sql, testlang
from .errors import PromQLError, Unsupported
from .evaluate import evaluate_instant, evaluate_range
from .model import Answer, Series

SERIES_DDL = (
    "CREATE TABLE series (id UInt64, name LowCardinality(String), labels Map(LowCardinality(String), String), "
    "last_seen DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree(last_seen) ORDER BY (name, id)"
)
SAMPLES_DDL = (
    "CREATE TABLE samples (series_id UInt64, time DateTime64(3, 'UTC'), value Float64) "
    "ENGINE = MergeTree ORDER BY (series_id, time)"
)
NATIVE = "native histograms"


class Store(Protocol):
    """An empty database to load test series into."""

    def execute(self, statement: str) -> None:
        """Run a statement without an answer."""

    def run(self, statement: str, settings: dict[str, int | str]) -> list[tuple[object, ...]]:
        """Run a query and give its rows."""


@dataclass(frozen=True)
class Outcome:
    """What became of one case: `verdict` is hold, fail or refused; `got` says what came instead, or why not."""

    line: int
    expr: str
    verdict: str
    expected: str = ""
    got: str = ""


@dataclass
class FileReport:
    """The outcomes of one file."""

    name: str
    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, verdict: str) -> int:
        """How many cases came out so."""
        return sum(outcome.verdict == verdict for outcome in self.outcomes)


@dataclass
class Report:
    """The outcomes of a directory."""

    files: list[FileReport]
    seconds: float

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON: a row a file, every failure, and the refused cases by reason."""
        refused: dict[str, list[str]] = {}
        for file in self.files:
            for outcome in file.outcomes:
                if outcome.verdict == "refused":
                    refused.setdefault(outcome.got, []).append(f"{file.name}:{outcome.line}")
        return {
            "files": [
                {"file": f.name, "cases": len(f.outcomes), **{v: f.count(v) for v in ("hold", "fail", "refused")}}
                for f in self.files
            ],
            "failures": [{"file": f.name, **asdict(o)} for f in self.files for o in f.outcomes if o.verdict == "fail"],
            "refused": refused,
            "seconds": round(self.seconds, 2),
        }

    def table(self) -> str:
        """The counts as text, one line a file and one for all."""
        rows = [(f.name, len(f.outcomes), f.count("hold"), f.count("fail"), f.count("refused")) for f in self.files]
        rows.append(("all", *(sum(int(row[column]) for row in rows) for column in range(1, 5))))  # type: ignore[arg-type]
        lines = [f"{'file':<32}{'cases':>7}{'hold':>7}{'fail':>7}{'refused':>9}"]
        lines += [f"{name:<32}{cases:>7}{hold:>7}{fail:>7}{refused:>9}" for name, cases, hold, fail, refused in rows]
        return "\n".join([*lines, f"{self.seconds:.1f} s"])


def run_directory(path: Path, make_store: Callable[[], Store]) -> Report:
    """Run every `*.test` file below a directory, each in a store that starts empty."""
    started = time.monotonic()
    files = sorted(path.glob("*.test"))
    if not files:
        raise FileNotFoundError(f"no *.test files in {path}; give the directory that holds them")
    reports = [run_text(file.name, file.read_text(encoding="utf-8"), make_store()) for file in files]
    return Report(reports, time.monotonic() - started)


def run_text(name: str, text: str, store: Store) -> FileReport:
    """Run the commands of one file."""
    report = FileReport(name)
    loaded = _Loaded(store)
    loaded.clear()
    for command in testlang.commands(text):
        if isinstance(command, testlang.Clear):
            loaded.clear()
        elif isinstance(command, testlang.Load):
            loaded.load(command)
        else:
            report.outcomes.append(_outcome(command, loaded))
    return report


class _Loaded:
    """What is in the store, and the series that have native histograms, which are not stored."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.histograms: list[dict[str, str]] = []
        self._ids: dict[tuple[tuple[str, str], ...], int] = {}

    def clear(self) -> None:
        for statement in (
            "DROP TABLE IF EXISTS series",
            "DROP TABLE IF EXISTS samples",
            SERIES_DDL,
            SAMPLES_DDL,
        ):
            self.store.execute(statement)
        self.histograms.clear()
        self._ids.clear()

    def load(self, command: testlang.Load) -> None:
        # Of two lines for one series the later one counts.
        lines = {tuple(sorted(line.labels.items())): line for line in command.series}
        for key, line in lines.items():
            if testlang.HISTOGRAM in line.values:
                self.histograms.append(line.labels)
            if command.with_buckets:
                self._note_buckets(line.labels)
            self._insert(key, line, command.step_ms)

    def _note_buckets(self, labels: dict[str, str]) -> None:
        name = re.sub(r"_(bucket|count|sum)$", "", labels.get("__name__", ""))
        if name != labels.get("__name__"):
            plain = {key: value for key, value in labels.items() if key != "le"}
            self.histograms.append({**plain, "__name__": name})

    def _insert(self, key: tuple[tuple[str, str], ...], line: testlang.SeriesLine, step_ms: int) -> None:
        known = key in self._ids
        series_id = self._ids.setdefault(key, len(self._ids) + 1)
        labels = {name: value for name, value in line.labels.items() if name != "__name__"}
        pairs = ", ".join(f"{sql.text(name)}, {sql.text(value)}" for name, value in labels.items())
        mapped = f"CAST(map({pairs}), 'Map(LowCardinality(String), String)')"
        name = sql.text(line.labels.get("__name__", ""))
        if not known:
            self.store.execute(f"INSERT INTO series SELECT {series_id}, {name}, {mapped}, {sql.moment(0)}")
        points = [(i * step_ms, v) for i, v in enumerate(line.values) if v is not None and v is not testlang.HISTOGRAM]
        if points:
            times = ", ".join(f"toInt64({at})" for at, _ in points)
            bits = ", ".join(_cell(value) for _, value in points)
            self.store.execute(
                f"INSERT INTO samples SELECT {series_id}, fromUnixTimestamp64Milli(p.1, 'UTC'), p.2 "
                f"FROM (SELECT arrayJoin(arrayZip([{times}], [{bits}])) AS p)"
            )


def _cell(value: testlang.Value) -> str:
    if value is testlang.STALE:
        return f"reinterpretAsFloat64(toUInt64({sql.STALE_BITS}))"
    assert isinstance(value, float)  # noqa: S101 - gaps and histograms are left out before
    return sql.number(value)


def _outcome(case: testlang.Case, loaded: _Loaded) -> Outcome:
    def made(verdict: str, got: str) -> Outcome:
        return Outcome(case.line, case.expr, verdict, _expected(case), got)

    if any(testlang.HISTOGRAM in line.values for line in case.series) or _touches(case.expr, loaded.histograms):
        return made("refused", NATIVE)
    try:
        answer = _answer(case, loaded.store)
    except Unsupported as error:
        return made("refused", error.construct)
    except PromQLError as error:
        return made("hold" if _expects(case, error) else "fail", f"error: {error}")
    except Exception as error:  # noqa: BLE001 - an error of the database is an outcome to be shown
        return made("fail", f"{type(error).__name__}: {str(error)[:2000]}")
    wrong = _difference(case, answer)
    return made("fail", wrong) if wrong else made("hold", "")


def _answer(case: testlang.Case, store: Store) -> Answer:
    # Prometheus runs its own tests with this feature flag set, and some of them depend on it.
    if case.instant:
        return evaluate_instant(store.run, case.expr, case.start_ms, delayed_names=True)
    return evaluate_range(store.run, case.expr, case.start_ms, case.end_ms, case.step_ms, delayed_names=True)


def _expects(case: testlang.Case, error: PromQLError) -> bool:
    if not case.fails:
        return False
    if case.message is not None:
        return case.message in str(error)
    return case.pattern is None or re.search(case.pattern, str(error)) is not None


def _expected(case: testlang.Case) -> str:
    if case.fails:
        return f"failure {case.message or case.pattern or ''}".strip()
    if case.text is not None:
        return repr(case.text)
    if case.scalar is not None:
        return repr(case.scalar)
    return "; ".join(f"{_shown(line.labels)} {_cells(line.values)}" for line in case.series) or "nothing"


def _cells(values: tuple[testlang.Value, ...]) -> str:
    return " ".join("_" if value is None else str(value) for value in values)


def _shown(labels: dict[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


def _values(series: Series) -> tuple[testlang.Value, ...]:
    pairs = zip(series.values, series.present, strict=True)
    return tuple(float(value) if present else None for value, present in pairs)


def _difference(case: testlang.Case, answer: Answer) -> str:
    """What an answer has instead of what was expected, empty when it is as expected."""
    got = [(dict(series.labels), _values(series)) for series in answer.series]
    text = "; ".join(f"{_shown(labels)} {_cells(values)}" for labels, values in got) or "nothing"
    if case.fails:
        return text
    if case.text is not None or answer.value_type == "string":
        return "" if case.text == answer.text else repr(answer.text)
    if case.scalar is not None:
        value = answer.series[0].value if answer.value_type == "scalar" else None
        return "" if value is not None and testlang.almost_equal(case.scalar, value) else text
    width = len(answer.times_ms)
    wanted = [(line.labels, (*line.values, *[None] * (width - len(line.values)))) for line in case.series]
    # An expected series may be all gaps, and then it stands for nothing.
    wanted = [(labels, values) for labels, values in wanted if any(value is not None for value in values)]
    if not case.ordered:
        wanted.sort(key=lambda pair: sorted(pair[0].items()))
        got.sort(key=lambda pair: sorted(pair[0].items()))
    if [labels for labels, _ in wanted] != [labels for labels, _ in got]:
        return text
    same = all(_same(a, b) for (_, a), (_, b) in zip(wanted, got, strict=True))
    return "" if same else text


def _same(wanted: tuple[testlang.Value, ...], got: tuple[testlang.Value, ...]) -> bool:
    if len(wanted) != len(got):
        return False
    for a, b in zip(wanted, got, strict=True):
        if isinstance(a, float) and isinstance(b, float):
            if not testlang.almost_equal(a, b):
                return False
        elif a is not b:
            return False
    return True


def _touches(expr: str, histograms: list[dict[str, str]]) -> bool:
    """Whether a selector of the expression takes in a series with native histograms."""
    if not histograms:
        return False
    try:
        root = pp.parse(expr)
    except ValueError:
        return False
    found: list[pp.VectorSelector] = []

    def visit(node: pp.Expr) -> bool:
        if isinstance(node, pp.VectorSelector):
            found.append(node)
        elif isinstance(node, pp.MatrixSelector):
            found.append(node.vector_selector)
        return True

    pp.walk(root, visit)
    return any(_selects(selector, labels) for selector in found for labels in histograms)


def _selects(selector: pp.VectorSelector, labels: dict[str, str]) -> bool:
    if selector.name is not None and labels.get("__name__") != selector.name:
        return False
    return all(_matches(matcher, labels.get(matcher.name, "")) for matcher in selector.matchers.matchers)


def _matches(matcher: pp.Matcher, value: str) -> bool:
    operator = str(matcher.op).rsplit(".", 1)[-1]
    if operator in ("Equal", "NotEqual"):
        return (matcher.value == value) == (operator == "Equal")
    try:
        found = re.fullmatch(matcher.value, value, re.DOTALL) is not None
    except re.error:
        # Not the same syntax as RE2 in every corner: rather refuse one case too many.
        return True
    return found == (operator == "Re")


class ChdbStore:
    """A store in this process, in a directory of its own. One process has one path, so files share it in turn."""

    def __init__(self, path: str) -> None:
        from chdb.session import Session

        connect: Callable[[str], Any] = Session  # chdb has no type hints
        self._session = connect(path)

    def execute(self, statement: str) -> None:
        """Run a statement without an answer."""
        self._session.query(statement)

    def run(self, statement: str, settings: dict[str, int | str]) -> list[tuple[object, ...]]:
        """Run a query; infinities come as text."""
        chosen = {**settings, "output_format_json_quote_denormals": 1}
        listed = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        answer = str(self._session.query(f"{statement} SETTINGS {listed}", "JSONCompactEachRow"))
        return [tuple(json.loads(line)) for line in answer.splitlines() if line]


def main(arguments: list[str]) -> int:
    """Print the table, the failures and the refused cases; the exit code tells whether anything failed."""
    with tempfile.TemporaryDirectory() as directory:
        store = ChdbStore(directory)
        report = run_directory(Path(arguments[0]), lambda: store)
    sys.stdout.write(report.table() + "\n")
    for file in report.files:
        for outcome in file.outcomes:
            if outcome.verdict == "fail":
                sys.stdout.write(f"\n{file.name}:{outcome.line}: {outcome.expr}\n")
                sys.stdout.write(f"  expected {outcome.expected}\n  got      {outcome.got}\n")
    refused = report.to_dict()["refused"]
    assert isinstance(refused, dict)  # noqa: S101 - see to_dict
    for reason, places in sorted(refused.items(), key=lambda item: -len(item[1])):
        sys.stdout.write(f"refused {len(places):>4}  {reason}\n")
    return 1 if any(file.count("fail") for file in report.files) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
