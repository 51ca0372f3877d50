"""Keep the lines of a bundle, two blocks at a time, and say what was understood of each file."""

import fnmatch
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from django.db import connection

from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.observe.intake import journald
from mainstay.observe.intake.bundle import blocks, unpack
from mainstay.observe.intake.bundle.report import FileReport
from mainstay.observe.intake.models import ImportedFile
from mainstay.observe.logs import archive
from mainstay.observe.logs import services as logs
from mainstay.observe.logs.lines import Origin
from mainstay.observe.logs.reading.read import Source
from mainstay.observe.telemetry.services import SpoolFullError

# Blocks that are read, redacted and kept at the same time: the columns' code runs outside of Python's lock.
_SIDE_BY_SIDE = 2
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_ROTATED = re.compile(r"(?:[.-]\d[\w-]*|\.log|\.txt|\.json|\.csv|\.out)+$")


@dataclass(frozen=True)
class Wish:
    """What the person said of files: (pattern, value) pairs, of which the first that fits a file holds."""

    services: Sequence[tuple[str, str]] = ()
    timezones: Sequence[tuple[str, str]] = ()
    corrections: Sequence[tuple[str, str]] = ()
    dry_run: bool = False
    again: bool = False


def _wanted(pairs: Sequence[tuple[str, str]], name: str) -> str:
    return next((value for pattern, value in pairs if fnmatch.fnmatch(name, pattern)), "")


def zone_of(text: str) -> timedelta | str:
    """An offset such as +05:30, or the name of a zone. Raises ``ProblemError``."""
    fixed = _OFFSET.fullmatch(text)
    if fixed:
        found = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return -found if fixed[1] == "-" else found
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise bad_request("write +hh:mm or the name of a time zone, such as Europe/Berlin", "timezone") from None


def _source(name: str, wish: Wish, report: FileReport) -> Source:
    zone, seconds = _wanted(wish.timezones, name), _wanted(wish.corrections, name)
    try:
        correction = timedelta(seconds=float(seconds or 0))
    except (ValueError, OverflowError):
        raise bad_request("write seconds, such as -12.5", "clock-correction") from None
    report.assumed.append(f"moments that name no zone are {zone or 'UTC'}")
    if correction:
        report.assumed.append(f"the clock was wrong by {-correction.total_seconds():g} s")
    return Source(zone_of(zone) if zone else timedelta(), correction)


def run(actor: Actor, paths: Sequence[Path], wish: Wish, say: Callable[[str], None]) -> Iterator[FileReport]:
    """Import files and folders; a report for each file in them as it is done.

    Raises ``ProblemError`` for a wish that cannot be understood, before anything is read.
    """
    require(actor, Right.RESPOND)
    for _, zone in wish.timezones:
        zone_of(zone)
    conf = current()
    budget = unpack.Budget(
        unpack.Limits(conf.import_max_mb, conf.import_max_ratio, conf.import_max_files, conf.import_max_nesting)
    )
    for given in paths:
        if not given.exists():
            raise bad_request(f"{given}: there is no such file or folder", "path")
    with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="import") as pool:
        for path in (path for given in paths for path in unpack.paths_of(given)):
            yield from _one(actor, path, wish, budget, _Keeping(pool, wish.dry_run, say))


def _one(actor: Actor, path: Path, wish: Wish, budget: unpack.Budget, keeping: "_Keeping") -> Iterator[FileReport]:
    """One file of the disk with all that is in it."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        yield FileReport(str(path), problems=[f"cannot be read: {error.strerror}"])
        return
    known = ImportedFile.objects.filter(digest=digest).first()
    if known and not wish.again:
        told = f"was imported before, as {known.name} on {known.at:%Y-%m-%d %H:%M} UTC; --again imports it once more"
        yield FileReport(str(path), problems=[told])
        return
    records = 0
    try:
        for member in unpack.members_of(path, budget):
            report = _member(member, wish, keeping)
            records += report.records
            yield report
    except unpack.BombError as error:
        yield FileReport(str(path), problems=[f"stopped: {error}"])
        return
    if not wish.dry_run:
        about = {"name": str(path)[:1000], "at": clock.now(), "records": records}
        ImportedFile.objects.update_or_create(digest=digest, defaults=about)
        audit.record(actor, "logs.import", str(path)[-200:], records=records, sha256=digest)


def _member(member: unpack.Member, wish: Wish, keeping: "_Keeping") -> FileReport:
    """One file of text."""
    report = FileReport(member.name, _wanted(wish.services, member.name))
    if member.stream is None:
        report.problems.append(member.problem)
        return report
    source = _source(member.name, wish, report)
    told = blocks.Told()
    try:
        head = member.stream.peek(512)
        report.layout = blocks.layout_of(head) if head.startswith((b"PAR1", b"__")) else ""
        if report.layout == "parquet":
            with unpack.spooled(member.stream) as file:
                for records in archive.rows_of(file):
                    keeping.put(report, records.height, partial(pl.DataFrame, records))
        elif report.layout == "journal":
            for block in blocks.journal_blocks(member.stream):
                lines = journald.lines_of(block, member.name)
                keeping.put(report, len(lines.bodies), partial(logs.records_of_lines, lines, source))
        else:
            origin = Origin(report.service, member.name[-200:], "import", {"log.file.path": member.name})
            for texts in blocks.texts(member.stream, told):
                keeping.put(report, texts.len(), partial(logs.records_of, texts, origin, source, _service(member.name)))
    except unpack.BombError as error:
        report.problems.append(f"stopped: {error}")
        raise
    except (blocks.NotTextError, pl.exceptions.PolarsError, *unpack.BROKEN) as error:
        report.problems.append(str(error))
    finally:
        keeping.finish(report)
        report.layout = report.layout or told.layout
        report.encoding = ", ".join(sorted(told.encoding))
    return report


def _service(name: str) -> str:
    """The service of a file whose lines name none: its name without what rotation put behind it."""
    stem = PurePosixPath(name.replace("\\", "/").rpartition("!/")[2]).name
    return (_ROTATED.sub("", stem) or stem)[:80]


class _Keeping:
    """Reads and keeps blocks side by side, and counts them in the report of their file."""

    def __init__(self, pool: ThreadPoolExecutor, dry_run: bool, say: Callable[[str], None]) -> None:
        self._pool, self._dry_run, self._say = pool, dry_run, say
        self._waiting: list[Future[pl.DataFrame]] = []

    def put(self, report: FileReport, lines: int, make: Callable[[], pl.DataFrame]) -> None:
        """Keep the records that a call makes. Waits while as many blocks are under way as may be."""
        report.lines += lines
        if len(self._waiting) > _SIDE_BY_SIDE:
            report.add(self._waiting.pop(0).result())
        self._waiting.append(self._pool.submit(self._keep, make))

    def finish(self, report: FileReport) -> None:
        """Wait for the rest."""
        while self._waiting:
            report.add(self._waiting.pop(0).result())

    def _keep(self, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        try:
            records = make()
            while not self._dry_run:
                try:
                    logs.keep_records(records, clock.now())
                    break
                except SpoolFullError as error:
                    self._say(f"waiting: {error}")
                    connection.close()
                    time.sleep(1)
        finally:
            # Reading asks for the formats and keeping writes: nobody else closes the connection of this thread, and a
            # block takes long enough for a new one.
            connection.close()
        return records.select("time", "format", "level")
