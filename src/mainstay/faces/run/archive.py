"""Backup and restore of both stores as one file.

The file is a ZIP: a manifest, the relational store as JSON lines that SQLite and PostgreSQL both take back (so that it
is also the way from one to the other), the telemetry tables in ClickHouse's Native format in parts of an hour, the
keys, and the rows that jobs have archived, which are nowhere else any more. It is written for its owner's eyes alone,
because it holds everything.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core import serializers
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction

from mainstay import __version__
from mainstay.core import clock
from mainstay.core.models import FeedItem, Heartbeat, Person
from mainstay.core.settings import current
from mainstay.observe.telemetry import client, schema
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.client import TelemetryError
from mainstay.restore.sqldesk.jobs import services as jobs

FORMAT = 1
# Where the files of jobs are in a backup.
ARCHIVES = "archives"
_ARCHIVED = re.compile(rf"{ARCHIVES}/JOB-[0-9]+/[\w.-]+", re.ASCII)
HOUR_MS = 3_600_000


class _Exact(DjangoJSONEncoder):
    """Django's own encoder cuts times to milliseconds, which would break the hashes of the audit log."""

    def default(self, o: Any) -> Any:
        """Times with their microseconds; all else as Django does it."""
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


# Folders of the data directory with files that only their owner may read.
PRIVATE = ("keys", "secrets", "ssh")


class ArchiveError(ValueError):
    """A backup cannot be written or read; the text says why and what to do."""


def _tables() -> list[type[models.Model]]:
    """What is backed up: the rooms' own tables but for signs of life and what screens have shown."""
    own = [model for model in apps.get_models() if model.__module__.startswith("mainstay.")]
    return [model for model in own if model not in {FeedItem, Heartbeat}]


