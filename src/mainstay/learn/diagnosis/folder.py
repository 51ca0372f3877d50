"""The case folder: one documented layout, written by an escalation and read without any server.

``case.json``, ``metrics.csv``, ``logs.ndjson``, ``spans.ndjson``, ``graph.csv`` and ``changes.ndjson``; any but the
first may be missing. Times are seconds since 1970 or ISO 8601; one without an offset is UTC.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from mainstay.learn.diagnosis.domain.case import LOGS, METRICS, SPANS, TRACED, Alert, Case, Change, Window

# Without windows in case.json: so long before the alert the problem begins, and so long after it it ends, in seconds.
BEFORE: Final = 600.0
AFTER: Final = 1800.0


class FolderError(ValueError):
    """A folder that cannot be read. The text names the file, the place and the remedy."""


def read(folder: Path) -> Case:
    """Read a case. Raises ``FolderError``."""
    if not folder.is_dir():
        raise FolderError(f"{folder} is no directory; name the directory that holds case.json")
    head = _head(folder / "case.json")
    metrics = _frame(folder / "metrics.csv", METRICS)
    logs = _frame(folder / "logs.ndjson", {**LOGS, **TRACED})
    spans = _frame(folder / "spans.ndjson", SPANS)
    alert = _alert(head)
    problem = _window(head, "problem") or Window(alert.time - BEFORE, alert.time + AFTER)
    normal = _window(head, "normal") or Window(_first(metrics, logs, problem.start), problem.start)
    return Case(alert, normal, problem, metrics, logs, spans, _calls(folder), _changes(folder))


def _first(metrics: pl.DataFrame | None, logs: pl.DataFrame | None, otherwise: float) -> float:
    starts = [frame["time"].min() for frame in (metrics, logs) if frame is not None and frame.height]
    known = [float(one) for one in starts if isinstance(one, float)]
    return min([*known, otherwise - 1.0])


def _head(path: Path) -> Mapping[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise FolderError(f"{path} is missing; it says what alerted, where and when") from None
    except orjson.JSONDecodeError as error:
        raise FolderError(f"{path}: {error}; write one JSON object") from None
    if not isinstance(found, dict):
        raise FolderError(f"{path}: write one JSON object")
    return found


def _alert(head: Mapping[str, Any]) -> Alert:
    alert = head.get("alert")
    if not isinstance(alert, dict) or not isinstance(alert.get("service"), str) or not alert["service"]:
        raise FolderError('case.json: alert.service: write {"alert": {"service": "…", "metric": "…", "time": "…"}}')
    return Alert(alert["service"], _moment(alert.get("time"), "alert.time"), str(alert.get("metric") or ""))


def _window(head: Mapping[str, Any], name: str) -> Window | None:
    given = head.get(name)
    if given is None:
        return None
    if not isinstance(given, dict):
        raise FolderError(f'case.json: {name}: write {{"start": "…", "end": "…"}}')
    start, end = (_moment(given.get(side), f"{name}.{side}") for side in ("start", "end"))
    if end <= start:
        raise FolderError(f"case.json: {name}.end: it does not lie after {name}.start")
    return Window(start, end)


def _moment(value: object, field: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise FolderError(f"case.json: {field}: {value!r} is no time; write seconds since 1970 or ISO 8601") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _frame(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame | None:
    """A table with the columns of ``schema``, or nothing where there is no file."""
    if not path.exists():
        return None
    raw = _text_columns(path, schema)
    needed = [one for one in schema if one not in _MAY_MISS]
    missing = [one for one in needed if one not in raw.columns or raw[one].null_count() == raw.height]
    if missing and raw.height:
        raise FolderError(f"{path.name}: {missing[0]} is missing; write {', '.join(needed)}")
    columns = []
    for name, kind in schema.items():
        given = raw[name] if name in raw.columns else pl.Series(name, [None] * raw.height, dtype=pl.String)
        columns.append(_typed(given, name, kind, path.name))
    return pl.DataFrame(columns)


_MAY_MISS: Final = {"level", "trace_id", "span_id", "parent_id"}


def _text_columns(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame:
    if path.suffix == ".csv":
        try:
            return pl.read_csv(path, infer_schema=False)
        except pl.exceptions.NoDataError:
            return pl.DataFrame(schema=dict.fromkeys(schema, pl.String))
        except pl.exceptions.PolarsError as error:
            raise FolderError(f"{path.name}: {error}") from None
    return _objects(path, schema)


def _objects(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame:
    """The fields of one JSON object a line, as text. Raises ``FolderError`` that names the first line that is none."""
    lines = pl.Series("line", path.read_text(encoding="utf-8", errors="replace").split("\n"), dtype=pl.String)
    frame = lines.to_frame().with_row_index("number", 1).filter(pl.col("line").str.strip_chars() != "")
    found = frame.select(
        "number",
        pl.col("line").str.json_path_match("$").str.starts_with("{").fill_null(value=False).alias("whole"),
        *(pl.col("line").str.json_path_match(f"$.{name}").alias(name) for name in schema),
    )
    broken = found.filter(~pl.col("whole"))
    if broken.height:
        raise FolderError(f"{path.name}: line {broken['number'][0]}: write one JSON object a line")
    return found.select(schema.keys())


def _typed(given: pl.Series, name: str, kind: Any, file: str) -> pl.Series:
    if kind != pl.Float64:
        return given.cast(pl.String)
    numbers = given.cast(pl.Float64, strict=False)
    if name in {"time", "start", "end"}:
        moments = given.str.to_datetime(time_zone="UTC", strict=False, time_unit="us").dt.epoch("us") / 1e6
        numbers = numbers.fill_null(moments)
    bad = (numbers.is_null() & given.is_not_null() & (given != "")).arg_true()
    if bad.len():
        place = int(bad[0])
        raise FolderError(
            f"{file}: line {place + 1 + file.endswith('.csv')}: {name}: {given[place]!r} is no number or time"
        )
    return numbers.alias(name)


def _calls(folder: Path) -> tuple[tuple[str, str], ...] | None:
    frame = _frame(folder / "graph.csv", {"caller": pl.String, "callee": pl.String})
    return tuple(frame.drop_nulls().unique().sort("caller", "callee").iter_rows()) if frame is not None else None


def _changes(folder: Path) -> tuple[Change, ...] | None:
    schema = {"time": pl.Float64, **dict.fromkeys(("service", "kind", "id", "summary", "diff"), pl.String)}
    path = folder / "changes.ndjson"
    if not path.exists():
        return None
    raw = _text_columns(path, schema)
    times = _typed(raw["time"], "time", pl.Float64, path.name)
    lacking = times.is_null().arg_true()
    if lacking.len():
        raise FolderError(f"{path.name}: line {int(lacking[0]) + 1}: time: it is missing")
    rows = raw.with_columns(times).fill_null("").iter_rows(named=True)
    return tuple(
        Change(one["time"], one["service"], one["kind"], one["id"], one["summary"], one["diff"]) for one in rows
    )


def write(case: Case, folder: Path) -> None:
    """Write a case down, so that ``read`` finds it again."""
    folder.mkdir(parents=True, exist_ok=True)
    alert = {"service": case.alert.service, "metric": case.alert.metric, "time": case.alert.time}
    windows = {
        name: {"start": one.start, "end": one.end} for name, one in (("normal", case.normal), ("problem", case.problem))
    }
    (folder / "case.json").write_bytes(orjson.dumps({"alert": alert, **windows}, option=orjson.OPT_INDENT_2))
    if case.metrics is not None:
        case.metrics.select(METRICS.keys()).write_csv(folder / "metrics.csv")
    for name, frame in (("logs", case.logs), ("spans", case.spans)):
        if frame is not None:
            out = BytesIO()
            frame.write_ndjson(out)
            (folder / f"{name}.ndjson").write_bytes(out.getvalue())
    if case.calls is not None:
        pl.DataFrame(list(case.calls), schema={"caller": pl.String, "callee": pl.String}, orient="row").write_csv(
            folder / "graph.csv"
        )
    if case.changes is not None:
        lines = [
            orjson.dumps({name: getattr(one, name) for name in ("time", "service", "kind", "id", "summary", "diff")})
            for one in case.changes
        ]
        (folder / "changes.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))
