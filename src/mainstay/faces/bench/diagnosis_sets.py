"""Cases of other systems, read from the layouts in which they were published, for measuring alone.

``wide``: cases of a microservice system as Hardt et al. (2024) lay them out: ``TRAFFIC/noissue/metrics.csv`` is the
normal time, ``TRAFFIC/*/issue_N/metrics.csv`` the minutes around a problem, with three header rows and a row every five
minutes,
``target.json`` beside it the alert and the true node, ``TRAFFIC/graph.csv`` who calls whom.

``commits``: incidents with ``alert.json``, ``metrics.csv``, ``logs.ndjson``, ``traces.json`` and under ``context`` the
commits, deploys and flags of the hours around; ``ground_truth.json`` names the commit, or that there is none.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from mainstay.learn.diagnosis.domain.case import LOGS, METRICS, SPANS, Alert, Case, Change, Window

STEP = 300.0


@dataclass(frozen=True)
class Labelled:
    """A case with its answer: a service, or a change, or that no change is to blame (nothing)."""

    name: str
    case: Case
    answer: str | None
    decoys: frozenset[str] = frozenset()


def wide(folder: Path) -> Iterator[Labelled]:
    """Cases whose answer is a service."""
    for target in sorted(folder.glob("*/*/*/target.json")):
        told = json.loads(target.read_text())
        alert = _alert(told["target"])
        normal, calls = _normal(target.parents[2]), _graph(target.parents[2] / "graph.csv")
        problem = _wide_metrics(target.parent / "metrics.csv")
        # The normal time lies on other days. What it is compared with comes after it.
        first = _low(problem)
        moved = normal.with_columns(pl.col("time") - _high(normal) + first - 2 * STEP)
        windows = Window(_low(moved), first - STEP), Window(alert.time - STEP / 2, alert.time + 1.5 * STEP)
        case = Case(alert, *windows, pl.concat([moved, problem]), calls=calls)
        yield Labelled(str(target.parent.relative_to(folder)), case, told["root_cause"]["node"])


def quiet(folder: Path, count: int, seed: int) -> Iterator[Case]:
    """Windows of normal time, each with an alert of the kinds that the cases have, of which nothing should be said."""
    random = Random(seed)  # noqa: S311 - no secret
    targets = sorted(folder.glob("*/*/*/target.json"))
    for number in range(count):
        target = targets[number % len(targets)]
        alert = _alert(json.loads(target.read_text())["target"])
        normal = _normal(target.parents[2])
        times = normal["time"].unique().sort().to_list()
        place = random.randrange(len(times) // 4, len(times) - 2)
        known = normal.filter(pl.col("time") < times[place + 2])
        windows = Window(times[0], times[place - 1]), Window(times[place] - 1, times[place + 1] + 1)
        calls = _graph(target.parents[2] / "graph.csv")
        yield Case(replace(alert, time=times[place]), *windows, known, calls=calls)


def _alert(target: dict[str, Any]) -> Alert:
    return Alert(target["node"], float(target["timestamp"]), f"{target['metric']}_{target['agg']}")


def _low(frame: pl.DataFrame) -> float:
    return float(frame["time"].min())  # type: ignore[arg-type]


def _high(frame: pl.DataFrame) -> float:
    return float(frame["time"].max())  # type: ignore[arg-type]


@lru_cache(maxsize=4)
def _normal(folder: Path) -> pl.DataFrame:
    return _wide_metrics(folder / "noissue" / "metrics.csv")


def _wide_metrics(path: Path) -> pl.DataFrame:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    heads = list(zip(*rows[:3], strict=True))[1:]
    body = [row for row in rows[3:] if row[0].replace(".", "").isdigit()]
    found = [
        (float(row[0]), service, f"{metric}_{statistic}", float(value))
        for row in body
        for (service, metric, statistic), value in zip(heads, row[1:], strict=True)
        if value
    ]
    return pl.DataFrame(found, schema=METRICS, orient="row")


@lru_cache(maxsize=4)
def _graph(path: Path) -> tuple[tuple[str, str], ...]:
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    return tuple(
        (row[0], name) for row in rows for name, value in zip(head[1:], row[1:], strict=True) if float(value or 0)
    )


def commits(folder: Path) -> Iterator[Labelled]:
    """Cases whose answer is a commit, or that none is to blame."""
    for truth in sorted(folder.glob("*/ground_truth.json")):
        told = json.loads(truth.read_text())
        answer = told["root_cause_commit"]
        decoys = frozenset(told.get("decoy_deploy_commits") or ())
        yield Labelled(truth.parent.name, _incident(truth.parent), None if answer in {None, "none"} else answer, decoys)


def _incident(folder: Path) -> Case:
    alert = json.loads((folder / "alert.json").read_text())
    fired = _moment(alert["fired_at"])
    raw = pl.read_csv(folder / "metrics.csv", infer_schema=False)
    times = raw["timestamp"].str.to_datetime(time_zone="UTC").dt.epoch("ms") / 1000
    metrics = raw.select(times.alias("time"), "service", "metric", pl.col("value").cast(pl.Float64))
    windows = Window(_low(metrics), fired - 600), Window(fired - 600, fired + 1800)
    noticed = Alert(alert["service"], fired, alert.get("metric") or "")
    return Case(noticed, *windows, metrics, _lines(folder), _spans(folder), None, tuple(_changes(folder / "context")))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _lines(folder: Path) -> pl.DataFrame:
    lines = [json.loads(one) for one in (folder / "logs.ndjson").read_text().splitlines() if one.strip()]
    found = [
        (_moment(one["timestamp"]), one["service"], (one.get("severity_text") or "").lower(), one.get("msg") or "")
        for one in lines
    ]
    return pl.DataFrame(found, schema=LOGS, orient="row")


def _spans(folder: Path) -> pl.DataFrame:
    found, trace = [], ""
    for one in json.loads((folder / "traces.json").read_text()):
        trace = trace if one["trace_id"] == "same" else one["trace_id"]
        start = _moment(one["start"])
        end = start + one["duration_ms"] / 1000
        found.append((trace, one["span_id"], one.get("parent_id") or "", one["service"], one["name"], start, end))
    return pl.DataFrame(found, schema=SPANS, orient="row")


def _changes(folder: Path) -> Iterator[Change]:
    deploys = {one["commit_sha"]: one for one in json.loads((folder / "deploys.json").read_text())}
    for one in json.loads((folder / "commits.json").read_text()):
        deploy = deploys.get(one["sha"])
        time = _moment((deploy or one)["timestamp"])
        files = "".join(f"+++ {path}\n" for path in one.get("files_changed") or ())
        service, kind = (deploy["service"], "deploy") if deploy else ("", "commit")
        yield Change(time, service, kind, one["sha"], one["message"], files + (one["diff"] or ""))
    flags = folder / "flags.json"
    for one in json.loads(flags.read_text()) if flags.exists() else ():
        yield Change(
            _moment(one["timestamp"]), one["service"], "flag", one["flag"], f"flag {one['flag']} {one['change']}"
        )
