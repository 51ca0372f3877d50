"""Build a case: gather it, clean all of it, write its files, and pack them into one."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
from django.conf import settings
from django.utils.crypto import salted_hmac

from mainstay.core import documents
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.learn.diagnosis import folder
from mainstay.learn.diagnosis.domain.case import Case
from mainstay.learn.escalation import page
from mainstay.learn.escalation.bundle import INDEX, MANIFEST, RECORD, manifest, pack, table, unpack
from mainstay.learn.escalation.domain import drawing
from mainstay.learn.escalation.domain.cleaning import Cleaner, CleaningError, Rules
from mainstay.learn.escalation.domain.drawing import Chart
from mainstay.learn.escalation.domain.glance import glance
from mainstay.learn.escalation.gather.logs import sample
from mainstay.learn.escalation.gather.whole import gather

# Where a case is too large, it is packed again with this share of its log lines.
_SHARES: Final = (1, 4, 16)


@dataclass(frozen=True)
class Built:
    """A case that is built: its file, the SHA-256 of that, and all that its page tells."""

    content: bytes
    record: dict[str, Any]

    @property
    def digest(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def files(self) -> dict[str, str]:
        """Name -> SHA-256 of every file in it."""
        return {one["name"]: one["sha256"] for one in manifest(unpack(self.content))["files"]}


def cleaner() -> Cleaner:
    """A cleaner by the settings. Raises ``ProblemError`` where they cannot be read: nothing goes out uncleaned."""
    conf = current()
    # Tags of secrets are of this case's kind alone, so that they cannot be held against those of configurations.
    key = salted_hmac("mainstay.escalation", "tags", secret=settings.SECRET_KEY, algorithm="sha256").digest()
    fields = tuple(conf.escalation_redact_fields)
    try:
        return Cleaner(Rules(tuple(conf.escalation_redact), tuple(conf.escalation_redact_expressions), fields, key))
    except CleaningError as error:
        raise ProblemError(409, "Not possible", str(error)) from None


def build(actor: Actor, number: int, note: str = "") -> Built:
    """Build the case of an incident. Raises ``TelemetryError`` and ``ProblemError``."""
    made, clean = gather(actor, number, note), cleaner()
    case = _case(made.case, clean)
    charts = [_chart(one, clean) for one in made.charts]
    record = {**_record(made.record, clean), "people": made.people}
    most = current().escalation_max_mb * 1_000_000
    for share in _SHARES:
        lines, cut = sample(case.logs, current().escalation_lines // share)
        told = {**record, "cut": [*record["cut"], cut] if cut else record["cut"], "taken_out": dict(clean.taken)}
        content = _packed(replace(case, logs=lines), charts, told)
        if len(content) <= most:
            return Built(content, told)
    detail = (
        f"It takes {len(content):,} bytes, more than escalation_max_mb allows; raise it, or lower escalation_samples."
    )
    raise ProblemError(409, "Too large", detail)


def _record(record: Mapping[str, Any], clean: Cleaner) -> dict[str, Any]:
    """The record without secrets: first what has rules of its own, then every text of it."""
    own = dict(record)
    own["queries"] = [{**one, "rows": clean.rows(one["columns"], one["rows"])} for one in record["queries"]]
    masked = iter(clean.configuration([one[name] for one in record["differences"] for name in ("summary", "diff")]))
    own["differences"] = [{**one, "summary": next(masked), "diff": next(masked)} for one in record["differences"]]
    found: dict[str, Any] = clean.plain(own)
    return found


def _case(case: Case, clean: Cleaner) -> Case:
    metrics, logs, spans, changes = case.metrics, case.logs, case.spans, case.changes
    if metrics is not None:
        names = metrics["metric"].unique()
        metrics = metrics.with_columns(pl.col("metric").replace_strict(names, clean.texts(names)))
    if logs is not None:
        logs = logs.with_columns(clean.texts(logs["message"]).alias("message"))
    if spans is not None:
        spans = spans.with_columns(clean.texts(spans["operation"]).alias("operation"))
    if changes:
        texts = iter(clean.configuration([text for one in changes for text in (one.summary, one.diff)]))
        changes = tuple(replace(one, summary=next(texts), diff=next(texts)) for one in changes)
    return replace(case, metrics=metrics, logs=logs, spans=spans, changes=changes)


def _chart(chart: Chart, clean: Cleaner) -> Chart:
    lines = [replace(one, name=clean.text(one.name)) for one in chart.lines]
    return replace(chart, title=clean.text(chart.title), query=clean.text(chart.query), lines=lines)


def _packed(case: Case, charts: list[Chart], record: dict[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="mainstay-case-") as place:
        folder.write(case, Path(place))
        files = {one.name: one.read_bytes() for one in Path(place).iterdir()}
    for graph, chart in zip(record["graphs"], charts, strict=True):
        files[graph["svg"]] = drawing.svg(chart).encode()
        files[graph["csv"]] = table(drawing.table(chart))
    return _with_page(files, record)


def _with_page(files: dict[str, bytes], record: Mapping[str, Any]) -> bytes:
    """The file with its page and its record as they are now."""
    files[RECORD] = orjson.dumps(record, option=orjson.OPT_INDENT_2)
    made_at = datetime.fromisoformat(record["made_at"])
    pictures = {name: data.decode() for name, data in files.items() if name.endswith(".svg")}
    names = sorted({*files, INDEX, MANIFEST})
    files[INDEX] = documents.html(page.blocks(record, pictures, names), made_at).encode()
    return pack(files, made_at)


def with_note(content: bytes, note: str) -> Built:
    """The same case with a note of whoever hands it over, cleaned like all else."""
    files = unpack(content)
    record = orjson.loads(files[RECORD])
    record["note"] = cleaner().text(note)
    record["lacks"] = [one for one in record["lacks"] if not one[0].startswith("no note")]
    return Built(_with_page(files, record), record)


def markdown(record: Mapping[str, Any]) -> str:
    """What an issue says: the note, and the first page. The rest is in the case."""
    return documents.markdown(page.summary(record))


def summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the page before handing over shows."""
    names = ("queries", "graphs", "versions", "configuration", "differences", "tried")
    return {
        "title": record["title"],
        "glance": [list(one) for one in glance(record)],
        "lacks": record["lacks"],
        "cut": record["cut"],
        "taken_out": record["taken_out"],
        "counts": {
            **{name: len(record[name]) for name in names},
            "patterns": len(record["patterns"]["rows"]),
            "ids": len(record["affected"]["rows"]),
        },
    }
