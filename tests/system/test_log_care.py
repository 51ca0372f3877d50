"""Imports, formats, policies, usage and archives against a real installation."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mainstay.faces.bench.installation import Installation, installation
from tests.parts import until
from tests.system.sent import sql

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("care")]
CONFIGURATION = """
people: [{email: ana@bench.example, name: Ana, role: admin, contact: [{channel: mail}]}]
log_policies:
  - {key: short, keep_days: 3}
  - {key: small, mb_per_day: 1}
log_formats:
  - {key: ledger, services: [ledger], pattern: 'LDG%{INT:code:int} %{WORD:level} %{GREEDYDATA:message}'}
"""


@pytest.fixture(scope="module")
def here() -> Iterator[Installation]:
    with installation(CONFIGURATION, {"LOG_SERVICE_LINES_PER_SECOND": "20000", "LOG_RATE_PRESSURE": "0"}) as (found, _):
        found.up()
        yield found


def post(here: Installation, service: str, text: str) -> tuple[int, int]:
    """Status and seconds to wait."""
    headers = {"Content-Type": "text/plain", "Authorization": f"Bearer {here.token}"}
    request = urllib.request.Request(f"{here.url}/api/v1/logs?service={service}", text.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, 0
    except urllib.error.HTTPError as error:
        with error:
            return error.code, int(error.headers.get("Retry-After") or 0)


def test_lines_are_read_by_the_format_of_their_service(here: Installation) -> None:
    assert post(here, "ledger", "LDG017 ERROR the day is not closed\nLDG oddly written")[0] == 202
    asked = "SELECT format, level, body, attributes['code'] FROM log_lines WHERE service = 'ledger' ORDER BY id"
    found = until("both", lambda: len(rows := sql(here, asked)) == 2 and rows)
    assert found == [["ledger", "error", "the day is not closed", "17"], ["raw", "", "LDG oddly written", ""]]


def test_lines_are_kept_as_long_as_their_policy_says(here: Installation) -> None:
    assert post(here, "short", "short-lived line")[0] == 202
    assert post(here, "other", "usual line")[0] == 202
    found = until(
        "both",
        lambda: (
            len(rows := sql(here, "SELECT service, keep_days FROM log_lines WHERE body LIKE '%l%ine' ORDER BY service"))
            == 2
            and rows
        ),
    )
    assert found == [["other", 14], ["short", 3]]


def test_above_its_quota_only_warnings_of_a_service_are_taken(here: Installation) -> None:
    assert post(here, "small", "\n".join(["INFO " + "x" * 1000] * 1100))[0] == 202
    status, wait = post(here, "small", "INFO one more")
    assert (status, wait > 0) == (429, True)
    assert post(here, "small", "2026-01-31 03:04:05 ERROR something is wrong")[0] == 202
    assert post(here, "quiet", "INFO of another")[0] == 202


def test_a_noisy_service_waits_and_others_do_not(here: Installation) -> None:
    statuses = [post(here, "noisy", "\n".join(["line"] * 15_000)) for _ in range(4)]
    assert 429 in [status for status, _ in statuses]
    assert all(wait > 0 for status, wait in statuses if status == 429)
    assert post(here, "calm", "a line")[0] == 202


def test_an_archive_is_read_back_deleted_and_imported_again(here: Installation, tmp_path: Path) -> None:
    days = [datetime.now(UTC) - timedelta(days=back) for back in (5, 4, 0)]
    bundle = tmp_path / "archived"
    bundle.mkdir()
    for number, day in enumerate(days):
        text = "".join(
            f"{day:%Y-%m-%d} 03:04:{s:02} ERROR no={s} it's 'quoted' {number}\n\tat a.B\n" for s in range(60)
        )
        (bundle / f"shop'{number}.log").write_text(text)
    (report, *_) = json.loads(here.command("import", "logs", str(bundle), "--service", "sh'op", "--json"))
    assert (report["lines"], report["records"], report["with_time"]) == (120, 60, 1.0)
    hashed = "sum(cityHash64(time, body, level, mapSort(attributes)))"
    wanted = f"SELECT count(), {hashed} FROM log_lines WHERE service = 'sh\\'op'"
    before = until("all", lambda: (rows := sql(here, wanted)) and rows[0][0] == 180 and rows)
    usage = json.loads(here.command("logs", "usage", "--days", "8", "--json"))
    assert [row["lines"] for row in usage if row["service"] == "sh'op"] == [60, 60, 60]
    asked = urllib.request.Request(
        f"{here.url}/api/v1/logs/usage?days=8", headers={"Authorization": f"Bearer {here.token}"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert len(json.load(answer)["usage"]) == len(usage)
    out = tmp_path / "out"
    tomorrow = f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}"
    found = json.loads(here.command("logs", "archive", "--before", tomorrow, "--to", str(out), "--delete", "--json"))
    mine: list[dict[str, Any]] = [row for row in found if row["service"] == "sh'op"]
    assert [row["lines"] for row in mine] == [60, 60]
    assert sql(here, wanted)[0][0] == 60
    assert len(json.loads((out / "manifest.json").read_text())) == len(found)
    here.command("import", "logs", *(str(out / row["file"]) for row in mine))
    assert until("all again", lambda: (rows := sql(here, wanted)) and rows[0][0] == 180 and rows) == before


def test_a_file_that_cannot_be_read_is_an_exit_code(here: Installation, tmp_path: Path) -> None:
    (tmp_path / "bad.bin").write_bytes(bytes(range(256)) * 50)
    words = [sys.executable, "-m", "mainstay", "import", "logs", str(tmp_path / "bad.bin")]
    done = subprocess.run(words, env=here.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no text" in done.stdout