@contextmanager
def _snapshot() -> Iterator[None]:
    """One consistent view of the relational store, in which writers are not held up."""
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.vendor == "postgresql" else "BEGIN DEFERRED"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def backup(file: Path) -> Iterator[str]:
    """Write a backup while everything runs. Yields what was done, for the person to read."""
    part = file.with_name(file.name + ".part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    except OSError as error:
        raise ArchiveError(f"cannot write {file}: {error.strerror}") from error
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        manifest: dict[str, Any] = {"format": FORMAT, "mainstay": __version__, "at": clock.now().isoformat()}
        with _snapshot():
            rows = _write_relational(archive)
            files = jobs.archived() if current().backup_archives else {}
        manifest["rows"] = rows
        yield f"relational store: {rows} rows"
        for place in PRIVATE:
            for key in sorted((current().data_dir / place).glob("[!.]*")):
                archive.write(key, f"{place}/{key.name}")
        manifest["telemetry"] = {}
        for name in schema.TABLES:
            manifest["telemetry"][name] = _write_table(archive, name)
            yield f"telemetry {name}: {manifest['telemetry'][name]} rows"
        if current().backup_archives:
            yield _write_archives(archive, files)
        archive.writestr("manifest.json", json.dumps(manifest, indent=2))
    part.replace(file)
    yield f"written to {file}, {file.stat().st_size // 1024} KB; it holds keys and personal data, keep it safe"


def _write_relational(archive: zipfile.ZipFile) -> int:
    count = 0
    with archive.open("relational.jsonl", "w") as out:
        for model in _tables():
            for row in model._default_manager.order_by("pk").iterator(chunk_size=1000):
                out.write(serializers.serialize("jsonl", [row], cls=_Exact).encode())
                count += 1
    return count


def _write_archives(archive: zipfile.ZipFile, files: Mapping[str, Path]) -> str:
    """The files of jobs, which are compressed already. One that is gone is said, and no reason to stop."""
    there = {name: file for name, file in files.items() if file.is_file()}
    for name, file in there.items():
        archive.write(file, f"{ARCHIVES}/{name}", zipfile.ZIP_STORED)
    lost = f"; {len(files) - len(there)} are not where they were written to" if len(there) < len(files) else ""
    return f"archives of jobs: {len(there)} files{lost}"


def _write_table(archive: zipfile.ZipFile, name: str) -> int:
    """Hour by hour, because the answer to one statement is held in memory."""
    store, table = client.connect(), schema.TABLES[name]
    column = table.time_column
    total = 0
    starts = telemetry.rows(
        f"SELECT DISTINCT toUnixTimestamp64Milli(toStartOfHour({column})::DateTime64(3)) FROM {name} ORDER BY 1"
    )
    for (start,) in starts:
        where = (
            f"{column} >= fromUnixTimestamp64Milli({start}) AND {column} < fromUnixTimestamp64Milli({start + HOUR_MS})"
        )
        total += telemetry.rows(f"SELECT count() FROM {name} WHERE {where}")[0][0]
        with archive.open(f"telemetry/{name}/{start}.native", "w") as out:
            for chunk in store.stream(f"SELECT * FROM {name} WHERE {where} FORMAT Native"):
                out.write(chunk)
    return total


def restore(file: Path) -> Iterator[str]:
    """Fill an empty installation. Yields what was done."""
    try:
        archive = zipfile.ZipFile(file)
        manifest = json.loads(archive.read("manifest.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ArchiveError(f"{file} is not a backup of Mainstay: {error}") from error
    if manifest.get("format") != FORMAT:
        raise ArchiveError(f"{file} has format {manifest.get('format')}, this version reads {FORMAT}")
    with archive:
        call_command("migrate", verbosity=0, interactive=False)
        if Person.objects.exists():
            raise ArchiveError("this installation is not empty; name an empty directory with --data")
        for name in [name for name in archive.namelist() if name.partition("/")[0] in PRIVATE]:
            target = current().data_dir / name.partition("/")[0] / Path(name).name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            target.touch(mode=0o600)
            target.write_bytes(archive.read(name))
        rows = _read_relational(archive)
        yield f"relational store: {rows} rows"
        yield _read_archives(archive)
        with _running_engine():
            telemetry.prepare()
            for name in schema.TABLES:
                parts = [part for part in archive.namelist() if part.startswith(f"telemetry/{name}/")]
                for part in parts:
                    client.connect().insert(f"INSERT INTO {name} FORMAT Native", archive.read(part), part)
                count = telemetry.rows(f"SELECT count() FROM {name}")[0][0]
                yield f"telemetry {name}: {count} rows of {manifest['telemetry'].get(name, 0)}"


def _read_archives(archive: zipfile.ZipFile) -> str:
    """The files of jobs back to where this installation keeps them, each read and compared with what was archived."""
    names = [name for name in archive.namelist() if _ARCHIVED.fullmatch(name)]
    for name in names:
        job, file = Path(name).parts[-2:]
        target = jobs.archive_root() / job / file
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with archive.open(name) as found, target.open("wb") as kept:
            shutil.copyfileobj(found, kept)
    wrong = jobs.take_home()
    torn = f"; not as they were archived: {', '.join(wrong)}" if wrong else ""
    return f"archives of jobs: {len(names)} files{torn}"


def _read_relational(archive: zipfile.ZipFile) -> int:
    count = 0
    with transaction.atomic(), archive.open("relational.jsonl") as lines:
        for row in serializers.deserialize("jsonl", lines):
            row.save()
            count += 1
        # Rows came with their numbers; the next new row must get one after them.
        statements = connection.ops.sequence_reset_sql(no_style(), _tables())
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    return count


@contextmanager
def _running_engine() -> Iterator[None]:
    """The embedded engine for as long as the restore needs it; a cluster runs by itself."""
    if current().engine_url:
        yield
        return
    place = current().data_dir / "run" / "engine.json"
    place.unlink(missing_ok=True)
    env = {**os.environ, "MAINSTAY_DATA": str(current().data_dir)}
    engine = subprocess.Popen([sys.executable, "-m", "mainstay", "engine"], env=env, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                client.connect()
                break
            except TelemetryError:
                if time.monotonic() > deadline or engine.poll() is not None:
                    raise
                time.sleep(0.1)
        yield
    finally:
        engine.terminate()
        engine.wait(20)
        place.unlink(missing_ok=True)
