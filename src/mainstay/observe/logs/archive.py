"""Days of log lines as Parquet files: written, read back, and only then taken out of the store when asked."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mainstay.core import audit
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.observe.logs import frame
from mainstay.observe.telemetry import client
from mainstay.observe.telemetry import services as telemetry

BATCH = 50_000
MANIFEST = "manifest.json"
_COLUMNS = (
    "toUnixTimestamp64Micro(time) AS time, id, toInt64(toUnixTimestamp(received)) AS received, keep_days, "
    "toString(service) AS service, toString(level) AS level, pattern, body, trace_id, span_id, "
    "toString(stream) AS stream, toString(source) AS source, toString(format) AS format, "
    "toJSONString(attributes) AS attributes, toString(exception) AS exception, toString(frame) AS frame, fingerprint, "
    "arrayMap(one -> toString(one), causes) AS causes"
)
_WHERE = "service = {service:String} AND toDate(time, 'UTC') = {day:Date}"
_OWN = {"id", "received", "keep_days"}


def rows_of(file: IO[bytes]) -> Iterator[pl.DataFrame]:
    """The records of an archive, in batches, to be kept as if they came now. Raises ``OSError`` for another file."""
    for batch in pq.ParquetFile(file).iter_batches(BATCH):
        found = pl.from_arrow(batch)
        if not isinstance(found, pl.DataFrame) or "body" not in found.columns:
            raise OSError("this Parquet file has no column named body")
        neutral = {"service": "", "level": "", "format": "raw", "attributes": frame.NO_ATTRIBUTES}
        missing = {name: pl.lit(text) for name, text in neutral.items() if name not in found.columns}
        if "time" not in found.columns:
            found = found.with_columns(time=pl.lit(None, dtype=pl.Int64))
        elif found["time"].dtype.is_temporal():
            found = found.with_columns(pl.col("time").dt.epoch("us"))
        known = [name for name in frame.COLUMNS if name in found.columns and name not in _OWN]
        yield found.with_columns(**missing).select(*known, *missing)


def archive(actor: Actor, before: date, to: Path, say: Callable[[str], None], *, delete: bool) -> list[dict[str, Any]]:
    """Write all lines before a day (UTC), a file a day and service, and return the manifest's entries.

    Lines are taken out of the store with ``delete`` only, and only those whose file was read back with the same
    number of lines and the same sum of their numbers. Raises ``ProblemError`` and ``TelemetryError``.
    """
    require(actor, Right.ADMINISTER)
    try:
        to.mkdir(parents=True, exist_ok=True)
        manifest = to / MANIFEST
        entries = {one["file"]: one for one in json.loads(manifest.read_text())} if manifest.exists() else {}
    except (OSError, ValueError) as error:
        raise bad_request(f"{to}: {error}", "to") from error
    days = telemetry.rows(
        "SELECT toDate(time, 'UTC') AS day, toString(service), max(id) FROM log_lines WHERE toDate(time, 'UTC') < "
        "{before:Date} GROUP BY day, service ORDER BY day, service",
        {"before": before},
    )
    done = []
    for day, service, newest in days:
        about = {"day": day, "service": service, "newest": newest}
        file = to / f"{day:%Y-%m-%d}" / f"{_file_name(service)}-{newest:016x}.parquet"
        entry = {"file": str(file.relative_to(to)), "day": f"{day:%Y-%m-%d}", "service": service}
        entry |= _written(file, about)
        entries[entry["file"]] = entry
        _replace(manifest, json.dumps(list(entries.values()), indent=1).encode())
        if delete:
            statement = "DELETE FROM log_lines WHERE service = {service} AND toDate(time, 'UTC') = '{day:%Y-%m-%d}' "
            text = statement.format(service=_quoted(service), day=day) + f"AND id <= {int(newest)}"
            client.connect().command(text)
            audit.record(actor, "logs.archive", service[:200], day=entry["day"], lines=entry["lines"], file=str(file))
        done.append({**entry, "deleted": delete})
        say(f"{file}: {entry['lines']:,} lines")
    return done


def _file_name(service: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", service)[:80] or "none"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _written(file: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Write a file and read it back. Counts and the hash of its bytes. Raises ``OSError`` when they do not agree."""
    told = telemetry.rows(f"SELECT count(), sum(id) FROM log_lines WHERE {_WHERE} AND id <= {{newest:UInt64}}", about)[
        0
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    writer = None
    for table in _pages(about):
        writer = writer or pq.ParquetWriter(part, table.schema, compression="zstd")
        writer.write_table(table.cast(writer.schema))
    if writer is None:
        raise OSError(f"{file}: there are no lines for it any more")
    writer.close()
    lines, numbers = 0, 0
    for batch in pq.ParquetFile(part).iter_batches(BATCH, columns=["id"]):
        lines += batch.num_rows
        numbers += sum(batch.column(0).to_pylist())
    if (lines, numbers % 2**64) != (int(told[0]), int(told[1])):
        part.unlink()
        raise OSError(f"{file}: {lines} lines were written and {told[0]} are in the store; nothing was deleted")
    with part.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
        os.fsync(written.fileno())
    part.replace(file)
    return {"lines": lines, "bytes": file.stat().st_size, "sha256": digest}


def _pages(about: dict[str, Any]) -> Iterator[pa.Table]:
    """The lines of a day and service, in the order of their numbers."""
    last = -1
    while True:
        where = f"{_WHERE} AND id <= {{newest:UInt64}} AND toInt64(id) > {{last:Int64}}"
        sql = f"SELECT {_COLUMNS} FROM log_lines WHERE {where} ORDER BY log_lines.id LIMIT {BATCH}"
        # Names of columns that are made of a column of the same name would be looked up in the result.
        data = telemetry.raw(f"{sql} SETTINGS prefer_column_name_to_alias = 1", {**about, "last": last}, "ArrowStream")
        table = pa.ipc.open_stream(data).read_all()
        if table.num_rows:
            yield table
            last = int(table.column("id")[-1].as_py())
        if table.num_rows < BATCH:
            return


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)
