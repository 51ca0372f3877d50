"""Bundles as they come: every container, encoding and layout; bombs and names that point elsewhere."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cramjam
import pytest

from mainstay.core import settings
from mainstay.core.access import LOCAL
from mainstay.core.problems import ProblemError
from mainstay.observe.intake.bundle import blocks
from mainstay.observe.intake.bundle.report import FileReport
from mainstay.observe.intake.bundle.run import Wish, run

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = (
    b"2026-01-31 03:04:05,000 INFO [main] shop.Web: one\n2026-01-31 03:04:06,000 ERROR [main] shop.Web: two\n\tat x.Y\n"
)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows that would have been kept."""
    found: list[dict[str, Any]] = []

    def keep(table: str, rows: Any) -> None:
        found.extend(rows.to_dicts())

    monkeypatch.setattr("mainstay.observe.logs.services.telemetry.write_frame", keep)
    return found


def imported(*paths: Path, **wish: Any) -> list[FileReport]:
    return list(run(LOCAL, paths, Wish(**wish), lambda _: None))


def zipped(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "shop.log": bytes,
    "shop.log.gz": gzip.compress,
    "shop.log.bz2": bz2.compress,
    "shop.log.xz": lzma.compress,
    "shop.log.zst": lambda data: bytes(cramjam.zstd.compress(data)),
    "a.zip": lambda data: zipped("../../shop.log", data),
    "a.tar": lambda data: tarred("/shop.log", data),
    "a.tgz": lambda data: gzip.compress(tarred("x/shop.log", data)),
    "a.tar.xz": lambda data: lzma.compress(tarred("x/shop.log.gz", gzip.compress(data))),
    "a.zip.in.zip": lambda data: zipped("inner.zip", zipped("shop.log.gz", gzip.compress(data))),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container(tmp_path: Path, kept: list[dict[str, Any]], name: str) -> None:
    (tmp_path / name).write_bytes(CONTAINERS[name](TEXT))
    (report,) = imported(tmp_path)
    assert (report.lines, report.records, report.timed, report.problems) == (3, 2, 2, [])
    assert report.as_row()["first"] == "2026-01-31T03:04:05Z"
    assert report.levels == {"info": 1, "error": 1}
    assert [row["body"] for row in kept] == ["one", "two\n\tat x.Y"]
    assert {row["service"] for row in kept} == {"shop"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
def test_encodings(tmp_path: Path, kept: list[dict[str, Any]], encoding: str) -> None:
    (tmp_path / "win.log").write_bytes("2026-01-31 03:04:05 ERROR Zugriff für Käufer\r\n".encode(encoding))
    (report,) = imported(tmp_path)
    assert kept[0]["body"] == "Zugriff für Käufer"
    assert encoding in report.encoding or encoding == "utf-16-le"


def test_layouts(tmp_path: Path, kept: list[dict[str, Any]]) -> None:
    (tmp_path / "a.csv").write_bytes(
        b'timestamp,level,message,shop\n2026-01-31T03:04:05Z,ERROR,"no, two\nlines",7\n2026-01-31T03:04:06Z,INFO,b,8\n'
    )
    records = [{"eventTime": "2026-01-31T03:04:05Z", "message": "from a list", "level": "info"}]
    (tmp_path / "b.json").write_text(json.dumps({"Records": records}, indent=1))
    (tmp_path / "c.export").write_bytes(
        b"__CURSOR=x\n__REALTIME_TIMESTAMP=1769828645000000\nMESSAGE=from a journal\nPRIORITY=3\n"
        b"_SYSTEMD_UNIT=a.service\n\n"
    )
    (tmp_path / "d.log").write_bytes(b'ts=2026-01-31T03:04:05Z level=warn msg="of pairs"\n')
    found = {report.file.rpartition("/")[2]: report for report in imported(tmp_path)}
    assert [report.layout for report in found.values()] == ["csv", "json document", "journal", "lines"]
    by_body = {row["body"]: row for row in kept}
    assert set(by_body) == {"no, two\nlines", "b", "from a list", "from a journal", "of pairs"}
    assert by_body["no, two\nlines"]["level"] == "error"
    assert by_body["from a journal"]["service"] == "a"
    assert all(report.timed == report.records for report in found.values())


def test_zone_and_clock(tmp_path: Path, kept: list[dict[str, Any]]) -> None:
    (tmp_path / "a.log").write_bytes(b"2026-07-01 12:00:00 INFO x\n2026-01-01 12:00:00 INFO y\n")
    (tmp_path / "b.log").write_bytes(b"2026-07-01 12:00:00 INFO z\n")
    wishes = [("*a.log", "Europe/Berlin"), ("*", "-03:30")]
    imported(tmp_path, timezones=wishes, corrections=[("*b.log", "-1.5")])
    times = {row["body"]: datetime.fromtimestamp(row["time"] / 1e6, UTC).isoformat() for row in kept}
    assert times["x"].startswith("2026-07-01T10:00:00")
    assert times["y"].startswith("2026-01-01T11:00:00")
    assert times["z"].startswith("2026-07-01T15:29:58.5")


def test_twice_is_told_and_again_is_possible(tmp_path: Path, kept: list[dict[str, Any]]) -> None:
    (tmp_path / "a.log").write_bytes(TEXT)
    assert not imported(tmp_path, dry_run=True)[0].problems
    assert not kept
    imported(tmp_path)
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    assert "imported before" in imported(tmp_path)[0].problems[0]
    assert len(kept) == 2
    imported(tmp_path, again=True)
    assert len(kept) == 4


def test_a_bomb_is_refused_by_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mainstay.observe.intake.bundle.unpack._RATIO_FROM", 1_000_000)
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(gzip.compress(b"0" * 50_000_000)))
    (tmp_path / "b.log").write_bytes(TEXT)
    bomb, good = imported(tmp_path)
    assert "import_max_ratio" in bomb.problems[0]
    assert good.records == 2


def test_nesting_is_bounded(tmp_path: Path) -> None:
    data = TEXT
    for _ in range(settings.current().import_max_nesting + 1):
        data = gzip.compress(data)
    (tmp_path / "deep.gz").write_bytes(data)
    assert "import_max_nesting" in imported(tmp_path)[0].problems[0]


def test_what_cannot_be_read_is_said(tmp_path: Path, kept: list[dict[str, Any]]) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(TEXT * 5000)[:-50])
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 no")
    (tmp_path / "d.parquet").write_bytes(b"PAR1 no")
    found = imported(tmp_path)
    assert len(found) == 4
    assert all(report.problems for report in found)
    with pytest.raises(ProblemError, match="no such file"):
        imported(tmp_path / "none")
    with pytest.raises(ProblemError, match="time zone"):
        imported(tmp_path, timezones=[("*", "Mars")])


def test_records_go_on_over_blocks(tmp_path: Path, kept: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    record = b"2026-01-31 03:04:05,000 ERROR [main] shop.Web: failed\njava.lang.Error: x\n\tat a.B.c(B.java:1)\n"
    (tmp_path / "a.log").write_bytes(record * 200)
    (report,) = imported(tmp_path)
    assert (report.lines, report.records) == (600, 200)
    assert {row["body"].count("\n") for row in kept} == {2}
